"""A line of eBGP routers, each originating one prefix, as a Plan."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lab.bgp.route import Asn
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig, Timers
from lab.plan.types import (
    AddressAssignment,
    Endpoint,
    Namespace,
    Node,
    Plan,
    Role,
    Speaker,
    Wire,
)

FIRST_ASN = 64512
LINKS = IPv4Address("10.255.0.0")
PREFIXES = IPv4Address("10.0.0.0")


def router(index: int) -> str:
    return f"r{index}"


def prefix(index: int) -> IPv4Network:
    """The /24 that router ``index`` originates."""
    return IPv4Network((int(PREFIXES) + (index << 8), 24))


def link_address(link: int, *, right: bool) -> IPv4Interface:
    """The address at one end of the wire between routers ``link`` and ``link + 1``."""
    return IPv4Interface((int(LINKS) + 2 * link + right, 31))


def line_plan(length: int, *, timers: Timers | None = None) -> Plan:
    """``length`` routers r0, r1, ...; each knows its neighbours' only."""
    timers = timers or Timers(keepalive=60, hold=180)
    indexes = range(length)
    wires = tuple(
        Wire(f"l{i}", Endpoint(router(i), "right"), Endpoint(router(i + 1), "left"))
        for i in range(length - 1)
    )
    addresses = []
    for i in indexes:
        addresses.append(AddressAssignment(router(i), "lo", IPv4Interface((prefix(i)[1], 32))))
        if i > 0:
            addresses.append(AddressAssignment(router(i), "left", link_address(i - 1, right=True)))
        if i < length - 1:
            addresses.append(AddressAssignment(router(i), "right", link_address(i, right=False)))
    return Plan(
        name=f"line-{length}",
        nodes=tuple(Node(router(i), Role.ROUTER, ("on-premises", "line")) for i in indexes),
        namespaces=tuple(Namespace(router(i)) for i in indexes),
        wires=wires,
        addresses=tuple(addresses),
        speakers=tuple(Speaker(router(i), _speaker(i, length, timers)) for i in indexes),
    )


def _speaker(index: int, length: int, timers: Timers) -> SpeakerConfig:
    neighbors = []
    if index > 0:
        neighbors.append(_neighbor(index, index - 1, timers))
    if index < length - 1:
        neighbors.append(_neighbor(index, index + 1, timers))
    return SpeakerConfig(
        name=router(index),
        asn=Asn(FIRST_ASN + index),
        bgp_identifier=prefix(index)[1],
        neighbors=tuple(neighbors),
        originations=(Origination(prefix(index)),),
        connected=tuple(IPv4Network((neighbor.local_address, 31), strict=False) for neighbor in neighbors),
    )


def _neighbor(index: int, far: int, timers: Timers) -> Neighbor:
    link = min(index, far)
    return Neighbor(
        name=router(far),
        local_address=link_address(link, right=index > far).ip,
        peer_address=link_address(link, right=far > index).ip,
        peer_asn=Asn(FIRST_ASN + far),
        timers=timers,
        passive=index > far,
        ttl=1,
    )
