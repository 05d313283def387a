"""Rules about references: whatever is named exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lab.model.onprem import Site
from lab.model.problem import Finding, Loc
from lab.model.properties import closest
from lab.model.regions import region, unknown_region
from lab.model.view import View, by_name, each

LISTED = 12
"""Existing names that a hint lists before it says how many more there are."""


@dataclass(frozen=True, slots=True)
class _Reference:
    loc: Loc
    name: str | None
    kind: str
    known: Collection[str]
    where: str
    """The list the name must be in, for the hint."""


def references_resolve(view: View) -> Iterator[Finding]:
    """What a property names exists."""
    for reference in _references(view):
        if reference.name is not None and reference.name not in reference.known:
            yield _unresolved(reference, reference.name)


def _unresolved(reference: _Reference, name: str) -> Finding:
    near = closest(name, reference.known)
    what = f"there is no {reference.kind} {name!r}" + (f", did you mean {near!r}?" if near else "")
    names = list(reference.known)
    listed = ", ".join(names[:LISTED]) or "none"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return Finding(reference.loc, what, f"{reference.where}: {listed}{more}")


def _references(view: View) -> Iterator[_Reference]:
    yield from _of_azure(view)
    for loc, site in view.sites():
        yield from _of_attachments(view, loc, site)
        yield from _of_machines(loc, site)
        yield from _of_vpn_devices(view, loc, site)
        yield from _of_policies(loc, site)
        yield from _of_firewalls(loc, site)


def _of_azure(view: View) -> Iterator[_Reference]:
    for loc, _, peering in view.peerings():
        name = peering.route_filter
        yield _Reference((*loc, "route_filter"), name, "route filter", view.route_filter, "route_filters")
    for loc, _, half in view.vnet_peerings():
        yield _vnet(view, (*loc, "remote_virtual_network"), half.remote_virtual_network)
    for loc, gateway in view.gateways():
        yield _vnet(view, (*loc, "virtual_network"), gateway.virtual_network)
    for loc, connection in view.connections():
        name = connection.virtual_network_gateway1
        where = "virtual_network_gateways"
        yield _Reference((*loc, "virtual_network_gateway1"), name, "gateway", view.gateway, where)
        yield _circuit(view, (*loc, "peer"), connection.peer)
        far, where = connection.local_network_gateway2, "local_network_gateways"
        place = (*loc, "local_network_gateway2")
        yield _Reference(place, far, "local network gateway", view.local_gateway, where)
    tables = by_name(view.topology.route_tables)
    for loc, vnet in view.vnets():
        for inner, subnet in each((*loc, "subnets"), vnet.subnets):
            place = (*inner, "route_table")
            yield _Reference(place, subnet.route_table, "route table", tables, "route_tables")
    devices = by_name(device for _, _, device in view.vpn_devices())
    for loc, _, tunnel in view.appliance_tunnels():
        yield _Reference((*loc, "vpn_device"), tunnel.vpn_device, "VPN device", devices, "vpn_devices")
    for loc, vm in view.vms():
        yield _vnet(view, (*loc, "virtual_network"), vm.virtual_network)
        if vm.virtual_network in view.vnet:
            subnets = by_name(view.vnet[vm.virtual_network].subnets)
            yield _Reference(
                (*loc, "subnet"), vm.subnet, "subnet", subnets, f"subnets of {vm.virtual_network}"
            )


def _vnet(view: View, loc: Loc, name: str) -> _Reference:
    return _Reference(loc, name, "virtual network", view.vnet, "virtual_networks")


def _circuit(view: View, loc: Loc, name: str | None) -> _Reference:
    return _Reference(loc, name, "circuit", view.circuit, "express_route_circuits")


def _zone(loc: Loc, name: str | None, site: Site) -> _Reference:
    return _Reference(loc, name, "zone", by_name(site.zones), f"zones of {site.name}")


def _of_attachments(view: View, loc: Loc, site: Site) -> Iterator[_Reference]:
    policies, where = by_name(site.policies), f"policies of {site.name}"
    for outer, router in each((*loc, "edge_routers"), site.edge_routers):
        for inner, attachment in each((*outer, "attachments"), router.attachments):
            yield _circuit(view, (*inner, "circuit"), attachment.circuit)
            yield _zone((*inner, "zone"), attachment.zone, site)
            for step in ("import_policy", "export_policy"):
                yield _Reference((*inner, step), getattr(attachment, step), "policy", policies, where)


def _of_machines(loc: Loc, site: Site) -> Iterator[_Reference]:
    routers, where = by_name(site.routers), f"routers of {site.name}"
    for inner, router in each((*loc, "routers"), site.routers):
        yield _zone((*inner, "zone"), router.zone, site)
    for inner, host in each((*loc, "hosts"), site.hosts):
        yield _Reference((*inner, "router"), host.router, "router", routers, where)
    for inner, device in each((*loc, "vpn_devices"), site.vpn_devices):
        yield _Reference((*inner, "router"), device.router, "router", routers, where)


def _of_vpn_devices(view: View, loc: Loc, site: Site) -> Iterator[_Reference]:
    connections = {
        *(connection.name for _, connection in view.ipsec_connections()),
        *(tunnel.name for _, _, tunnel in view.appliance_tunnels()),
    }
    for outer, device in each((*loc, "vpn_devices"), site.vpn_devices):
        yield _zone((*outer, "inside_zone"), device.inside_zone, site)
        for inner, tunnel in each((*outer, "tunnels"), device.tunnels):
            place, where = (*inner, "connection"), "connections of type IPsec, and appliances' tunnels"
            yield _Reference(place, tunnel.connection, "connection", connections, where)


def _of_policies(loc: Loc, site: Site) -> Iterator[_Reference]:
    lists, where = by_name(site.prefix_lists), f"prefix_lists of {site.name}"
    for outer, policy in each((*loc, "policies"), site.policies):
        for inner, rule in each((*outer, "rules"), policy.rules):
            there = (*inner, "match", "prefix_list")
            yield _Reference(there, rule.match.prefix_list, "prefix list", lists, where)


def _of_firewalls(loc: Loc, site: Site) -> Iterator[_Reference]:
    for outer, firewall in each((*loc, "firewalls"), site.firewalls):
        for inner, zone in each((*outer, "zones"), firewall.zones):
            yield _zone(inner, zone, site)
        for inner, rule in each((*outer, "rules"), firewall.rules):
            for step in ("source_zone", "destination_zone"):
                where = f"zones of {firewall.name}"
                yield _Reference((*inner, step), getattr(rule, step), "zone", firewall.zones, where)


def regions_are_known(view: View) -> Iterator[Finding]:
    """A region is one of Azure's (expressroute/expressroute-routing,
    expressroute/expressroute-locations-providers)."""
    for loc, name in _locations(view):
        if name is not None and region(name) is None:
            yield unknown_region(loc, name)


def _locations(view: View) -> Iterator[tuple[Loc, str | None]]:
    for loc, circuit in view.circuits():
        yield (*loc, "location"), circuit.location
    for loc, route_filter in each(("route_filters",), view.topology.route_filters):
        yield (*loc, "location"), route_filter.location
    for loc, vnet in view.vnets():
        yield (*loc, "location"), vnet.location
    for loc, network in each(("microsoft_network", "regions"), view.topology.microsoft_network.regions):
        yield (*loc, "name"), network.name
