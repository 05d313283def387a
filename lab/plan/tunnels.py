"""IPsec tunnels by value: what each end is told, whichever data plane carries it.

To everything but a data plane a tunnel is an interface in the router's namespace, with any to any
selectors and BGP over it, as Azure's route-based gateways have it.
"""

from __future__ import annotations

from collections.abc import Iterable
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
class Certificate:
    """One the lab makes, without its keys: the common name in it, the authority's, and whether it has
    had its time."""

    subject: str
    issuer: str
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Certificates:
    """What one end shows, and what it wants to see: the peer's common name, signed by one of ``trusted``."""

    own: Certificate
    peer_subject: str
    trusted: tuple[str, ...]

    def accept(self, shown: Certificate) -> bool:
        return shown.subject == self.peer_subject and shown.issuer in self.trusted and not shown.expired


@dataclass(frozen=True, slots=True)
class TunnelEnd:
    """One end of a tunnel. ``name`` is the tunnel's, the same at both ends.

    ``ifname`` is its interface in ``namespace``; ``local_address`` and ``remote_address`` are the
    outer ones, and with a ``shared_key`` the identities both ends prove, but where something on the way
    translates the local one: there its ``translated_address`` is; with ``certificates``, which
    come in its place, those are the common names. ``inner_address`` is what this end's own packets
    come from and ``inner_peer_address`` whom it speaks BGP with, None without BGP. ``offered`` is
    proposed, ``accepted`` is taken from the peer; they differ with Azure's default policy.
    ``children`` are what it proposes; ``takes_any_selectors``: as responder it takes what the peer
    proposes, else what its own children cover. ``answers``: whether it responds to an IKE_SA_INIT.
    ``routes`` lead into the tunnel, beside the way to the BGP peer, which every end finds by itself;
    of two ends with one prefix the one with the lower ``metric`` carries it. ``reauthenticates``: at
    the end of the IKE association's lifetime all is made anew, not the keys alone. Lifetimes and the time
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
    shared_key: str | None = field(repr=False)
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
    certificates: Certificates | None = None
    ike_version: int = 2
    reauthenticates: bool = False
    translated_address: IPv4Address | None = None

    @property
    def own_namespace(self) -> str:
        """The name of the one that holds the outer address, and in which its charon runs."""
        return f"{self.namespace}~{self.peer}"

    @property
    def identity(self) -> IPv4Address:
        """What the end proves to be with a shared key: the address its peer knows it by."""
        return self.translated_address or self.local_address


def by_tunnel(ends: Iterable[TunnelEnd]) -> dict[str, list[TunnelEnd]]:
    """The two ends of each tunnel, by its name."""
    found: dict[str, list[TunnelEnd]] = {}
    for end in ends:
        found.setdefault(end.name, []).append(end)
    return found


def can_come_up(one: TunnelEnd, other: TunnelEnd) -> bool:
    """Whether the two ends of a tunnel fit together: one of them begins, and the other, asked, agrees."""
    return believe(one, other) and (_agrees(one, other) or _agrees(other, one))


def believe(one: TunnelEnd, other: TunnelEnd) -> bool:
    """Whether each end takes the other for whom it wants: they have one key, or fitting certificates."""
    if one.certificates is None or other.certificates is None:
        return one.shared_key == other.shared_key
    return one.certificates.accept(other.certificates.own) and other.certificates.accept(one.certificates.own)


def _agrees(initiator: TunnelEnd, responder: TunnelEnd) -> bool:
    return (
        initiator.initiation is not Initiation.NEVER
        and responder.answers
        and not set(initiator.offered.ike).isdisjoint(responder.accepted.ike)
        and not _first(initiator, initiator.offered).isdisjoint(_first(responder, responder.accepted))
        and (responder.takes_any_selectors or _selectors_meet(initiator, responder))
    )


def _first(end: TunnelEnd, proposals: Proposals) -> set[str]:
    """ESP proposals as the first child has them: in IKEv2 it comes with IKE_AUTH and has no key exchange
    of its own (RFC 7296 section 1.2), in IKEv1 a quick mode has (RFC 2409 section 5.5)."""
    if end.ike_version == 1:
        return set(proposals.esp)
    return {without_key_exchange(proposal) for proposal in proposals.esp}


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
