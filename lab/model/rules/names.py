"""Rules about names: what becomes a node is unique in the lab, the rest within its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lab.model.problem import Finding, Loc
from lab.model.regions import region_key
from lab.model.view import View, each

Claimed = tuple[str, Loc, str]
"""A node's name, the property it comes from, and what the node is."""


def node_names_are_unique(view: View) -> Iterator[Finding]:
    """Names of circuits, networks, gateways, sites and machines are unique, and none is one of the nodes
    that the lab makes itself."""
    taken: dict[str, str] = {}
    for name, loc, kind in _declared(view):
        if name in taken:
            hint = "circuits, networks, gateways, sites and machines share one set of names"
            yield Finding(loc, f"{name!r} is already the name of {taken[name]}", hint)
        taken.setdefault(name, kind)
    yield from _collisions_with_made_nodes(view)


def _collisions_with_made_nodes(view: View) -> Iterator[Finding]:
    """The compiler's own nodes: provider edges, MSEEs, gateway instances, zone LANs, msnet."""
    made: dict[str, tuple[Loc, str]] = {}
    for name, loc, kind in _made(view):
        if name in made and made[name][1] != kind:
            what = f"{kind} would be called {name!r}, as {made[name][1]} is"
            yield Finding(loc, what, "choose another name")
        made.setdefault(name, (loc, kind))
    for name, loc, _ in _declared(view):
        if name in made:
            hint = "the lab makes that node itself; choose another name"
            yield Finding(loc, f"{name!r} is the name of {made[name][1]}", hint)


def _declared(view: View) -> Iterator[Claimed]:
    topology = view.topology
    yield from _named("express_route_circuits", topology.express_route_circuits, "a circuit")
    yield from _named("virtual_networks", topology.virtual_networks, "a virtual network")
    yield from _named("virtual_network_gateways", topology.virtual_network_gateways, "a gateway")
    yield from _named("virtual_machines", topology.virtual_machines, "a virtual machine")
    yield from _named("on_premises", topology.on_premises, "a site")
    for loc, site in view.sites():
        yield from _named((*loc, "edge_routers"), site.edge_routers, "an edge router")
        yield from _named((*loc, "routers"), site.routers, "a router")
        yield from _named((*loc, "hosts"), site.hosts, "a host")
        yield from _named((*loc, "vpn_devices"), site.vpn_devices, "a VPN device")
        yield from _named((*loc, "firewalls"), site.firewalls, "a firewall")


def _named(where: str | Loc, items: Iterable[Any], kind: str) -> Iterator[Claimed]:
    loc: Loc = (where,) if isinstance(where, str) else where
    for inner, item in each(loc, items):
        yield item.name, (*inner, "name"), kind


def _made(view: View) -> Iterator[Claimed]:
    yield "msnet", (), "Microsoft's public network"
    single = len(view.topology.express_route_circuits) == 1
    for loc, circuit in view.circuits():
        prefix = "" if single else f"{circuit.name}-"
        for number in (1, 2):
            yield f"{prefix}pe{number}", (*loc, "name"), f"a provider edge of circuit {circuit.name}"
            yield f"{prefix}msee{number}", (*loc, "name"), f"an MSEE of circuit {circuit.name}"
    for loc, gateway in view.gateways():
        for number in (0, 1):
            yield f"{gateway.name}-{number}", (*loc, "name"), f"an instance of gateway {gateway.name}"
    yield from _made_for_zones(view)


def _made_for_zones(view: View) -> Iterator[Claimed]:
    single = len(view.topology.on_premises) == 1
    for loc, site in view.sites():
        prefix = "" if single else f"{site.name}-"
        for inner, zone in each((*loc, "zones"), site.zones):
            yield f"{prefix}sw-{zone.name}", (*inner, "name"), f"the LAN of zone {zone.name} in {site.name}"


def resource_names_are_unique(view: View) -> Iterator[Finding]:
    """Names that are no nodes' are unique in their list, without regard to case
    (azure-resource-manager/management/resource-name-rules)."""
    topology = view.topology
    yield from _unique(("route_filters",), topology.route_filters)
    yield from _unique(("route_tables",), topology.route_tables)
    for loc, table in each(("route_tables",), topology.route_tables):
        yield from _unique((*loc, "routes"), table.routes)
    yield from _unique(("local_network_gateways",), topology.local_network_gateways)
    yield from _unique_entries([*view.connections(), *_appliance_tunnels(view)])
    yield from _unique(("microsoft_network", "regions"), topology.microsoft_network.regions, region_key)
    for loc, circuit in view.circuits():
        yield from _unique((*loc, "authorizations"), circuit.authorizations)
    for loc, vnet in view.vnets():
        yield from _unique((*loc, "subnets"), vnet.subnets)
        yield from _unique((*loc, "virtual_network_peerings"), vnet.virtual_network_peerings)
    for loc, gateway in view.gateways():
        yield from _unique((*loc, "ip_configurations"), gateway.ip_configurations)
    yield from _unique_in_sites(view)


def _unique_in_sites(view: View) -> Iterator[Finding]:
    for loc, site in view.sites():
        yield from _unique((*loc, "zones"), site.zones)
        yield from _unique((*loc, "prefix_lists"), site.prefix_lists)
        yield from _unique((*loc, "policies"), site.policies)
        for inner, policy in each((*loc, "policies"), site.policies):
            yield from _unique((*inner, "rules"), policy.rules)
        for inner, firewall in each((*loc, "firewalls"), site.firewalls):
            yield from _unique((*inner, "rules"), firewall.rules)


def _appliance_tunnels(view: View) -> Iterator[tuple[Loc, Any]]:
    """They share the names of connections: tunnels are called after both."""
    return ((loc, tunnel) for loc, _, tunnel in view.appliance_tunnels())


def _unique(loc: Loc, items: Sequence[Any], key: Callable[[str], str] = str.casefold) -> Iterator[Finding]:
    return _unique_entries(each(loc, items), key)


def _unique_entries(
    entries: Iterable[tuple[Loc, Any]], key: Callable[[str], str] = str.casefold
) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for inner, item in entries:
        if item.name is None:
            continue
        if key(item.name) in seen:
            what = f"{seen[key(item.name)]!r} is already in this list"
            yield Finding((*inner, "name"), what, "choose another name")
        seen.setdefault(key(item.name), item.name)
