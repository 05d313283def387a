"""Judging an interruption: what came of a flow in, a Sight out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from math import inf
from typing import Any

import pytest
from running_builders import PLAN, FakeTime, memory_lab

from lab.errors import InputError
from lab.probe.stream import Direction, Gap, Passage, Stream, StreamReport, Tally
from lab.scenario.bounds import REACTION_S
from lab.scenario.kinds.base import Sight
from lab.scenario.kinds.flow import Interruption, StartFlow
from lab.scenario.report_text import verdict_text
from lab.scenario.runner import Runner
from lab.scenario.running import RunningLab

STREAM = Stream("f", "r0", ip_address("10.255.255.3"))
HOLD = 10
SENT = 4000
MARKED, NOW = 100.0, 140.0


def passed(
    seconds: float = 0, *, ports: int = 8, lost: int = 0, silent_since: float | None = None
) -> Passage:
    """Interrupted for so long, 20 ms after the mark."""
    gap = Gap(MARKED + 0.02, seconds, lost) if seconds else None
    return Passage(Tally(SENT, SENT - lost, lost, longest=gap), 8, ports, silent_since)


def report(forward: Passage, back: Passage, **facts: Any) -> StreamReport:
    recent: dict[Direction, Passage] = {"forward": forward, "return": back}
    return replace(StreamReport(STREAM, 90.0, MARKED, NOW, total=recent, recent=recent), **facts)


UNHARMED = passed()


def judged(forward: Passage, back: Passage = UNHARMED, **claim: Any) -> Sight:
    return Interruption(flow="f", **claim).judge(report(forward, back), PLAN)


# Bounds.


@pytest.mark.parametrize(
    ("seconds", "claim", "holds"),
    [
        (0, {"at_most": "carrier"}, True),
        (REACTION_S, {"at_most": "carrier"}, True),
        (REACTION_S + 0.01, {"at_most": "carrier"}, False),
        (HOLD + REACTION_S, {"at_most": "hold"}, True),
        (HOLD + REACTION_S + 0.01, {"at_most": ["hold"]}, False),
        (HOLD + REACTION_S + 0.01, {"at_most": ["hold", "connect_retry"]}, True),
        (5.99, {"at_least": "hold", "direction": "forward"}, False),
        (6.0, {"at_least": "hold", "direction": "forward"}, True),
    ],
)
def test_the_longest_interruption_is_held_to_its_bounds(
    seconds: float, claim: dict[str, Any], holds: bool
) -> None:
    assert judged(passed(seconds), **claim).holds is holds


@pytest.mark.parametrize(("lost", "holds"), [(0, True), (3, True), (4, False)])
def test_lost_packets_are_counted(lost: int, holds: bool) -> None:
    assert judged(passed(0.1, lost=lost), lost_at_most=3).holds is holds


def test_each_of_both_directions_is_held_to_the_bounds_by_itself() -> None:
    harmed = passed(8, lost=400)
    assert not judged(harmed, at_most="carrier").holds
    assert not judged(UNHARMED, harmed, at_most="carrier").holds
    assert not judged(harmed, at_least="hold").holds, "the way back was not interrupted"
    assert judged(harmed, harmed, at_least="hold").holds


@pytest.mark.parametrize(("direction", "holds"), [("forward", True), ("return", False), ("both", False)])
def test_a_direction_alone_says_nothing_of_the_other(direction: str, holds: bool) -> None:
    assert judged(UNHARMED, passed(8), direction=direction, at_most="carrier").holds is holds


# While it is not over.


def test_a_flow_that_is_silent_has_yet_to_come_back_however_short_that_is() -> None:
    sight = judged(passed(silent_since=NOW - 0.2), at_most="hold")
    assert not sight.holds
    assert not sight.final


def test_nothing_is_within_any_bound_where_nothing_ever_arrived() -> None:
    none = Passage(Tally(), 8, 0, None)
    assert not judged(UNHARMED, none, lost_at_most=0).holds


@pytest.mark.parametrize(
    ("forward", "claim", "final"),
    [
        (passed(8), {"at_most": "carrier"}, True),
        (passed(8, silent_since=NOW - 3), {"at_most": "carrier"}, False),
        (passed(1, lost=9), {"lost_at_most": 8}, True),
        (passed(1), {"at_least": "hold"}, False),
    ],
)
def test_only_a_broken_bound_from_above_is_final_and_only_once_it_flows(
    forward: Passage, claim: dict[str, Any], final: bool
) -> None:
    assert judged(forward, **claim).final is final


# Words.


def test_what_was_seen_has_the_numbers_and_where_the_bounds_come_from() -> None:
    sight = judged(passed(1.3212, ports=4, lost=66), at_least="hold", at_most=["hold", "connect_retry"])
    assert sight.seen.splitlines() == [
        "forward: interrupted for 1.32 s on 4 of 8 ports, from 0.02 s after the last action, "
        "66 of 4000 packets lost",
        "return: not interrupted, 0 of 4000 packets lost",
        "at least 6 s: hold time 6 s",
        "at most 15 s: hold time 10 s, connect retry 2 s, reaction 3 s",
    ]


def test_what_is_not_over_says_since_when_and_what_the_kernel_says() -> None:
    silent = passed(silent_since=MARKED - 0.5)
    seen = Interruption(flow="f", direction="forward", at_most="carrier").judge(
        report(silent, UNHARMED, refused={"forward": "Network is unreachable"}), PLAN
    )
    assert seen.seen.splitlines()[0] == (
        "forward: silent for 40.5 s, since 0.50 s before the last action, 0 of 4000 packets lost; "
        "could not be sent: Network is unreachable"
    )


def test_the_claim_names_the_bounds() -> None:
    claim = Interruption(flow="f", direction="return", at_most=["hold", "retry"], lost_at_most=1).claim()
    assert claim == "f flows back, interrupted for at most hold + retry and with at most 1 packet lost"


# In the runner's hands.


class Recovering(Interruption):
    """A flow that is silent until a moment, and has been interrupted for as long by then."""

    model_config = {"arbitrary_types_allowed": True}
    time: FakeTime
    until: float

    def look(self, lab: RunningLab) -> Sight:
        elapsed = self.time.elapsed
        if elapsed < self.until:
            return self.judge(report(passed(silent_since=NOW - elapsed), UNHARMED), PLAN)
        return self.judge(report(passed(self.until, lost=9), UNHARMED), PLAN)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def recovering(time: FakeTime, until: float) -> Recovering:
    return Recovering(time=time, until=until, flow="f", at_most=("hold",))


def test_it_is_waited_for_until_the_flow_comes_back(time: FakeTime) -> None:
    verdict = Runner(memory_lab(), time.clock).expect(recovering(time, 9))
    assert verdict.holds
    assert 9 <= time.elapsed < 9.3


def test_one_that_comes_back_too_late_fails_as_soon_as_it_is_back(time: FakeTime) -> None:
    lab = memory_lab(streams={"f": report(UNHARMED, UNHARMED)})
    verdict = Runner(lab, time.clock).expect(recovering(time, 20))
    assert not verdict.holds
    assert 20 <= time.elapsed < 20.3
    assert verdict.seen.startswith("forward: interrupted for 20 s")
    assert (verdict.waited, verdict.later, verdict.broken_link) == (None, None, None)


def test_one_that_never_comes_back_fails_says_since_when_and_where_its_way_is_broken(time: FakeTime) -> None:
    silent = report(passed(silent_since=MARKED + 1), UNHARMED)
    lab = memory_lab(streams={"f": silent}, broken="r1 has no route to 10.255.255.3")
    verdict = Runner(lab, time.clock).expect(recovering(time, inf))
    text = verdict_text(verdict)
    assert verdict.seen.startswith("forward: silent for ")
    assert "broken link  r1 has no route to 10.255.255.3" in text
    assert verdict.later is not None
    assert verdict.later.startswith("nor ")


def test_whatever_is_done_is_marked_before_and_what_is_looked_at_is_not(time: FakeTime) -> None:
    lab = memory_lab()
    runner = Runner(lab, time.clock)
    address = PLAN.addresses[-1].address.ip
    runner.do(StartFlow(name="f", source="r0", destination=address))
    assert lab.marks == 1
    runner.change({})
    assert lab.marks == 2
    assert runner.expect(Interruption(flow="f", lost_at_most=0)).holds
    assert lab.marks == 2


def test_a_flow_is_begun_once(time: FakeTime) -> None:
    lab = memory_lab()
    start = StartFlow(name="f", source="r0", destination=PLAN.addresses[-1].address.ip, ports=1, size=1400)
    assert start.do(lab).endswith("every 20 ms by 1 port")
    assert lab.flow("f").stream.size == 1400
    with pytest.raises(InputError, match="there is a flow f already"):
        start.do(lab)
