"""Static routes on Microsoft's side: what Azure's network programs and nobody announces by BGP."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import GatewayType, VirtualMachine, VirtualNetwork, VirtualNetworkGateway
from lab.model.prefixes import inside
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import default_route, host, usable
from lab.plan.azure import instances, peered_pairs, spaces, transit_spokes
from lab.plan.constants import RESERVED
from lab.plan.gateway_subnet import router_addresses
from lab.plan.lookup import named
from lab.plan.microsoft import PublicNetwork, public_instances, public_networks
from lab.plan.queries import address_of
from lab.plan.static import add_routes
from lab.plan.types import Plan, StaticRoute
from lab.plan.vpn import appliances, subnet_router


def route_azure(topology: Topology, plan: Plan) -> Plan:
    return add_routes(plan, _routes(topology, plan))


def _routes(topology: Topology, plan: Plan) -> Iterator[StaticRoute]:
    for machine in topology.virtual_machines:
        yield from _machine(topology, machine)
    for vnet in topology.virtual_networks:
        # What lies in the address space and in no subnet is dropped, not sent on premises.
        yield from (StaticRoute(vnet.name, space, ()) for space in spaces(vnet))
        yield from _user_defined(topology, vnet)
    for pair in peered_pairs(topology):
        yield from _peering(plan, pair.a, pair.b)
        yield from _peering(plan, pair.b, pair.a)
    for gateway in topology.virtual_network_gateways:
        yield from _gateway(topology, gateway)
    for machine in appliances(topology):
        yield from _appliance(topology, machine)
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
        if gateway.gateway_type is GatewayType.VPN:
            yield from _reserved(instance, vnet)


def _appliance(topology: Topology, machine: VirtualMachine) -> Iterator[StaticRoute]:
    """What an appliance announces it has routes for, of their own."""
    vnet = named(topology.virtual_networks, machine.virtual_network, "virtual network")
    router = subnet_router(vnet, machine)
    yield from (StaticRoute(machine.name, space, (router,)) for space in spaces(vnet) if space.version == 4)


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
    for network in public_networks(topology):
        yield from _public_network(topology, plan, network)


def _public_network(topology: Topology, plan: Plan, network: PublicNetwork) -> Iterator[StaticRoute]:
    """The system's default route leads to the Internet, of which the lab has Microsoft's part."""
    edge, vnet = names.MICROSOFT_EDGE, network.vnet.name
    near, far = address_of(plan, vnet, edge, 4), address_of(plan, edge, names.ifname(vnet), 4)
    assert near is not None, "the Microsoft network pass gave the link its addresses"
    assert far is not None, "and this end, too"
    yield StaticRoute(vnet, default_route(far.ip), (far.ip,))
    if not any(route.prefix.prefixlen == 0 for route in _user_defined(topology, network.vnet)):
        yield from _reserved(vnet, network.vnet)
    for _, public in network.machines:
        yield StaticRoute(edge, host(public).network, (near.ip,))


def _reserved(namespace: str, vnet: VirtualNetwork) -> Iterator[StaticRoute]:
    """Beside a default route to the Internet Azure has routes of reserved prefixes to nowhere, but for those
    in the network's own space. BGP's and route tables' win over them, and a default route of a table's
    takes them away (learn.microsoft.com, virtual-networks-udr-overview)."""
    for reserved in RESERVED:
        if not any(inside(reserved, [space]) for space in spaces(vnet)):
            yield StaticRoute(namespace, reserved, (), last_resort=True)


def _user_defined(topology: Topology, vnet: VirtualNetwork) -> Iterator[StaticRoute]:
    """Of the route tables that its subnets name. Rule C-40 sees to it that one router can stand for
    all of them."""
    named_ones = {subnet.route_table for subnet in vnet.subnets}
    for table in topology.route_tables:
        for route in table.routes if table.name in named_ones else ():
            hops = () if route.next_hop_ip_address is None else (route.next_hop_ip_address,)
            yield StaticRoute(vnet.name, route.address_prefix, hops)
