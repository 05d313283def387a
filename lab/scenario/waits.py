"""How long a scenario waits: from the timers of the lab, so that no file holds a number of seconds.

A claim is given as long as the slowest thing may take that BGP does by itself: a dead session
is noticed after the hold time, rests for the restart time, and is tried again by the next
connect retry.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.bgp.speaker import Timers
from lab.plan.types import Plan
from lab.scenario.kinds.base import LabTimer
from lab.timing import Budget

CONNECT_RETRY_S = 2.0
"""The longest pause of our speakers between two connections."""

MARGIN_S = 10.0
"""For a slow host: routes to compute, kernels to write, probes to send."""


@dataclass(frozen=True, slots=True)
class Waits:
    """``claim``: until a claim must hold. ``later``: how long to look on after it did not, to tell
    a slow lab from a wrong one. ``settle``: after a change, until the lab may be looked at."""

    claim: Budget
    later: Budget
    settle: Budget
    timers: Timers

    def holding(self, timer: LabTimer) -> Budget:
        """How long an absence must go on."""
        seconds = {
            LabTimer.KEEPALIVE: self.timers.keepalive,
            LabTimer.HOLD: self.timers.hold,
            LabTimer.RESTART: self.timers.restart,
        }
        return Budget(timer.value, seconds[timer])


def waits_of(plan: Plan, patience: float = 1.0) -> Waits:
    """By the slowest of the lab's sessions; ``patience`` multiplies what a slow host makes longer."""
    timers = _slowest([n.timers for speaker in plan.speakers for n in speaker.config.neighbors])
    limit = patience * (timers.hold + timers.restart + CONNECT_RETRY_S + MARGIN_S)
    parts = (
        f"hold time {timers.hold} s, restart {timers.restart} s, "
        f"connect retry {CONNECT_RETRY_S:g} s, margin {MARGIN_S:g} s"
    )
    return Waits(
        claim=Budget(parts if patience == 1 else f"{patience:g} times {parts}", limit),
        later=Budget("as long again", limit),
        settle=Budget("keepalive", timers.keepalive),
        timers=timers,
    )


def _slowest(timers: list[Timers]) -> Timers:
    if not timers:
        return Timers(keepalive=0, hold=0, restart=0)
    return Timers(
        keepalive=max(each.keepalive for each in timers),
        hold=max(each.hold for each in timers),
        restart=max(each.restart for each in timers),
    )
