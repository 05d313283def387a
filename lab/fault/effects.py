"""What faults do to a lab, in the terms of whoever does it.

All but ``Forgotten`` last: the lab is made so when the first fault that wants an effect begins, and
made as it was when the last one ends. Equal effects are one, so faults that overlap may end in any
order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lab.plan.types import Endpoint


class Halt(Enum):
    """How a daemon is brought to do nothing."""

    STOP = "stop"
    """It is asked to end and takes leave of its peers."""
    KILL = "kill"
    """It ends at once and says nothing; the kernel closes its connections."""
    FREEZE = "freeze"
    """It stands still, and all it holds is held."""


class Protocol(Enum):
    """What kind of packets; ``esp`` and ``ike`` also as they share UDP port 4500 (RFC 3948)."""

    IKE = "ike"
    ESP = "esp"
    BGP = "bgp"
    ICMP = "icmp"
    UDP = "udp"
    TCP = "tcp"


class Association(Enum):
    """A security association of IKE with all its children, or the children alone."""

    IKE = "ike"
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class Packets:
    """Some packets: of a protocol, of a port at either end, longer than so many bytes of IP. What is
    None is no condition."""

    protocol: Protocol | None = None
    port: int | None = None
    longer_than: int | None = None


@dataclass(frozen=True, slots=True)
class PortDown:
    """The port of a wire is set down; the other end loses its carrier."""

    port: Endpoint


@dataclass(frozen=True, slots=True)
class CarrierLost:
    """A tagged sub-interface stays up and has no carrier, as its port has none."""

    interface: Endpoint


@dataclass(frozen=True, slots=True)
class Lost:
    """Such packets are lost as they come in at the interface. ``tunnel``: it is one, whose device comes
    and goes."""

    interface: Endpoint
    packets: Packets = Packets()
    tunnel: bool = False


@dataclass(frozen=True, slots=True)
class Segmented:
    """The interface sends TCP segments one by one, as a wire carries them, not many in one for the
    other end's kernel; else nobody could tell how long they are."""

    interface: Endpoint


@dataclass(frozen=True, slots=True)
class DaemonHalted:
    """The namespace's BGP speaker, or with ``tunnel`` the charon of that tunnel's end, does nothing."""

    namespace: str
    how: Halt
    tunnel: str | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A tunnel's end loses its associations, once; ``told``: and tells its peer."""

    namespace: str
    tunnel: str
    association: Association
    told: bool


Lasting = PortDown | CarrierLost | Lost | Segmented | DaemonHalted
Effect = Lasting | Forgotten


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as a lab is told of it. ``name`` is whose it is cleared by; without one the lab finds one.
    ``parameters`` and ``sentence`` are for people."""

    kind: str
    parameters: dict[str, Any] = field(hash=False)
    sentence: str
    effects: tuple[Effect, ...]
    name: str | None = None

    def same(self, other: Fault) -> bool:
        """Whether they break the same thing in the same way, whatever they are called."""
        return (self.kind, self.parameters) == (other.kind, other.parameters)

    @property
    def lasting(self) -> tuple[Lasting, ...]:
        return tuple(effect for effect in self.effects if not isinstance(effect, Forgotten))
