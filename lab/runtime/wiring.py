"""Plan -> namespaces, wires, tags, bridges, addresses, routes and filters.

Order matters and is this file's content: everything is created first, in one pass over one
netlink socket per namespace, and turned up last.
"""

from __future__ import annotations

from contextlib import ExitStack

from lab.plan.changes import Changes
from lab.plan.render.nft import render_filter
from lab.plan.render.translation import render_translations
from lab.plan.types import PacketFilter, Plan, StaticRoute, Translation
from lab.runtime import netns, nft
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import Result, Running
from lab.runtime.steering import LAST_RESORT
from lab.runtime.tags import Tagging, Trunk


def create_namespaces(plan: Plan) -> dict[str, NetworkNamespace]:
    return {
        namespace.name: netns.create(namespace.name, forwarding=namespace.forwarding)
        for namespace in plan.namespaces
    }


def wire(plan: Plan, namespaces: dict[str, NetworkNamespace], tagging: Tagging) -> None:
    """Build everything in ``plan`` that is not a process. Raises BackendError.

    The filters go first: nft works beside us, and rules may name interfaces to come.
    """
    filters = [_start_filter(each, namespaces[each.namespace]) for each in plan.filters]
    translations = _start_translations(plan, namespaces)
    with ExitStack() as stack:
        routers = {name: stack.enter_context(Router(namespace)) for name, namespace in namespaces.items()}
        _add_wires(plan, routers, namespaces)
        _add_sub_interfaces(plan, routers, namespaces, tagging)
        _add_bridges(plan, routers)
        for assignment in plan.addresses:
            routers[assignment.namespace].add_address(assignment.ifname, assignment.address)
        _turn_up(plan, routers)
        for route in plan.static_routes:
            set_route(routers[route.namespace], route)
    for packet_filter, loading in filters:
        _check_filter(packet_filter, loading.result())
    for name, loading in translations.items():
        nft.check(name, "address translation", loading.result())


def change(changes: Changes, namespaces: dict[str, NetworkNamespace]) -> None:
    """Filters and routes of a lab that runs. Raises BackendError; what came before that stays.

    A ruleset takes the place of the one before it in one transaction (nft(8)).
    """
    filters = [_start_filter(each, namespaces[each.namespace]) for each in changes.filters]
    for packet_filter, loading in filters:
        _check_filter(packet_filter, loading.result())
    touched = {route.namespace for route in (*changes.routes, *changes.removed_routes)}
    with ExitStack() as stack:
        routers = {name: stack.enter_context(Router(namespaces[name])) for name in touched}
        for route in changes.removed_routes:
            routers[route.namespace].remove_route(route.prefix, metric=_metric(route))
        for route in changes.routes:
            set_route(routers[route.namespace], route)


def set_route(router: Router, route: StaticRoute) -> None:
    """As the plan has it, whatever it was before. Raises BackendError."""
    metric = _metric(route)
    router.set_route(route.prefix, route.next_hops, route.ifname, onlink=route.onlink, metric=metric)


def _metric(route: StaticRoute) -> int | None:
    return LAST_RESORT if route.last_resort else None


def _add_wires(plan: Plan, routers: dict[str, Router], namespaces: dict[str, NetworkNamespace]) -> None:
    for link in plan.wires:
        far = namespaces[link.b.namespace]
        routers[link.a.namespace].add_veth(link.a.ifname, link.b.ifname, far, link.mtu)


def _add_sub_interfaces(
    plan: Plan, routers: dict[str, Router], namespaces: dict[str, NetworkNamespace], tagging: Tagging
) -> None:
    trunks: dict[tuple[str, str], Trunk] = {}
    for number, link in enumerate(link for link in plan.wires if link.trunk):
        trunk = Trunk(link, number)
        tagging.prepare(trunk, routers)
        for end in (link.a, link.b):
            routers[end.namespace].change_link(end.ifname, state="up")
            trunks[end.namespace, end.ifname] = trunk
    for sub in plan.sub_interfaces:
        trunk = trunks[sub.port.namespace, sub.port.ifname]
        tagging.add(sub, trunk, routers[sub.port.namespace], namespaces[sub.namespace])


def _add_bridges(plan: Plan, routers: dict[str, Router]) -> None:
    for bridge in plan.bridges:
        router = routers[bridge.namespace]
        router.add_link(bridge.ifname, "bridge", br_mcast_snooping=0)
        master = router.index(bridge.ifname)
        for port in bridge.ports:
            router.change_link(port, master=master)


def _turn_up(plan: Plan, routers: dict[str, Router]) -> None:
    for router in routers.values():
        router.change_link("lo", state="up")
    for bridge in plan.bridges:
        routers[bridge.namespace].change_link(bridge.ifname, state="up")
    for link in plan.wires:
        for end in (link.a, link.b):
            routers[end.namespace].change_link(end.ifname, state="up")
    for sub in plan.sub_interfaces:
        routers[sub.namespace].change_link(sub.ifname, state="up")


def _start_filter(packet_filter: PacketFilter, namespace: NetworkNamespace) -> tuple[PacketFilter, Running]:
    return packet_filter, nft.start(namespace, render_filter(packet_filter))


def _check_filter(packet_filter: PacketFilter, result: Result) -> None:
    nft.check(packet_filter.namespace, "packet filter", result)


def _start_translations(plan: Plan, namespaces: dict[str, NetworkNamespace]) -> dict[str, Running]:
    """By namespace."""
    rules: dict[str, list[Translation]] = {}
    for one in plan.translations:
        rules.setdefault(one.namespace, []).append(one)
    return {name: nft.start(namespaces[name], render_translations(own)) for name, own in rules.items()}
