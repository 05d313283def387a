"""What the engine is told (events) and what it asks for (actions).

Both are frozen values, so that a test is a conversation and a failed comparison prints
itself. An action is a request: the engine assumes it is carried out and never asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.bgp.route import Address, PathAttributes, Prefix
from lab.bgp.speaker import Origination, SpeakerConfig

Nlri = tuple[Prefix, int]
"""A prefix and RFC 7911's path identifier; 0 on a session without add-path."""

# --- events -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerUp:
    """The session is ESTABLISHED; ``bgp_identifier`` is the one in the peer's OPEN."""

    peer: str
    bgp_identifier: IPv4Address


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The session left ESTABLISHED; all that was learned over it is void."""

    peer: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """One UPDATE's worth of prefixes with equal attributes (RFC 4271 section 4.3)."""

    peer: str
    path_id: int
    attributes: PathAttributes
    prefixes: tuple[Prefix, ...]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    peer: str
    nlri: tuple[Nlri, ...]


@dataclass(frozen=True, slots=True)
class EndOfRib:
    """The peer has sent its whole table once (RFC 4724 section 2)."""

    peer: str


@dataclass(frozen=True, slots=True)
class RouteRefresh:
    """The peer asks for our whole Adj-RIB-Out again (RFC 2918)."""

    peer: str


@dataclass(frozen=True, slots=True)
class Originate:
    """Announce a prefix as our own; replaces an earlier origination of the same prefix."""

    origination: Origination


@dataclass(frozen=True, slots=True)
class WithdrawOrigination:
    prefix: Prefix


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """From now on ``config`` holds: policies, originations, connected networks, the lot.

    A soft reconfiguration: sessions stay, every route is evaluated anew. Start from
    ``Engine.config`` to keep what ``Originate`` and ``WithdrawOrigination`` did. What a
    session itself depends on (addresses, AS numbers, add-path) may only change for a peer
    that is down.
    """

    config: SpeakerConfig


Event = (
    PeerUp
    | PeerDown
    | Announced
    | Withdrawn
    | EndOfRib
    | RouteRefresh
    | Originate
    | WithdrawOrigination
    | PolicyChanged
)

# --- actions ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Install:
    """Put the prefix into the FIB, or replace its next hops; several next hops are ECMP.

    ``next_hops`` are distinct and sorted, so equal sets are equal values.
    """

    prefix: Prefix
    next_hops: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Uninstall:
    prefix: Prefix


@dataclass(frozen=True, slots=True)
class Advertise:
    """Send ``nlri`` with ``attributes``, complete as they go on the wire: next hop, own AS
    number and local preference are already in place. May need several UPDATEs."""

    peer: str
    attributes: PathAttributes
    nlri: tuple[Nlri, ...]


@dataclass(frozen=True, slots=True)
class Withdraw:
    peer: str
    nlri: tuple[Nlri, ...]


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Send NOTIFICATION ``code``/``subcode`` and drop the session; ``PeerDown`` follows."""

    peer: str
    code: int
    subcode: int
    reason: str


@dataclass(frozen=True, slots=True)
class HoldSession:
    """Send Cease/``subcode`` if the session exists, and keep it down until ``ReleaseSession``;
    ``PeerDown`` follows if it was up."""

    peer: str
    subcode: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseSession:
    """The session may come up again."""

    peer: str


Action = Install | Uninstall | Advertise | Withdraw | CloseSession | HoldSession | ReleaseSession
