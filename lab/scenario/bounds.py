"""How long an interruption may take: from the timers of the lab, so that no file holds a number of seconds.

A bound names what has to happen before traffic takes another way, one thing after the other. What
the lab itself needs then, to compute routes and to write them into kernels, comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from lab.plan.types import Plan
from lab.scenario.waits import CONNECT_RETRY_S
from lab.timing import TUNNEL_RETRY_S, Budget

REACTION_S = 3.0
"""What a lab on a slow host needs from the moment somebody has noticed: in any bound from above."""
CLOCK_STEP_S = 1.0
"""ExaBGP's timers count whole seconds, so a keepalive may come so much late."""


class Cause(Enum):
    """Something that takes its time."""

    CARRIER = "carrier"
    """A link that goes down tells its ends at once."""
    HOLD = "hold"
    """A session whose peer is silent ends with the hold time."""
    RESTART = "restart"
    """The pause of a session that had too many prefixes."""
    CONNECT_RETRY = "connect_retry"
    """The pause between two tries to connect."""
    DEAD_PEER_DETECTION = "dead_peer_detection"
    """A tunnel whose peer is silent ends with its `dpd_timeout_seconds`."""
    RETRY = "retry"
    """The pause between two tries to begin a tunnel."""


OF_SESSIONS = frozenset({Cause.HOLD, Cause.RESTART, Cause.CONNECT_RETRY})
OF_TUNNELS = frozenset({Cause.DEAD_PEER_DETECTION, Cause.RETRY})


@dataclass(frozen=True, slots=True)
class Span:
    """How long something takes in a lab, in seconds: at least, and at most."""

    name: str
    least: float
    most: float


def at_most(plan: Plan, causes: Sequence[Cause]) -> Budget:
    """The longest that these may take together, one after the other."""
    spans = [span_of(plan, cause) for cause in causes]
    return _total([*((span.name, span.most) for span in spans), ("reaction", REACTION_S)])


def at_least(plan: Plan, causes: Sequence[Cause]) -> Budget:
    """The shortest."""
    spans = [span_of(plan, cause) for cause in causes]
    return _total((span.name, span.least) for span in spans)


def span_of(plan: Plan, cause: Cause) -> Span:
    """By the slowest and the quickest of the lab's sessions and tunnels.

    A peer may fall silent just before its next keepalive was due: then some of the hold time is
    over already. Nothing is said here about how quick dead peer detection is.
    """
    timers = [n.timers for speaker in plan.speakers for n in speaker.config.neighbors]
    match cause:
        case Cause.CARRIER:
            return Span("carrier", 0, 0)
        case Cause.HOLD:
            quickest = min((each.hold - each.keepalive for each in timers), default=0) - CLOCK_STEP_S
            return Span("hold time", max(0, quickest), max((each.hold for each in timers), default=0))
        case Cause.RESTART:
            pauses = [each.restart for each in timers]
            return Span("restart", min(pauses, default=0), max(pauses, default=0))
        case Cause.CONNECT_RETRY:
            return Span("connect retry", 0, CONNECT_RETRY_S)
        case Cause.DEAD_PEER_DETECTION:
            return Span("DPD timeout", 0, max((end.dpd_timeout for end in plan.tunnels), default=0))
        case Cause.RETRY:
            return Span("tunnel retry", 0, TUNNEL_RETRY_S)


def _total(parts: Iterable[tuple[str, float]]) -> Budget:
    parts = list(parts)
    named = ", ".join(f"{name} {seconds:g} s" for name, seconds in parts)
    return Budget(named, sum(seconds for _, seconds in parts))
