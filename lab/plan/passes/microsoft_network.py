"""Microsoft's public network: one router behind the Microsoft peerings of every circuit.

It holds the regions' public prefixes, answers on their service addresses, and leads to the public
addresses of VPN gateways and of machines.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import host, link, links
from lab.plan.constants import MICROSOFT_LINKS, OUTSIDE_LINKS, PUBLIC_LINKS
from lab.plan.facts import Fact, extend
from lab.plan.legs import Leg
from lab.plan.microsoft import (
    PublicInstance,
    PublicNetwork,
    has_microsoft_network,
    microsoft_legs,
    public_instances,
    public_networks,
)
from lab.plan.types import AddressAssignment, Endpoint, Plan, Translation, Wire


def wire_microsoft_network(topology: Topology, plan: Plan) -> Plan:
    if not has_microsoft_network(topology):
        return plan
    return extend(plan, _facts(topology))


def _facts(topology: Topology) -> Iterator[Fact]:
    for region in topology.microsoft_network.regions:
        for address in region.service_addresses:
            yield AddressAssignment(names.MICROSOFT_EDGE, "lo", host(address))
    for index, leg in enumerate(microsoft_legs(topology)):
        yield from _msee(index, leg)
    for index, instance in enumerate(public_instances(topology)):
        yield from _outside(index, instance)
    for index, network in enumerate(public_networks(topology)):
        yield from _public(index, network)


def _msee(index: int, leg: Leg) -> Iterator[Fact]:
    a = Endpoint(leg.msee_namespace, names.MICROSOFT_EDGE)
    b = Endpoint(names.MICROSOFT_EDGE, names.ifname(leg.msee))
    yield Wire(names.wire_name(leg.msee, names.MICROSOFT_EDGE), a, b)
    for left, right in links(MICROSOFT_LINKS, index, (prefix.version for prefix in leg.prefixes)):
        yield AddressAssignment(a.namespace, a.ifname, left)
        yield AddressAssignment(b.namespace, b.ifname, right)


def _outside(index: int, instance: PublicInstance) -> Iterator[Fact]:
    """Single addresses on both ends: Azure's public addresses stand in no subnet of the gateway's."""
    a = Endpoint(instance.name, names.OUTSIDE_PORT)
    b = Endpoint(names.MICROSOFT_EDGE, names.ifname(instance.name))
    yield Wire(names.wire_name(instance.name, names.MICROSOFT_EDGE), a, b)
    yield AddressAssignment(a.namespace, a.ifname, host(instance.address))
    yield AddressAssignment(b.namespace, b.ifname, host(OUTSIDE_LINKS[index + 1]))


def _public(index: int, network: PublicNetwork) -> Iterator[Fact]:
    """A virtual network's way to Microsoft's public network, where its machines' public addresses are
    put for their private ones: the machines do not know them."""
    a = Endpoint(network.vnet.name, names.MICROSOFT_EDGE)
    b = Endpoint(names.MICROSOFT_EDGE, names.ifname(network.vnet.name))
    yield Wire(names.wire_name(network.vnet.name, names.MICROSOFT_EDGE), a, b)
    for end, address in zip((a, b), link(PUBLIC_LINKS, index), strict=True):
        yield AddressAssignment(end.namespace, end.ifname, address)
    for private, public in network.machines:
        yield Translation(a.namespace, a.ifname, inside=private, outside=public)
