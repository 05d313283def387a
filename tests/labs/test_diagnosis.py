"""A lab that does not converge names the first broken link of the chain, and is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from plan_labs import Running, with_config, with_neighbor

from lab.bench.line import line_plan, link_address, prefix
from lab.bgp.policy import REJECT_ALL
from lab.bgp.route import Asn
from lab.bgp.speaker import Origination
from lab.errors import BackendError
from lab.plan.types import Plan, StaticRoute
from lab.timing import PATIENCE, Budget

pytestmark = pytest.mark.everywhere

TOO_SHORT = Budget("test-convergence", 8.0 * PATIENCE)
"""For what never comes; long enough for all that does."""


def _without_wire(plan: Plan) -> Plan:
    """The addresses stay, on interfaces of a wire that leads elsewhere."""
    first = plan.wires[0]
    loose = replace(first, b=replace(first.b, ifname="loose"))
    addresses = [
        replace(each, ifname="loose") if (each.namespace, each.ifname) == ("r1", "left") else each
        for each in plan.addresses
    ]
    moved = [
        replace(each, address=IPv4Interface("198.51.100.1/31")) if each.ifname == "loose" else each
        for each in addresses
    ]
    return replace(plan, wires=(loose, *plan.wires[1:]), addresses=tuple(moved))


def _wrong_asn(plan: Plan) -> Plan:
    return with_neighbor(plan, 0, "r1", peer_asn=Asn(65099))


def _wrong_key(plan: Plan) -> Plan:
    return with_neighbor(plan, 0, "r1", password="one-sided")


def _no_address(plan: Plan) -> Plan:
    kept = [each for each in plan.addresses if (each.namespace, each.ifname) != ("r0", "right")]
    return replace(plan, addresses=tuple(kept))


def _other_subnet(plan: Plan) -> Plan:
    return with_neighbor(plan, 0, "r1", peer_address=IPv4Address("198.51.100.7"))


def _several_hops(plan: Plan) -> Plan:
    """r0 has a route to r1's loopback and r1 none to its own."""
    here, there, across = prefix(0)[1], prefix(1)[1], link_address(0, right=True).ip
    plan = with_neighbor(plan, 0, "r1", local_address=here, peer_address=there, ttl=None)
    way = StaticRoute("r0", IPv4Network((there, 32)), (across,))
    return replace(plan, static_routes=(*plan.static_routes, way))


def _too_many_prefixes(plan: Plan) -> Plan:
    originations = tuple(Origination(IPv4Network((f"10.99.{number}.0", 24))) for number in range(3))
    plan = with_config(plan, 1, replace(plan.speakers[1].config, originations=originations))
    return with_neighbor(plan, 0, "r1", max_prefixes=2)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_wrong_asn, ("r0 - r1: OPEN: ", "r1 - r0: OPEN: ", "(2,2)")),
        (_wrong_key, ("r0 - r1: TCP 179: an MD5 key at this end only", "r1 - r0: TCP 179")),
        (_without_wire, ("r0 - r1: ARP: 10.255.0.1 does not answer",)),
        (_no_address, ("r0 - r1: address: 10.255.0.0 is on no interface",)),
        (_other_subnet, ("r0 - r1: address: no interface is in a subnet with 198.51.100.7",)),
        (_several_hops, (f"r0 - r1: TCP 179: {prefix(1)[1]}: Connection timed out",)),
        (_too_many_prefixes, ("r0 - r1: policy: dropped for too many prefixes",)),
    ],
)
def test_the_first_broken_link_is_named(
    broken: Callable[[Plan], Plan], words: tuple[str, ...], running: Running
) -> None:
    plan = replace(broken(line_plan(3)), name="test-diagnosis")
    with pytest.raises(BackendError) as caught, running(plan, TOO_SHORT):
        pass
    for word in words:
        assert word in caught.value.message
    assert "test-convergence" in caught.value.message
    assert "one-sided" not in caught.value.message


def test_the_untouched_line_converges(running: Running) -> None:
    with running(replace(line_plan(3), name="test-diagnosis")):
        pass


def test_a_policy_that_refuses_everything_is_no_failure(running: Running) -> None:
    """Converged is about sessions and end-of-RIB, not about routes a policy keeps away."""
    plan = replace(with_neighbor(line_plan(3), 0, "r1", import_policy=REJECT_ALL), name="test-diagnosis")
    with running(plan):
        pass
