"""Static routes on premises: machines to their router, and the ways through firewalls.

A firewall's first zone is the inner one. Its routers send what they know no better way for through
the firewall; the outer zone's routers know only the inner zone's own prefixes behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.bgp.route import Prefix
from lab.model.onprem import Firewall, InteriorRouter, Site
from lab.model.topology import Topology
from lab.plan.addresses import default_route
from lab.plan.constants import DEFAULT_ROUTES
from lab.plan.sites import (
    Machine,
    empty_prefixes,
    interior_prefixes,
    interior_routers,
    lan_of,
    machines,
    member,
)
from lab.plan.static import add_routes
from lab.plan.types import Plan, StaticRoute


def route_sites(topology: Topology, plan: Plan) -> Plan:
    for site in topology.on_premises:
        plan = add_routes(plan, _site(site))
    return plan


def _site(site: Site) -> Iterator[StaticRoute]:
    for machine in machines(site):
        yield from _machine(site, machine)
    for router in site.routers:
        # Nobody lives there, but the router answers for the prefix: what it does not hold is lost here.
        yield from (StaticRoute(router.name, prefix, ()) for prefix in empty_prefixes(site, router))
    for firewall in site.firewalls:
        yield from _firewall(site, firewall)


def _machine(site: Site, machine: Machine) -> Iterator[StaticRoute]:
    lan = lan_of(site, machine)
    for address in machine.addresses:
        yield StaticRoute(machine.name, default_route(address), (lan.router_of(address).ip,))


def _firewall(site: Site, firewall: Firewall) -> Iterator[StaticRoute]:
    inner, outer = firewall.zones
    for router in interior_routers(site, inner):
        yield from _through(site, firewall, router, DEFAULT_ROUTES)
    for router in interior_routers(site, outer):
        yield from _through(site, firewall, router, interior_prefixes(site, inner))
    for zone in (inner, outer):
        for router in interior_routers(site, zone):
            yield from _into(site, firewall, router)


def _through(
    site: Site, firewall: Firewall, router: InteriorRouter, prefixes: Iterable[Prefix]
) -> Iterator[StaticRoute]:
    """An interior router's routes by way of the firewall's leg in its zone."""
    leg = member(site, router.zone, firewall.name)
    for prefix in prefixes:
        address = leg.address(prefix.version)
        if address is not None:
            yield StaticRoute(router.name, prefix, (address.ip,))


def _into(site: Site, firewall: Firewall, router: InteriorRouter) -> Iterator[StaticRoute]:
    """The firewall's routes to what a router serves."""
    leg = member(site, router.zone, router.name)
    for prefix in router.address_prefixes:
        address = leg.address(prefix.version)
        if address is not None:
            yield StaticRoute(firewall.name, prefix, (address.ip,))
