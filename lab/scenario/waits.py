"""How long a scenario waits: from the timers of the lab, so that no file holds a number of seconds.

A claim is given as long as the slowest thing may take that BGP does by itself: a dead session
is noticed after the hold time, rests for the restart time, and is tried again by the next
connect retry. A claim about a tunnel may take longer where a silent peer is noticed later than
a dead session, and has to wait for the next try to begin one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.bgp.speaker import Timers
from lab.plan.types import Plan
from lab.scenario.kinds.base import Expectation, LabTimer
from lab.timing import TUNNEL_RETRY_S, Budget

CONNECT_RETRY_S = 2.0
"""The longest pause of our speakers between two connections."""

MARGIN_S = 10.0
"""For a slow host: routes to compute, kernels to write, probes to send."""


@dataclass(frozen=True, slots=True)
class Waits:
    """``claim``: until a claim must hold; ``tunnel``: until one about a tunnel must. ``settle``: after a
    change, until the lab may be looked at."""

    claim: Budget
    tunnel: Budget
    settle: Budget
    timers: Timers

    def until(self, expectation: Expectation) -> Budget:
        """Until it must hold."""
        return self.tunnel if expectation.of_tunnels else self.claim

    def holding(self, timer: LabTimer) -> Budget:
        """How long an absence must go on."""
        seconds = {
            LabTimer.KEEPALIVE: self.timers.keepalive,
            LabTimer.HOLD: self.timers.hold,
            LabTimer.RESTART: self.timers.restart,
            LabTimer.RETRY: TUNNEL_RETRY_S,
        }
        return Budget(timer.value, seconds[timer])


def waits_of(plan: Plan, patience: float = 1.0) -> Waits:
    """By the slowest of the lab's sessions; ``patience`` multiplies what a slow host makes longer."""
    timers = _slowest([n.timers for speaker in plan.speakers for n in speaker.config.neighbors])
    silence = max((end.dpd_timeout for end in plan.tunnels), default=0)
    noticed = {"hold time": timers.hold}
    slower = {"DPD timeout": silence} if silence > timers.hold else noticed
    rest = {"restart": timers.restart, "connect retry": CONNECT_RETRY_S, "margin": MARGIN_S}
    return Waits(
        claim=_budget(noticed | rest, patience),
        tunnel=_budget(slower | {"tunnel retry": TUNNEL_RETRY_S} | rest, patience),
        settle=Budget("keepalive", timers.keepalive),
        timers=timers,
    )


def _budget(parts: Mapping[str, float], patience: float) -> Budget:
    named = ", ".join(f"{part} {seconds:g} s" for part, seconds in parts.items())
    return Budget(named if patience == 1 else f"{patience:g} times {named}", patience * sum(parts.values()))


def _slowest(timers: list[Timers]) -> Timers:
    if not timers:
        return Timers(keepalive=0, hold=0, restart=0)
    return Timers(
        keepalive=max(each.keepalive for each in timers),
        hold=max(each.hold for each in timers),
        restart=max(each.restart for each in timers),
    )
