"""A stream, packets that keep flowing both ways while a lab changes, and what came of it: values only.

Every source port of a stream is a flow of its own, a 5-tuple each way, so that all branches of a way
with several next hops carry some of it. Each direction is paced by itself, as in a call: that one is
cut does not silence the other. ``lab.probe.streaming`` runs one, ``lab.probe.meter`` counts.

Moments are seconds on the monotonic clock, as in the event log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.bgp.route import Address
from lab.probe.flows import EPHEMERAL_PORT, Flow

Direction = Literal["forward", "return"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "return")

PACE_S = 0.02
"""Between two packets of one port and direction. No interruption can be told more exactly."""
PORTS = 8
"""Where a way has two branches, all of them miss one of the two once in 128 times."""
MOST_PORTS = 64
FIRST_PORT = EPHEMERAL_PORT + 1024
"""The probes of a single look use those below, and some of them want nobody to listen."""


@dataclass(frozen=True, slots=True)
class Stream:
    """``source`` is the namespace that begins, ``source_address`` one of its own; None leaves the
    choice to its kernel. ``port``: the UDP port at the destination, None for one that is free.
    ``size`` is that of the whole IP packet in bytes; None is the smallest that does."""

    name: str
    source: str
    destination: Address
    source_address: Address | None = None
    port: int | None = None
    ports: int = PORTS
    size: int | None = None
    pace: float = PACE_S

    @property
    def flow(self) -> Flow:
        """One of its flows, for whoever follows the way of it."""
        port = FIRST_PORT if self.port is None else self.port
        return Flow(self.source, self.destination, self.source_address, "udp", FIRST_PORT, port, self.size)


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing of a port arrived: from ``start``, when the first packet was sent that should have,
    until the next one arrived ``seconds`` later. ``lost`` were sent in between and never came."""

    start: float
    seconds: float
    lost: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Packets of one direction. What is neither arrived nor lost is on its way.

    ``reordered`` ones arrived after a later one. ``longest`` is the longest interruption; a delay by
    which nothing is lost is none unless it is long (``lab.probe.meter``).
    """

    sent: int = 0
    arrived: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    longest: Gap | None = None

    def __add__(self, other: Tally) -> Tally:
        """Of both together: of several ports, or of one after the other."""
        gaps = [gap for gap in (self.longest, other.longest) if gap is not None]
        return Tally(
            self.sent + other.sent,
            self.arrived + other.arrived,
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.reordered + other.reordered,
            max(gaps, key=lambda gap: (gap.seconds, gap.lost, -gap.start), default=None),
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """One direction of a stream, all of its ports together. ``interrupted`` of the ports ever were;
    ``silent_since``: when the first packet was sent that has not arrived on a port of which nothing
    arrives any more, None when all of them flow."""

    tally: Tally
    ports: int
    interrupted: int
    silent_since: float | None


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What came of a stream by the moment ``at``: since it ``started``, and since it was last
    ``marked``. ``refused``: what the kernel of the sender last said against sending since then, for the
    directions in which it did."""

    stream: Stream
    started: float
    marked: float
    at: float
    total: Mapping[Direction, Passage]
    recent: Mapping[Direction, Passage]
    refused: Mapping[Direction, str] = field(default_factory=dict)
