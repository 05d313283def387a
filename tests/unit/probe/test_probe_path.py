"""The first broken link of a way, by what each kernel said."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from lab.bgp.route import Address
from lab.model.load import load_topology
from lab.model.shipped import find_topology
from lab.plan.compile import compile_topology
from lab.plan.types import (
    AddressAssignment,
    Endpoint,
    FilterAction,
    FilterRule,
    Namespace,
    PacketFilter,
    Plan,
    Wire,
)
from lab.probe.flows import Flow
from lab.probe.hop import Branch, Hop
from lab.probe.path import broken_link

HOST, SERVER = ip_address("10.1.0.2"), ip_address("10.2.0.2")


def _wire(a: str, b: str) -> Wire:
    return Wire(f"{a}--{b}", Endpoint(a, b), Endpoint(b, a))


def _address(namespace: str, ifname: str, address: str) -> AddressAssignment:
    return AddressAssignment(namespace, ifname, ip_interface(address))


PLAN = Plan(
    "diamond",
    namespaces=(
        Namespace("host", forwarding=False),
        Namespace("near"),
        Namespace("up"),
        Namespace("down"),
        Namespace("server", forwarding=False),
    ),
    wires=(
        _wire("host", "near"),
        _wire("near", "up"),
        _wire("near", "down"),
        _wire("up", "server"),
        _wire("down", "server"),
    ),
    addresses=(
        _address("host", "near", "10.1.0.2/24"),
        _address("near", "host", "10.1.0.1/24"),
        _address("near", "up", "10.9.0.0/31"),
        _address("up", "near", "10.9.0.1/31"),
        _address("near", "down", "10.9.0.2/31"),
        _address("down", "near", "10.9.0.3/31"),
        _address("up", "server", "10.9.1.0/31"),
        _address("server", "up", "10.9.1.1/31"),
        _address("down", "server", "10.9.1.2/31"),
        _address("server", "down", "10.9.1.3/31"),
        _address("server", "lo", "10.2.0.2/32"),
    ),
)
"""A host, a router with two ways, and a server that both ways lead to."""

FLOW = Flow("host", SERVER, source_address=HOST)

Tables = dict[tuple[str, Address], Hop]


def to(*hops: str, mtu: int = 1500, broken: str | None = None) -> Hop:
    """``10.9.0.1@up``: by that next hop, out of that interface."""
    return Hop("unicast", tuple(Branch(*hop.split("@"), mtu, broken) for hop in hops))  # type: ignore[call-arg]


LOCAL, NOTHING = Hop("local"), Hop("unreachable")

WHOLE: Tables = {
    ("host", SERVER): to("10.1.0.1@near"),
    ("near", SERVER): to("10.9.0.1@up", "10.9.0.3@down"),
    ("up", SERVER): to("10.9.1.1@server"),
    ("down", SERVER): to("10.9.1.3@server"),
    ("server", SERVER): LOCAL,
    ("server", HOST): to("10.9.1.0@up", "10.9.1.2@down"),
    ("up", HOST): to("10.9.0.0@near"),
    ("down", HOST): to("10.9.0.2@near"),
    ("near", HOST): to("10.1.0.2@host"),
    ("host", HOST): LOCAL,
}


def traced(changes: Tables, flow: Flow = FLOW, plan: Plan = PLAN) -> str | None:
    tables = WHOLE | changes
    return broken_link(plan, flow, lambda namespace, address: tables[namespace, address])


def test_a_whole_way_has_no_broken_link() -> None:
    assert traced({}) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({("host", SERVER): NOTHING}, "host has no route to 10.2.0.2"),
        ({("near", SERVER): NOTHING}, "near has no route to 10.2.0.2"),
        (
            {("near", SERVER): Hop("blackhole")},
            "near throws packets to 10.2.0.2 away: its route is a blackhole",
        ),
        (
            {("near", SERVER): to("10.9.0.1@up", broken="ARP: 10.9.0.1 does not answer on up")},
            "near: ARP: 10.9.0.1 does not answer on up",
        ),
        (
            {("down", SERVER): to("10.9.1.3@server", broken="link: server is set down")},
            "down: link: server is set down (by 10.9.0.3, one of 2 next hops of near)",
        ),
        (
            {("up", SERVER): to("10.9.0.0@near")},
            "routing loop: near - up - near (by 10.9.0.1, one of 2 next hops of near)",
        ),
        ({("near", SERVER): to("10.1.0.2@host")}, "routing loop: host - near - host"),
        ({("near", SERVER): to("10.9.0.9@up")}, "near: 10.9.0.9 on up is nobody's address"),
        (
            {("near", SERVER): to("10.9.0.1@down")},
            "near: 10.9.0.1 on down is nobody's address",
        ),
        (
            {("near", HOST): NOTHING},
            "on the way back, near has no route to 10.1.0.2 (by 10.9.1.0, one of 2 next hops of server)",
        ),
        ({("server", HOST): NOTHING}, "on the way back, server has no route to 10.1.0.2"),
        ({("near", HOST): LOCAL}, "answers end in near, which has 10.1.0.2"),
    ],
)
def test_the_first_link_that_does_not_hold_is_named(changes: Tables, said: str) -> None:
    assert traced(changes) == said


def test_a_node_that_does_not_forward() -> None:
    plan = replace(
        PLAN, namespaces=tuple(replace(one, forwarding=one.node != "near") for one in PLAN.namespaces)
    )
    assert traced({}, plan=plan) == "near does not forward"


def test_a_source_without_any_way_has_no_address_to_send_from() -> None:
    changes = {("host", SERVER): NOTHING}
    assert traced(changes, replace(FLOW, source_address=None)) == "host has no route to 10.2.0.2"


def test_a_packet_that_is_too_big() -> None:
    changes = {("near", SERVER): to("10.9.0.1@up", mtu=1400)}
    assert traced(changes, replace(FLOW, size=1400)) is None
    assert traced(changes, replace(FLOW, size=1401)) == "near: 1401 bytes do not fit through up (MTU 1400)"


# Filters.

ACCEPT, DROP = FilterAction.ACCEPT, FilterAction.DROP
BY_UP = " (by 10.9.0.1, one of 2 next hops of near)"
ANSWERS = FilterRule(ACCEPT, "answers", established=True)


def filtered(flow: Flow, *rules: FilterRule, default: FilterAction = DROP) -> str | None:
    """With a filter in ``near``."""
    return traced({}, flow, replace(PLAN, filters=(PacketFilter("near", rules, default),)))


def test_what_no_rule_allows_is_dropped() -> None:
    assert filtered(FLOW, ANSWERS) == f"dropped by the filter of near: no rule allows it{BY_UP}"


def test_the_rule_that_drops_is_named() -> None:
    rule = FilterRule(DROP, "not from there", sources=(ip_network("10.1.0.0/24"),))
    said = filtered(FLOW, rule, default=ACCEPT)
    assert said == f"dropped by the filter of near: rule 'not from there'{BY_UP}"


def test_answers_pass_where_the_question_did() -> None:
    allowed = FilterRule(ACCEPT, "out", in_interfaces=("host",))
    assert filtered(FLOW, ANSWERS, allowed) is None
    assert filtered(FLOW, allowed) == (
        "on the way back, dropped by the filter of near: no rule allows it"
        " (by 10.9.1.0, one of 2 next hops of server)"
    )


def test_answers_by_another_way_are_nothing_a_filter_there_knows() -> None:
    changes = {("near", SERVER): to("10.9.0.1@up"), ("server", HOST): to("10.9.1.2@down")}
    plan = replace(PLAN, filters=(PacketFilter("down", (ANSWERS,), DROP),))
    said = "on the way back, dropped by the filter of down: no rule allows it"
    assert traced(changes, plan=plan) == said


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (FilterRule(ACCEPT, "", protocol="tcp", destination_ports=((440, 443),)), True),
        (FilterRule(ACCEPT, "", destination_ports=((443, 443),)), True),
        (FilterRule(ACCEPT, "", protocol="udp"), False),
        (FilterRule(ACCEPT, "", destination_ports=((444, 445),)), False),
        (FilterRule(ACCEPT, "", out_interfaces=("up", "down")), True),
        (FilterRule(ACCEPT, "", out_interfaces=("host",)), False),
        (FilterRule(ACCEPT, "", destinations=(ip_network("10.2.0.0/16"),)), True),
        (FilterRule(ACCEPT, "", destinations=(ip_network("10.3.0.0/16"), ip_network("fd00::/8"))), False),
    ],
)
def test_every_condition_of_a_rule_counts(rule: FilterRule, passes: bool) -> None:
    flow = replace(FLOW, protocol="tcp", source_port=50000, destination_port=443)
    assert (filtered(flow, ANSWERS, rule) is None) is passes


def test_a_ping_has_no_port() -> None:
    assert filtered(FLOW, ANSWERS, FilterRule(ACCEPT, "", destination_ports=((33434, 33434),))) is not None


def test_a_tunnel_leads_to_its_other_end() -> None:
    """Its interface has no segment, and next hops in it are nobody's address there."""
    plan = compile_topology(load_topology(find_topology("expressroute-vpn")))
    there, back = ip_address("10.2.0.4"), ip_address("10.0.0.10")
    tables = {
        ("vpn1", there): to("10.2.0.228@vpngw-secure-0"),
        ("vpngw-secure-0", there): LOCAL,
        ("vpngw-secure-0", back): to("172.16.0.3@vpn1", broken="link: vpn1 has no carrier"),
    }
    flow = Flow("vpn1", there, source_address=back)
    found = broken_link(plan, flow, lambda namespace, address: tables[namespace, address])
    assert found == "on the way back, vpngw-secure-0: link: vpn1 has no carrier"
