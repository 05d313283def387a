"""The runner's waiting, on a clock that is moved by waiting."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import pytest
from running_builders import WAITS, AwayDuring, During, FakeTime, memory_lab

from lab.errors import BackendError, InputError
from lab.scenario.kinds.announce import Originate
from lab.scenario.kinds.base import Expectation, LabTimer, Sight
from lab.scenario.kinds.session import SessionUp
from lab.scenario.memory import MemoryLab
from lab.scenario.result import Outcome, StepResult
from lab.scenario.runner import Runner
from lab.scenario.running import RunningLab
from lab.scenario.step import Step

PATIENCE = WAITS.claim.seconds
KEEPALIVE = 3.0

ALWAYS = ((0.0, inf),)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def runner(time: FakeTime) -> Runner:
    return Runner(memory_lab(), time.clock)


def during(time: FakeTime, *spans: tuple[float, float], link: str | None = None) -> During:
    return During(time=time, spans=spans, link=link)


def away(time: FakeTime, *spans: tuple[float, float]) -> AwayDuring:
    return AwayDuring(time=time, spans=spans, holds_for=LabTimer.KEEPALIVE)


# A claim that something is there.


def test_what_holds_passes_at_the_first_look(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(during(time, *ALWAYS))
    assert verdict.holds
    assert time.slept == []
    assert (verdict.waited, verdict.broken_link, verdict.later) == (None, None, None)


def test_what_comes_true_in_time_passes(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(during(time, (PATIENCE - 1, inf)))
    assert verdict.holds
    assert PATIENCE - 1 <= time.elapsed < PATIENCE


def test_looks_come_fast_at_first_and_never_stop_coming(time: FakeTime, runner: Runner) -> None:
    runner.expect(during(time, (5, inf)))
    assert time.slept[0] <= 0.01
    assert time.slept == sorted(time.slept)
    assert max(time.slept) <= 0.2


def test_what_never_comes_true_fails_and_says_all_there_is(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(during(time, link="the wire is cut"))
    assert not verdict.holds
    assert verdict.claim == "the sun shines"
    assert verdict.seen == f"rain after {PATIENCE:.1f} s"
    assert verdict.broken_link == "the wire is cut"
    assert verdict.later == f"nor {PATIENCE:.0f} s later"


def test_the_deadline_is_named_by_what_it_is_made_of(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(during(time))
    assert verdict.waited == "27 s (hold time 10 s, restart 5 s, connect retry 2 s, margin 10 s)"


def test_what_comes_true_too_late_fails_and_says_when_it_held(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(during(time, (PATIENCE + 4, inf)))
    assert not verdict.holds
    assert verdict.seen.startswith("rain")
    assert verdict.later is not None
    assert verdict.later.startswith("it held 4")
    assert time.elapsed < PATIENCE + 5


def test_a_positive_claim_need_not_go_on_holding(time: FakeTime, runner: Runner) -> None:
    assert runner.expect(during(time, (0, 1))).holds


# A claim that something is not there.


def test_an_absence_is_watched_for_as_long_as_it_must_hold(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(away(time, *ALWAYS))
    assert verdict.holds
    assert KEEPALIVE <= time.elapsed < KEEPALIVE + 0.3
    assert verdict.claim == "no cloud is seen, for 3 s (keepalive)"


def test_an_absence_may_take_its_time_to_begin(time: FakeTime, runner: Runner) -> None:
    assert runner.expect(away(time, (PATIENCE - 1, inf))).holds
    assert time.elapsed >= PATIENCE - 1 + KEEPALIVE


def test_an_absence_that_is_broken_fails_and_says_when(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(away(time, (0, 2)))
    assert not verdict.holds
    assert verdict.waited is not None
    assert verdict.waited.startswith("it held for 2")
    assert verdict.absence
    assert verdict.seen.startswith("rain after 2")
    assert verdict.later is None


def test_a_break_at_the_very_end_is_a_break(time: FakeTime, runner: Runner) -> None:
    assert not runner.expect(away(time, (0, KEEPALIVE - 0.01))).holds


def test_an_absence_that_never_begins_fails(time: FakeTime, runner: Runner) -> None:
    verdict = runner.expect(away(time))
    assert not verdict.holds
    assert verdict.waited is not None
    assert "hold time" in verdict.waited
    assert verdict.later == f"nor {PATIENCE:.0f} s later"
    assert verdict.absence


# The lab's own failures.


class Refusing(Expectation):
    """The lab cannot be looked at."""

    def claim(self) -> str:
        return "all is well"

    def look(self, lab: RunningLab) -> Sight:
        raise BackendError("the lab ended", hint="was it killed?")


class Vanishing(During):
    """The lab is gone once the deadline is over."""

    def look(self, lab: RunningLab) -> Sight:
        if self.time.elapsed > PATIENCE + 1:
            raise BackendError("the lab ended")
        return super().look(lab)

    def broken_link(self, lab: RunningLab) -> str | None:
        raise InputError("there is no such node")


def test_a_lab_that_does_not_answer_is_an_error_at_once(time: FakeTime, runner: Runner) -> None:
    with pytest.raises(BackendError):
        runner.expect(Refusing())
    assert time.elapsed == 0


def test_a_lab_that_dies_while_a_failure_is_looked_into_leaves_the_failure(
    time: FakeTime, runner: Runner
) -> None:
    verdict = runner.expect(Vanishing(time=time, spans=()))
    assert not verdict.holds
    assert verdict.later == "nobody knows: the lab ended"
    assert verdict.broken_link == "could not be found: there is no such node"


# Steps.

UP = Step(say="It is up.", session=SessionUp(node="r0", neighbor="r1"))
NEVER = Step(say="It is not.", session=SessionUp(node="r0", neighbor="r1"))
ANNOUNCE = Step(say="Announce.", originate=Originate(node="r0", prefixes=("10.9.0.0/24",), as_path=(64999,)))
ELSEWHERE = Step(say="Nowhere.", session=SessionUp(node="r9", neighbor="r1"))
CHANGE = Step(say="Change.", change={"description": "other"})


def run(lab: MemoryLab, time: FakeTime, *steps: Step) -> list[StepResult]:
    return list(Runner(lab, time.clock).run(steps))


def test_steps_are_run_in_order_and_counted_from_one(time: FakeTime) -> None:
    lab = memory_lab(changes=["r0: export policy towards r1"])
    up, announced, changed = run(lab, time, UP, ANNOUNCE, CHANGE)
    assert [each.number for each in (up, announced, changed)] == [1, 2, 3]
    assert {each.outcome for each in (up, announced, changed)} == {Outcome.PASSED}
    assert (up.kind, up.node, up.seen) == ("session", "r0", "established")
    assert announced.did == "r0 announces 10.9.0.0/24 with AS path 64999"
    assert changed.did == "r0: export policy towards r1"
    assert [route["prefix"] for route in lab.routes("r0")] == ["10.9.0.0/24"]


def test_after_a_failure_nothing_is_done_any_more(time: FakeTime) -> None:
    lab = memory_lab()
    lab.sessions_of["r0"][0]["state"] = "active"
    failed, *others = run(lab, time, NEVER, ANNOUNCE, UP)
    assert failed.outcome is Outcome.FAILED
    assert failed.seconds == pytest.approx(2 * PATIENCE, abs=1)
    assert [each.outcome for each in others] == [Outcome.NOT_RUN, Outcome.NOT_RUN]
    assert lab.routes("r0") == []


def test_after_an_error_nothing_is_done_any_more(time: FakeTime) -> None:
    lab = memory_lab()
    wrong, announced = run(lab, time, ELSEWHERE, ANNOUNCE)
    assert wrong.outcome is Outcome.ERROR
    assert wrong.error is not None
    assert "r9" in wrong.error
    assert announced.outcome is Outcome.NOT_RUN
    assert lab.routes("r0") == []


def test_results_come_one_by_one_while_steps_are_run(time: FakeTime) -> None:
    lab = memory_lab()
    results: Iterator[StepResult] = Runner(lab, time.clock).run([UP, ANNOUNCE])
    assert next(results).number == 1
    assert lab.routes("r0") == []
    assert next(results).number == 2
    assert lab.routes("r0")


def test_ctrl_c_is_not_taken_for_a_result(time: FakeTime) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    lab = memory_lab(unsettled=3)
    runner = Runner(lab, type(time.clock)(time.clock.now, interrupt))
    with pytest.raises(KeyboardInterrupt):
        list(runner.run([ANNOUNCE, UP]))


# After a change, before the next look.


def test_the_lab_may_settle_before_it_is_looked_at_again(time: FakeTime) -> None:
    lab = memory_lab(unsettled=5)
    run(lab, time, ANNOUNCE)
    assert lab.settled()
    assert len(time.slept) == 4


def test_a_lab_that_never_settles_is_looked_at_anyway(time: FakeTime) -> None:
    announced, up = run(memory_lab(unsettled=10**9), time, ANNOUNCE, UP)
    assert announced.outcome is up.outcome is Outcome.PASSED
    assert announced.seconds == pytest.approx(KEEPALIVE, abs=0.3)
