"""Waiting without sleeping: observe, within a named budget.

Durations are seconds on the monotonic clock. Every limit has a name, so that a failure can
say which one was too short.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lab.errors import BackendError

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic time, and waiting for it to pass; a test brings one of its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on waiting, in seconds. Not a claim about how long something takes."""

    name: str
    seconds: float


CONVERGENCE = Budget("convergence", 60.0)
AGENT_ANSWER = Budget("agent-answer", 10.0)
CONTROL_ANSWER = Budget("control-answer", 20.0)
CHARON_LISTENS = Budget("charon-listens", 10.0)
LAB_END = Budget("lab-end", 15.0)
PROBE = Budget("probe", 1.0)
NEIGHBOR_ANSWER = Budget("neighbor-answer", 1.0)

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.2


@dataclass
class Backoff:
    """Pauses that start short and grow by half, up to a limit."""

    pause: float = FIRST_PAUSE
    limit: float = LONGEST_PAUSE

    def next(self) -> float:
        pause, self.pause = self.pause, min(self.pause * 1.5, self.limit)
        return pause


def wait_until(
    what: str,
    observe: Callable[[], Seen],
    holds: Callable[[Seen], bool],
    budget: Budget,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Seen:
    """Observe until ``holds``; returns what was seen then.

    Raises BackendError naming the budget and the last thing seen.
    """
    deadline = clock() + budget.seconds
    backoff = Backoff()
    while True:
        seen = observe()
        if holds(seen):
            return seen
        if clock() >= deadline:
            raise BackendError(f"{what}: not within {budget.seconds:g} s ({budget.name}); last seen: {seen}")
        sleep(backoff.next())
