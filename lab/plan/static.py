"""Adding static routes where the kernel has none already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lab.bgp.route import Prefix
from lab.plan.queries import connected_networks
from lab.plan.types import Plan, StaticRoute


def add_routes(plan: Plan, routes: Iterable[StaticRoute]) -> Plan:
    """The plan with these routes, but for those to a prefix that the namespace is connected to or
    has a route for: of two objects that want to route one prefix, the file's first wins."""
    taken: dict[str, set[Prefix]] = {}
    for old in plan.static_routes:
        taken.setdefault(old.namespace, set()).add(old.prefix)
    added: list[StaticRoute] = []
    connected = {
        namespace.name: set(connected_networks(plan, namespace.name)) for namespace in plan.namespaces
    }
    for route in routes:
        known = taken.setdefault(route.namespace, set())
        if route.prefix not in known | connected[route.namespace]:
            known.add(route.prefix)
            added.append(route)
    return replace(plan, static_routes=(*plan.static_routes, *added))
