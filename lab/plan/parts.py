"""Parts of a Plan: what can be built while only some of its namespaces are there.

A wire needs both its ends, a tagged sub-interface the whole trunk beneath it, an address its
interface, a route the interface it leaves by. What needs a namespace goes with that one, and is
built again when it is back; so parts serve a lab that comes up piece by piece and one that is mended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TypeVar

from lab.plan.types import AddressAssignment, Endpoint, Plan, StaticRoute

Needs = frozenset[str]
"""Namespaces that have to be there."""

Element = TypeVar("Element")


def buildable(plan: Plan, present: Collection[str]) -> Plan:
    """The part that needs none but these namespaces."""
    needs = _Needs(plan)
    there = frozenset(present)

    def met(wanted: Iterable[str]) -> bool:
        return there.issuperset(wanted)

    def has(namespace: str, ifname: str) -> bool:
        return met(needs.of_interface(namespace, ifname))

    return replace(
        plan,
        namespaces=tuple(each for each in plan.namespaces if each.name in there),
        wires=tuple(each for each in plan.wires if met((each.a.namespace, each.b.namespace))),
        sub_interfaces=tuple(each for each in plan.sub_interfaces if has(each.namespace, each.ifname)),
        bridges=tuple(
            replace(bridge, ports=tuple(port for port in bridge.ports if has(bridge.namespace, port)))
            for bridge in plan.bridges
            if bridge.namespace in there
        ),
        addresses=tuple(each for each in plan.addresses if has(each.namespace, each.ifname)),
        static_routes=tuple(each for each in plan.static_routes if met(needs.of_route(each))),
        filters=tuple(each for each in plan.filters if each.namespace in there),
        translations=tuple(each for each in plan.translations if each.namespace in there),
    )


def beyond(whole: Plan, part: Plan) -> Plan:
    """What ``whole`` has and ``part`` has not; a bridge that lacks ports comes with these."""
    ports = {(each.namespace, each.ifname): each.ports for each in part.bridges}
    return replace(
        whole,
        namespaces=_without(whole.namespaces, part.namespaces),
        wires=_without(whole.wires, part.wires),
        sub_interfaces=_without(whole.sub_interfaces, part.sub_interfaces),
        bridges=tuple(
            replace(each, ports=_without(each.ports, ports.get((each.namespace, each.ifname), ())))
            for each in _without(whole.bridges, part.bridges)
        ),
        addresses=_without(whole.addresses, part.addresses),
        static_routes=_without(whole.static_routes, part.static_routes),
        filters=_without(whole.filters, part.filters),
        translations=_without(whole.translations, part.translations),
    )


def interfaces(part: Plan) -> list[Endpoint]:
    """Those it makes by laying wires and tags."""
    ends = [end for wire in part.wires for end in (wire.a, wire.b)]
    return [*ends, *(Endpoint(sub.namespace, sub.ifname) for sub in part.sub_interfaces)]


def touched(part: Plan) -> set[str]:
    """The namespaces in which something of it is built."""
    ends = (*interfaces(part), *(sub.port for sub in part.sub_interfaces))
    return {
        *(each.name for each in part.namespaces),
        *(each.namespace for each in ends),
        *(each.namespace for each in part.bridges),
        *(each.namespace for each in part.addresses),
        *(each.namespace for each in part.static_routes),
    }


def _without(these: tuple[Element, ...], those: tuple[Element, ...]) -> tuple[Element, ...]:
    known = set(those)
    return tuple(each for each in these if each not in known)


class _Needs:
    """What each interface of a plan needs."""

    def __init__(self, plan: Plan) -> None:
        self._interfaces: dict[tuple[str, str], Needs] = {}
        for wire in plan.wires:
            both = frozenset((wire.a.namespace, wire.b.namespace))
            for end in (wire.a, wire.b):
                self._interfaces[end.namespace, end.ifname] = both
        for sub in plan.sub_interfaces:
            port = self._interfaces[sub.port.namespace, sub.port.ifname]
            self._interfaces[sub.namespace, sub.ifname] = port | {sub.namespace}
        self._addresses: dict[str, list[AddressAssignment]] = {}
        for assignment in plan.addresses:
            self._addresses.setdefault(assignment.namespace, []).append(assignment)

    def of_interface(self, namespace: str, ifname: str) -> Needs:
        """A bridge and the loopback need nothing but their namespace."""
        return self._interfaces.get((namespace, ifname), frozenset((namespace,)))

    def of_route(self, route: StaticRoute) -> Needs:
        """Those of the interface it names, or of each whose subnet a next hop is in."""
        found = {route.namespace}
        if route.ifname is not None:
            found |= self.of_interface(route.namespace, route.ifname)
        for assignment in self._addresses.get(route.namespace, ()):
            if any(hop in assignment.address.network for hop in route.next_hops):
                found |= self.of_interface(route.namespace, assignment.ifname)
        return frozenset(found)
