"""Waiting without sleeping: observe, within a named budget.

Durations are seconds on the monotonic clock. Every limit has a name, so that a failure can
say which one was too short; all of them are multiplied by ``MSEELAB_PATIENCE``.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lab.errors import BackendError, InputError

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


def _patience(text: str) -> float:
    """Raises InputError for what is not a finite number above 0."""
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(
            f"{PATIENCE_VARIABLE} is {text!r}, not a number above 0",
            hint="it multiplies how long things may take: 5 for a host that is five times slower",
        )
    return factor


PATIENCE_VARIABLE = "MSEELAB_PATIENCE"
PATIENCE = _patience(os.environ.get(PATIENCE_VARIABLE, "1"))
"""More than 1 for a slow host, such as one that is emulated."""


def _named(name: str, seconds: float) -> Budget:
    """A budget on a fast host, as it is on this one."""
    return Budget(name, seconds * PATIENCE)


CONVERGENCE = _named("convergence", 60.0)
AGENT_ANSWER = _named("agent-answer", 10.0)
CONTROL_ANSWER = _named("control-answer", 20.0)
CHARON_LISTENS = _named("charon-listens", 10.0)
KEYS_KNOWN = _named("keys-known", 10.0)
CARRIER = _named("carrier", 2.0)
DAEMON_END = _named("daemon-end", 5.0)
FORGETTING = _named("forgetting", 2.0)
LAB_END = _named("lab-end", 15.0)
PROBE = _named("probe", 1.0)
STREAM_ANSWER = _named("stream-answer", 10.0)
TRANSFER = _named("transfer", 60.0)
TRANSFER_SILENCE = _named("transfer-silence", 3.0)
ENGINE_ANSWER = _named("engine-answer", 60.0)
PROGRAM_END = _named("program-end", 15.0)
NEIGHBOR_ANSWER = _named("neighbor-answer", 1.0)

TUNNEL_RETRY_S = 4.0
"""Between two tries to begin a tunnel. Azure tries again "every few seconds" (learn.microsoft.com,
troubleshoot-vpn-with-azure-diagnostics)."""

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.2


@dataclass
class Backoff:
    """Pauses that start short and grow, by half unless told otherwise, up to a limit."""

    pause: float = FIRST_PAUSE
    limit: float = LONGEST_PAUSE
    growth: float = 1.5

    def next(self) -> float:
        pause, self.pause = self.pause, min(self.pause * self.growth, self.limit)
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
