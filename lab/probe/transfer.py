"""A transfer, bytes over TCP from one place to another, and what came of it: values only.

Every source port is a connection of its own that carries all of the bytes, so that all branches of a way
with several next hops carry some. ``lab.probe.transferring`` runs one, ``lab.probe.carrying`` carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lab.bgp.route import Address
from lab.probe.flows import Flow
from lab.probe.stream import PORTS

LENGTH = 1_000_000
"""Bytes of a connection: a few hundred segments."""
LONGEST = 100_000_000
LEAST_MSS = 536
"""What any host takes over IPv4 (RFC 9293 section 3.7.1)."""
PORT = 61000
"""The destination's. Linux gives no connection a port from here on by itself (``ip_local_port_range``)."""
FIRST_SOURCE_PORT = PORT + 1

OPTIONS = 12
"""Bytes of TCP's timestamps in each segment (RFC 7323), which do not count as the segment's."""
HEADERS = {4: 20 + 20 + OPTIONS, 6: 40 + 20 + OPTIONS}
"""Bytes around a segment, by the version of IP."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """``source`` is the namespace that sends, ``source_address`` one of its own; None leaves the choice to
    its kernel. ``port``: the TCP port at the destination, None for one that is free. ``length``: bytes of
    each connection; ``mss``: the longest segment its source offers and sends, None leaves that, too."""

    source: str
    destination: Address
    source_address: Address | None = None
    port: int | None = None
    ports: int = PORTS
    length: int = LENGTH
    mss: int | None = None

    def flow(self, segment: int | None = None) -> Flow:
        """One of its connections, for whoever follows the way of it, with segments of so many bytes."""
        size = None if segment is None else segment + HEADERS[self.destination.version]
        port = PORT if self.port is None else self.port
        return Flow(self.source, self.destination, self.source_address, "tcp", FIRST_SOURCE_PORT, port, size)


class Fate(Enum):
    """How a connection ended."""

    INTACT = "intact"
    """All arrived, and by its checksum as it was sent."""
    ALTERED = "altered"
    UNANSWERED = "unanswered"
    """Nobody answered who would make it."""
    REFUSED = "refused"
    """It was answered, or its source's own kernel said, that it cannot be made."""
    STALLED = "stalled"
    """It was made, and then nothing arrived any more."""
    BROKEN = "broken"
    """It was made, and ended by somebody else before all had arrived."""
    UNFINISHED = "unfinished"
    """Bytes kept arriving for as long as anybody wanted to look."""


MADE = frozenset({Fate.INTACT, Fate.ALTERED, Fate.STALLED, Fate.BROKEN, Fate.UNFINISHED})
"""TCP's handshake got through."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What came of one: bytes that left its source at least once, and that arrived. ``segment``: the bytes of
    a full one, once there is a connection; ``resent`` segments were sent again. ``reason``: what was said
    against it."""

    fate: Fate
    sent: int = 0
    arrived: int = 0
    segment: int | None = None
    resent: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What came of all of them, by source port, in so many seconds."""

    connections: tuple[Connection, ...]
    seconds: float
