"""Waiting takes no time here: the clock is the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from lab.errors import BackendError
from lab.timing import FIRST_PAUSE, LONGEST_PAUSE, Backoff, Budget, wait_until

BUDGET = Budget("test-budget", 10.0)


class FakeClock:
    """Time passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def wait(clock: FakeClock, observe: Callable[[], object], wanted: object) -> object:
    return wait_until(
        "the lamp",
        observe,
        lambda seen: seen == wanted,
        BUDGET,
        clock=clock.time,
        sleep=clock.sleep,
    )


def answers(*values: str) -> Callable[[], str]:
    """These one after the other, and then the last for ever."""
    rest: Iterator[str] = iter(values)
    return lambda: next(rest, values[-1])


def test_what_holds_already_is_not_waited_for(clock: FakeClock) -> None:
    assert wait(clock, answers("on"), "on") == "on"
    assert clock.pauses == []


def test_waiting_ends_with_what_was_seen(clock: FakeClock) -> None:
    assert wait(clock, answers("off", "dim", "on"), "on") == "on"
    assert len(clock.pauses) == 2


def test_a_failure_names_the_budget_and_the_last_thing_seen(clock: FakeClock) -> None:
    with pytest.raises(BackendError) as failure:
        wait(clock, answers("off", "dim"), "on")
    assert failure.value.message == "the lamp: not within 10 s (test-budget); last seen: dim"
    assert BUDGET.seconds <= clock.now - 1000 < BUDGET.seconds + LONGEST_PAUSE


def test_there_is_a_last_look_after_the_budget_is_spent(clock: FakeClock) -> None:
    assert wait(clock, lambda: clock.now >= 1000 + BUDGET.seconds, True) is True


def test_a_budget_of_nothing_still_looks_once(clock: FakeClock) -> None:
    nothing = Budget("none", 0.0)
    seen = wait_until("x", lambda: 1, lambda one: one == 1, nothing, clock=clock.time, sleep=clock.sleep)
    assert seen == 1
    with pytest.raises(BackendError, match=r"not within 0 s \(none\); last seen: 1"):
        wait_until("x", lambda: 1, lambda one: one == 2, nothing, clock=clock.time, sleep=clock.sleep)
    assert clock.pauses == []


def test_pauses_start_short_and_grow_to_a_limit(clock: FakeClock) -> None:
    with pytest.raises(BackendError):
        wait(clock, answers("off"), "on")
    assert clock.pauses[0] == FIRST_PAUSE
    assert all(shorter <= longer <= LONGEST_PAUSE for shorter, longer in pairwise(clock.pauses))
    assert clock.pauses[-1] == LONGEST_PAUSE


def test_a_backoff_grows_by_half() -> None:
    backoff = Backoff(pause=0.1, limit=0.2)
    assert [round(backoff.next(), 3) for _ in range(4)] == [0.1, 0.15, 0.2, 0.2]
