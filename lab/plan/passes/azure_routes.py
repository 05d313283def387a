"""Static routes on Microsoft's side: what Azure's network programs and nobody announces by BGP."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import VirtualMachine, VirtualNetwork, VirtualNetworkGateway
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import default_route, host, usable
from lab.plan.azure import instances, peered_pairs, spaces, transit_spokes
from lab.plan.gateway_subnet import router_addresses
from lab.plan.lookup import named
from lab.plan.microsoft import public_instances
from lab.plan.queries import address_of
from lab.plan.static import add_routes
from lab.plan.types import Plan, StaticRoute


def route_azure(topology: Topology, plan: Plan) -> Plan:
    return add_routes(plan, _routes(topology, plan))


def _routes(topology: Topology, plan: Plan) -> Iterator[StaticRoute]:
    for machine in topology.virtual_machines:
        yield from _machine(topology, machine)
    for vnet in topology.virtual_networks:
        # What lies in the address space and in no subnet is dropped, not sent on premises.
        yield from (StaticRoute(vnet.name, space, ()) for space in spaces(vnet))
    for pair in peered_pairs(topology):
        yield from _peering(plan, pair.a, pair.b)
        yield from _peering(plan, pair.b, pair.a)
    for gateway in topology.virtual_network_gateways:
        yield from _gateway(topology, gateway)
    yield from _public(topology, plan)


def _machine(topology: Topology, machine: VirtualMachine) -> Iterator[StaticRoute]:
    vnet = named(topology.virtual_networks, machine.virtual_network, "virtual network")
    subnet = named(vnet.subnets, machine.subnet, f"subnet of {vnet.name}")
    for address in (machine.private_ip_address, machine.private_ipv6_address):
        for prefix in subnet.address_prefixes:
            if address is not None and address in prefix:
                yield StaticRoute(machine.name, default_route(address), (usable(prefix, 1).ip,))


def _peering(plan: Plan, vnet: VirtualNetwork, remote: VirtualNetwork) -> Iterator[StaticRoute]:
    """The remote network's address spaces, over the link between the two."""
    for space in spaces(remote):
        far_end = address_of(plan, remote.name, names.ifname(vnet.name), space.version)
        if far_end is not None:
            yield StaticRoute(vnet.name, space, (far_end.ip,))


def _gateway(topology: Topology, gateway: VirtualNetworkGateway) -> Iterator[StaticRoute]:
    """Gateways hand everything for their network, and for those that use it, to its router."""
    vnet = named(topology.virtual_networks, gateway.virtual_network, "virtual network")
    served = [space for network in (vnet, *transit_spokes(topology, vnet)) for space in spaces(network)]
    for instance in instances(gateway):
        for router in router_addresses(vnet):
            for space in served:
                if space.version == router.version:
                    yield StaticRoute(instance, space, (router.ip,))


def _public(topology: Topology, plan: Plan) -> Iterator[StaticRoute]:
    """Microsoft's public prefixes end here; VPN gateways' addresses lie behind links without a
    subnet, hence ``onlink``."""
    edge = names.MICROSOFT_EDGE
    for region in topology.microsoft_network.regions:
        yield from (StaticRoute(edge, prefix, ()) for prefix in region.address_prefixes)
    for instance in public_instances(topology):
        port = names.ifname(instance.name)
        near = address_of(plan, edge, port, 4)
        assert near is not None, "the Microsoft network pass gave every such port an address"
        yield StaticRoute(edge, host(instance.address).network, (instance.address,), port, onlink=True)
        yield StaticRoute(instance.name, default_route(near.ip), (near.ip,), names.OUTSIDE_PORT, onlink=True)
