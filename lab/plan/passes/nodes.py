"""Who is there: nodes in their groups, and the namespaces of each.

A device with one routing table per zone or peering is one node with a namespace for each, plus a
base namespace that holds its trunk ports and forwards nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import GatewayType
from lab.model.circuit import ExpressRouteCircuit, LinkPath
from lab.model.onprem import EdgeRouter, Site
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.azure import instances
from lab.plan.facts import Fact, extend
from lab.plan.legs import legs
from lab.plan.microsoft import has_microsoft_network
from lab.plan.types import Namespace, Node, Plan, Role


def place_nodes(topology: Topology, plan: Plan) -> Plan:
    """Sites first, then providers, Microsoft's edge, and the virtual networks."""
    return extend(plan, _facts(topology))


def _facts(topology: Topology) -> Iterator[Fact]:
    for site in topology.on_premises:
        yield from _site(topology, site)
    for circuit in topology.express_route_circuits:
        yield from _circuit(topology, circuit)
    if has_microsoft_network(topology):
        yield from _single(names.MICROSOFT_EDGE, Role.MICROSOFT_EDGE, ("microsoft",))
    yield from _azure(topology)


def _single(name: str, role: Role, group: tuple[str, ...], *, forwarding: bool = True) -> Iterator[Fact]:
    """A node with one routing table."""
    yield Node(name, role, group)
    yield Namespace(name, forwarding=forwarding)


def _with_vrfs(name: str, role: Role, group: tuple[str, ...], vrfs: Iterator[str]) -> Iterator[Fact]:
    yield from _single(name, role, group, forwarding=False)
    for vrf in vrfs:
        yield Namespace(name, vrf)


def _site(topology: Topology, site: Site) -> Iterator[Fact]:
    here = ("on-premises", site.name)
    zones = {router.name: router.zone for router in site.routers}
    for zone in site.zones:
        switch = names.switch(topology, site, zone.name)
        yield from _single(switch, Role.SWITCH, (*here, zone.name), forwarding=False)
    for edge in site.edge_routers:
        yield from _with_vrfs(edge.name, Role.EDGE_ROUTER, here, _zones(site, edge))
    for router in site.routers:
        yield from _single(router.name, Role.ROUTER, (*here, router.zone))
    for firewall in site.firewalls:
        yield from _single(firewall.name, Role.FIREWALL, here)
    for host in site.hosts:
        yield from _single(host.name, Role.HOST, (*here, zones[host.router]), forwarding=False)
    for device in site.vpn_devices:
        yield from _single(device.name, Role.VPN_DEVICE, (*here, zones[device.router]))


def _zones(site: Site, edge: EdgeRouter) -> Iterator[str]:
    """The zones an edge router stands in, in the site's order."""
    attached = {attachment.zone for attachment in edge.attachments}
    return (zone.name for zone in site.zones if zone.name in attached)


def _circuit(topology: Topology, circuit: ExpressRouteCircuit) -> Iterator[Fact]:
    own = [leg for leg in legs(topology) if leg.circuit == circuit]
    location = circuit.service_provider_properties.peering_location
    for path in LinkPath:
        edge = names.provider_edge(topology, circuit, path)
        vrfs = (leg.vrf for leg in own if leg.path is path and leg.is_routed)
        yield from _with_vrfs(edge, Role.PROVIDER_EDGE, ("provider", circuit.name), vrfs)
    for path in LinkPath:
        vrfs = (leg.vrf for leg in own if leg.path is path)
        msee = names.msee(topology, circuit, path)
        yield from _with_vrfs(msee, Role.MSEE, ("microsoft", location), vrfs)


def _azure(topology: Topology) -> Iterator[Fact]:
    roles = {GatewayType.EXPRESS_ROUTE: Role.ER_GATEWAY, GatewayType.VPN: Role.VPN_GATEWAY}
    for vnet in topology.virtual_networks:
        yield from _single(vnet.name, Role.VNET, ("azure", vnet.name))
    for gateway in topology.virtual_network_gateways:
        for instance in instances(gateway):
            yield from _single(instance, roles[gateway.gateway_type], ("azure", gateway.virtual_network))
    for machine in topology.virtual_machines:
        group = ("azure", machine.virtual_network)
        if machine.network_virtual_appliance is None:
            yield from _single(machine.name, Role.VM, group, forwarding=machine.enable_ip_forwarding)
        else:
            yield from _single(machine.name, Role.VIRTUAL_APPLIANCE, group)
