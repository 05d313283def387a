"""What a probe sends, and what became of it: values only.

A probe sends a few packets of each *flow* and watches for them in three places: at the source
for the answers, in the node that has the destination's address, and on any interface somebody
wants to know about. ``lab.probe.probing`` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from lab.bgp.route import Address

Protocol = Literal["icmp", "udp", "tcp"]
WireProtocol = Literal["tcp", "udp", "icmp", "esp"]

UNUSED_PORT = 33434
"""Where nothing listens: the first port of traceroute(8)."""
EPHEMERAL_PORT = 49152
"""The first of the dynamic ports (RFC 6335 section 6)."""
SMALLEST = 64
"""Bytes: room for IPv6, a transport header and the mark that tells a probe from all else."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets of one 5-tuple.

    ``source`` is the namespace that sends; ``source_address`` None leaves the choice to its kernel,
    another one need not be its own. Ports are for UDP and TCP. ``size`` is that of the whole IP
    packet in bytes, at least ``SMALLEST``; None is the smallest that does. No packet is fragmented.
    """

    source: str
    destination: Address
    source_address: Address | None = None
    protocol: Protocol = "icmp"
    source_port: int = EPHEMERAL_PORT
    destination_port: int = UNUSED_PORT
    size: int | None = None


class Answer(Enum):
    """How the destination itself answered. A refusal is an answer: the packet was there."""

    ECHO_REPLY = "echo reply"
    RST = "RST"
    SYN_ACK = "SYN-ACK"
    PORT_UNREACHABLE = "port unreachable"
    DATAGRAM = "datagram"
    """Something listens on the UDP port."""


@dataclass(frozen=True, slots=True)
class IcmpError:
    """A router, or the source's own kernel, gave a packet back (RFC 792, RFC 4443)."""

    what: str
    """Such as ``host unreachable``."""
    sender: Address

    def __str__(self) -> str:
        return f"{self.what}, says {self.sender}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one flow.

    ``not_sent``: why the source's kernel did not even send it, such as ``Network is unreachable``.
    """

    flow: Flow
    arrived: bool = False
    """In a node that has the destination's address."""
    answer: Answer | None = None
    error: IcmpError | None = None
    not_sent: str | None = None

    @property
    def lost(self) -> Literal["forward", "return"] | None:
        """The direction that lost the packets; None when they were answered."""
        if self.answer is not None:
            return None
        return "return" if self.arrived else "forward"


@dataclass(frozen=True, slots=True)
class SeenPacket:
    """A packet on a watched interface.

    ``flow`` is the index of the probe's flow that it belongs to; None for an ESP packet, which
    may hold any. ``returning``: it is an answer. ``tags``: VLAN tags, outer first, as a customer
    counts them, also where the lab carries them by other means.
    """

    flow: int | None
    protocol: WireProtocol
    source: Address
    destination: Address
    outbound: bool
    returning: bool = False
    source_port: int | None = None
    destination_port: int | None = None
    tags: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowResult:
    """What became of the flows, in their order, and what passed each watched interface."""

    outcomes: tuple[Outcome, ...]
    wires: Mapping[str, tuple[SeenPacket, ...]] = field(default_factory=dict)
