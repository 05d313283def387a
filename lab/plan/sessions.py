"""BGP sessions by their two ends, added to the speakers of a plan.

A session over IPv6 is a neighbour of its own, with the suffix ``-ipv6``, as on a real router: one
session carries one address family.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lab.bgp.route import Asn
from lab.bgp.speaker import Neighbor, Timers
from lab.plan.types import Interface, Plan, Speaker

IPV6_SUFFIX = "-ipv6"


@dataclass(frozen=True, slots=True)
class End:
    """One end: the neighbour configured at a namespace's speaker."""

    namespace: str
    neighbor: Neighbor


def neighbor_name(namespace: str, version: int) -> str:
    """What the session with that namespace is called at the other end."""
    return namespace + IPV6_SUFFIX if version == 6 else namespace


def neighbor(far: str, ours: Interface, theirs: Interface, asn: int, timers: Timers) -> Neighbor:
    """A plain neighbour in the namespace ``far``; what is special about it is added to it."""
    return Neighbor(
        name=neighbor_name(far, ours.version),
        local_address=ours.ip,
        peer_address=theirs.ip,
        peer_asn=Asn(asn),
        timers=timers,
    )


def both_families(namespaces: Iterable[str]) -> frozenset[str]:
    """The neighbours' names in either family; a session only ever sees its own."""
    return frozenset(neighbor_name(namespace, version) for namespace in namespaces for version in (4, 6))


def pairs(ours: Iterable[Interface], theirs: Iterable[Interface]) -> tuple[tuple[Interface, Interface], ...]:
    """The address pairs two interfaces can talk over: per IP version they both have."""
    far = {address.version: address for address in theirs}
    return tuple((near, far[near.version]) for near in ours if near.version in far)


def add_sessions(plan: Plan, ends: Iterable[End]) -> Plan:
    """The plan with these neighbours; their speakers are there already."""
    added: dict[str, list[Neighbor]] = {}
    for end in ends:
        added.setdefault(end.namespace, []).append(end.neighbor)
    known = {speaker.namespace for speaker in plan.speakers}
    assert added.keys() <= known, f"no speaker in {sorted(added.keys() - known)}"
    return replace(plan, speakers=tuple(_joined(speaker, added) for speaker in plan.speakers))


def _joined(speaker: Speaker, added: dict[str, list[Neighbor]]) -> Speaker:
    config = speaker.config
    neighbors = (*config.neighbors, *added.get(speaker.namespace, ()))
    return replace(speaker, config=replace(config, neighbors=neighbors))
