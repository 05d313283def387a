"""Plan -> wires, tags, bridges, addresses, routes and filters in namespaces that are there.

Order matters and is this file's content: everything is created first, in one pass over one
netlink socket per namespace, and turned up last.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from lab.plan.changes import Changes
from lab.plan.parts import beyond, buildable, interfaces, touched
from lab.plan.render.nft import render_filter
from lab.plan.render.translation import render_translations
from lab.plan.types import Endpoint, PacketFilter, Plan, StaticRoute, SubInterface, Translation, Wire
from lab.runtime import nft
from lab.runtime.netlink import Router, UnreachableError, hardware_address
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import Result, Running
from lab.runtime.steering import LAST_RESORT
from lab.runtime.tags import Tagging, Trunk
from lab.timing import CARRIER, wait_until


class Wiring:
    """What is built of a plan. Namespaces may come some at a time, and again after they were gone."""

    def __init__(self, plan: Plan, tagging: Tagging) -> None:
        self._plan = plan
        self._tagging = tagging
        trunks = [Trunk(wire, number) for number, wire in enumerate(w for w in plan.wires if w.trunk)]
        self._trunks = {(end.namespace, end.ifname): trunk for trunk in trunks for end in _ends(trunk.wire)}
        self._present: dict[str, NetworkNamespace] = {}
        self._built = buildable(plan, ())

    def add(self, namespaces: Mapping[str, NetworkNamespace]) -> list[Endpoint]:
        """These are there: build all that waited for them; returns the ends of what was laid. Raises
        BackendError.

        The filters go first: nft works beside us, and rules may name interfaces to come.
        """
        self._present.update(namespaces)
        whole = buildable(self._plan, self._present)
        part, self._built = beyond(whole, self._built), whole
        filters = [_start_filter(each, self._present[each.namespace]) for each in part.filters]
        translations = _start_translations(part, self._present)
        with ExitStack() as stack:
            routers = {name: stack.enter_context(Router(self._present[name])) for name in touched(part)}
            self._build(part, routers)
        for packet_filter, loading in filters:
            _check_filter(packet_filter, loading.result())
        for name, loading in translations.items():
            nft.check(name, "address translation", loading.result())
        return interfaces(part)

    def remove(self, name: str) -> None:
        """That one is about to go, or to be built anew. Its interfaces go, and what led to it from others,
        at once and not when the kernel has found the time. Raises BackendError."""
        left = buildable(self._plan, self._present.keys() - {name})
        part, self._built = beyond(self._built, left), left
        for interface in interfaces(part):
            with Router(self._present[interface.namespace]) as router:
                router.remove_link(interface.ifname)
        self._present.pop(name, None)

    def follow(self, plan: Plan) -> None:
        """What is built, and will be where a namespace comes again, is that of this plan."""
        self._plan, self._built = plan, buildable(plan, self._present)

    def change(self, changes: Changes) -> None:
        """Filters and routes of a lab that runs. Raises BackendError; what came before that stays.

        A ruleset takes the place of the one before it in one transaction (nft(8)).
        """
        filters = [_start_filter(each, self._present[each.namespace]) for each in changes.filters]
        for packet_filter, loading in filters:
            _check_filter(packet_filter, loading.result())
        changed = {route.namespace for route in (*changes.routes, *changes.removed_routes)}
        with ExitStack() as stack:
            routers = {name: stack.enter_context(Router(self._present[name])) for name in changed}
            for route in changes.removed_routes:
                routers[route.namespace].remove_route(route.prefix, metric=_metric(route))
            for route in changes.routes:
                set_route(routers[route.namespace], route)

    def _build(self, part: Plan, routers: dict[str, Router]) -> None:
        self._add_wires(part.wires, routers)
        self._add_sub_interfaces(part.sub_interfaces, routers)
        _add_bridges(part, routers)
        for assignment in part.addresses:
            routers[assignment.namespace].add_address(assignment.ifname, assignment.address)
        _turn_up(part, routers)
        for route in part.static_routes:
            _set_when_carried(routers[route.namespace], route)

    def _add_wires(self, wires: tuple[Wire, ...], routers: dict[str, Router]) -> None:
        for wire in wires:
            far = self._present[wire.b.namespace]
            routers[wire.a.namespace].add_veth(wire.a.ifname, wire.b.ifname, far, wire.mtu)
        for wire in wires:
            if wire.trunk:
                self._tagging.prepare(self._trunks[wire.a.namespace, wire.a.ifname], routers)
                for end in _ends(wire):
                    routers[end.namespace].change_link(end.ifname, state="up")

    def _add_sub_interfaces(self, subs: tuple[SubInterface, ...], routers: dict[str, Router]) -> None:
        for sub in subs:
            trunk = self._trunks[sub.port.namespace, sub.port.ifname]
            target = self._present[sub.namespace]
            self._tagging.add(sub, trunk, routers[sub.port.namespace], target)


def _set_when_carried(router: Router, route: StaticRoute) -> None:
    """The kernel tells itself of a carrier a moment after both ends of a wire are up (net/core/link_watch.c),
    and knows no way over the interface before."""

    def attempt() -> str | None:
        try:
            set_route(router, route)
        except UnreachableError as error:
            return error.message
        return None

    wait_until(f"{route.namespace}: route {route.prefix}", attempt, lambda problem: problem is None, CARRIER)


def _ends(wire: Wire) -> tuple[Endpoint, Endpoint]:
    return wire.a, wire.b


def set_route(router: Router, route: StaticRoute) -> None:
    """As the plan has it, whatever it was before. Raises BackendError."""
    metric = _metric(route)
    router.set_route(route.prefix, route.next_hops, route.ifname, onlink=route.onlink, metric=metric)


def _metric(route: StaticRoute) -> int | None:
    return LAST_RESORT if route.last_resort else None


def _add_bridges(plan: Plan, routers: dict[str, Router]) -> None:
    for bridge in plan.bridges:
        router = routers[bridge.namespace]
        if not router.has(bridge.ifname):
            address = hardware_address(bridge.namespace, bridge.ifname)
            router.add_link(bridge.ifname, "bridge", address=address, br_mcast_snooping=0)
        master = router.index(bridge.ifname)
        for port in bridge.ports:
            router.change_link(port, master=master)


def _turn_up(plan: Plan, routers: dict[str, Router]) -> None:
    for namespace in plan.namespaces:
        routers[namespace.name].change_link("lo", state="up")
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
