"""IPsec tunnels by value: what each end is told, whichever data plane carries it.

To everything but a data plane a tunnel is an interface in the router's namespace, with any to any
selectors and BGP over it, as Azure's route-based gateways have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

ANY = (IPv4Network("0.0.0.0/0"),)


class Initiation(Enum):
    """Who begins. Both ends may, and then the patient one leaves the other the first word, since two
    that begin in the same moment end up with two security associations."""

    AT_ONCE = "at-once"
    PATIENT = "patient"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Child:
    """One pair of ESP security associations and what it carries."""

    name: str
    local: tuple[IPv4Network, ...] = ANY
    remote: tuple[IPv4Network, ...] = ANY


@dataclass(frozen=True, slots=True)
class Proposals:
    """Algorithms in order of preference, in strongSwan's keywords."""

    ike: tuple[str, ...]
    esp: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TunnelEnd:
    """One end of a tunnel. ``name`` is the tunnel's, the same at both ends.

    ``ifname`` is its interface in ``namespace``; ``local_address`` and ``remote_address`` are the
    outer ones, and the identities both ends prove; ``inner_address`` is what this end's own packets
    come from and ``inner_peer_address`` whom it speaks BGP with, None without BGP. ``offered`` is
    proposed, ``accepted`` is taken from the peer; they differ with Azure's default policy.
    ``children`` are what it proposes; ``takes_any_selectors``: as responder it takes what the peer
    proposes, else what its own children cover. ``answers``: whether it responds to an IKE_SA_INIT.
    ``routes`` lead into the tunnel, beside the way to the BGP peer, which every end finds by itself;
    of two ends with one prefix the one with the lower ``metric`` carries it. Lifetimes and the time
    after which a silent peer is dead are seconds, sizes are bytes.
    """

    name: str
    namespace: str
    ifname: str
    peer: str
    local_address: IPv4Address
    remote_address: IPv4Address
    inner_address: IPv4Address | None
    inner_peer_address: IPv4Address | None
    shared_key: str = field(repr=False)
    offered: Proposals
    accepted: Proposals
    children: tuple[Child, ...]
    takes_any_selectors: bool
    initiation: Initiation
    answers: bool
    dpd_timeout: int
    ike_lifetime: int
    child_lifetime: int
    child_bytes: int
    routes: tuple[IPv4Network, ...]
    metric: int
    mtu: int
    mss: int


def can_come_up(one: TunnelEnd, other: TunnelEnd) -> bool:
    """Whether the two ends of a tunnel fit together: one of them begins, and the other, asked, agrees."""
    same_key = one.shared_key == other.shared_key
    return same_key and (_agrees(one, other) or _agrees(other, one))


def _agrees(initiator: TunnelEnd, responder: TunnelEnd) -> bool:
    return (
        initiator.initiation is not Initiation.NEVER
        and responder.answers
        and not set(initiator.offered.ike).isdisjoint(responder.accepted.ike)
        and not _first(initiator.offered.esp).isdisjoint(_first(responder.accepted.esp))
        and (responder.takes_any_selectors or _selectors_meet(initiator, responder))
    )


def _first(proposals: tuple[str, ...]) -> set[str]:
    """Without key exchange, which the first child has none of: it comes with IKE_AUTH (RFC 7296
    section 1.2)."""
    return {without_key_exchange(proposal) for proposal in proposals}


def without_key_exchange(proposal: str) -> str:
    return "-".join(part for part in proposal.split("-") if not part.startswith(("modp", "ecp")))


def _selectors_meet(initiator: TunnelEnd, responder: TunnelEnd) -> bool:
    return any(
        _overlap(asked.local, own.remote) and _overlap(asked.remote, own.local)
        for asked in initiator.children
        for own in responder.children
    )


def _overlap(ours: tuple[IPv4Network, ...], theirs: tuple[IPv4Network, ...]) -> bool:
    return any(one.overlaps(other) for one in ours for other in theirs)
