"""Parts of a plan: whatever comes first, the whole is built once, and nothing before what it needs."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from plan_builders import FILES, compiled

from lab.plan.parts import beyond, buildable, interfaces, touched
from lab.plan.types import (
    AddressAssignment,
    Bridge,
    Endpoint,
    Namespace,
    Plan,
    StaticRoute,
    Wire,
)

ORDERS = 3
"""In which namespaces come, for each plan."""

PARTS = ("wires", "sub_interfaces", "addresses", "static_routes", "filters", "translations")


def names(plan: Plan) -> list[str]:
    return [namespace.name for namespace in plan.namespaces]


def shuffled(plan: Plan, seed: int) -> list[str]:
    order = names(plan)
    random.Random(seed).shuffle(order)
    return order


def steps(plan: Plan, order: list[str]) -> list[Plan]:
    """What is built when each of these has come."""
    found, built = [], buildable(plan, ())
    for number in range(1, len(order) + 1):
        whole = buildable(plan, order[:number])
        found.append(beyond(whole, built))
        built = whole
    return found


def ports(bridges: list[Bridge]) -> list[tuple[str, str, str]]:
    """Of all bridges, as often as they are put into one."""
    return sorted((bridge.namespace, bridge.ifname, port) for bridge in bridges for port in bridge.ports)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(ORDERS))
def test_everything_is_built_once_in_whatever_order_namespaces_come(name: str, seed: int) -> None:
    plan = compiled(name)
    built = steps(plan, shuffled(plan, seed))
    for part in PARTS:
        elements = [element for step in built for element in getattr(step, part)]
        assert len(elements) == len(set(elements)), f"{part}: something is built twice"
        assert set(elements) == set(getattr(plan, part))
    assert ports([bridge for step in built for bridge in step.bridges]) == ports(list(plan.bridges))


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_built_where_nothing_is(name: str) -> None:
    plan = compiled(name)
    order = shuffled(plan, 1)
    half = set(order[: len(order) // 2])
    part = buildable(plan, half)
    assert touched(part) <= half
    made = {(each.namespace, each.ifname) for each in interfaces(part)}
    made |= {(bridge.namespace, bridge.ifname) for bridge in part.bridges}
    for assignment in part.addresses:
        assert assignment.ifname == "lo" or (assignment.namespace, assignment.ifname) in made
    for bridge in part.bridges:
        assert {(bridge.namespace, port) for port in bridge.ports} <= made


@pytest.mark.parametrize("name", ["expressroute-vpn", "dual-circuit"])
def test_what_goes_with_a_namespace_is_built_again_with_it_and_nothing_else(name: str) -> None:
    plan = compiled(name)
    for gone in names(plan):
        left = buildable(plan, [other for other in names(plan) if other != gone])
        again = beyond(plan, left)
        assert set(again.wires) == {
            wire for wire in plan.wires if gone in (wire.a.namespace, wire.b.namespace)
        }
        assert {each.namespace for each in again.filters} <= {gone}
        assert [each.name for each in again.namespaces] == [gone]


def test_a_sub_interface_waits_for_both_ends_of_its_trunk_and_for_its_vrf() -> None:
    plan = compiled("expressroute-vpn")
    sub = next(each for each in plan.sub_interfaces if each.namespace != each.port.namespace)
    wire = next(each for each in plan.wires if each.trunk and sub.port in (each.a, each.b))
    needed = {sub.namespace, wire.a.namespace, wire.b.namespace}
    for missing in needed:
        assert sub not in buildable(plan, needed - {missing}).sub_interfaces
    assert sub in buildable(plan, needed).sub_interfaces


def test_a_route_waits_for_the_interface_it_leaves_by_and_a_blackhole_for_none() -> None:
    near = Wire("near", Endpoint("a", "eth0"), Endpoint("b", "eth0"))
    far = Wire("far", Endpoint("a", "eth1"), Endpoint("c", "eth0"))
    anywhere, hop = IPv4Network("0.0.0.0/0"), IPv4Address("10.0.0.2")
    by_subnet = StaticRoute("a", anywhere, (hop,))
    onlink = StaticRoute("a", anywhere, (hop,), ifname="eth1", onlink=True)
    blackhole = StaticRoute("a", anywhere, ())
    plan = Plan(
        "parts",
        namespaces=tuple(map(Namespace, "abc")),
        wires=(near, far),
        addresses=(AddressAssignment("a", "eth0", IPv4Interface("10.0.0.1/24")),),
        static_routes=(by_subnet, onlink, blackhole),
    )
    assert buildable(plan, "a").static_routes == (blackhole,)
    assert buildable(plan, "ab").static_routes == (by_subnet, blackhole)
    assert buildable(plan, "abc").static_routes == (by_subnet, onlink, blackhole)
