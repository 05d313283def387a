"""The rules of scenarios: each with a file that breaks it and the closest one that does not."""

from __future__ import annotations

import pytest
from scenario_builders import REACH, ROUTE, SESSION, problems

from lab.scenario.check import OF_SPEAKERS, POSITIVES, RULES
from lab.scenario.step import KINDS

COUNT = "- {say: s, prefixes: {node: ce1/core, neighbor: msee1/private, received: 1}}"


def step(kind: str, properties: str) -> str:
    return f"- {{say: s, {kind}: {{{properties}}}}}"


ARP = step("arp", "node: ce1/core, address: 192.168.100.130")
TUNNEL = step("tunnel", "node: vpn1, peer: vpngw-secure-0")
TRANSFER = step("transfer", "source: app1, destination: 10.17.1.4")
FLOW = step("flow", "name: f, source: app1, destination: 10.17.1.4")
LINK_LOCAL = step("arp", "node: ce1/core, address: 'fe80::1'")


def broken(*steps: str) -> set[tuple[str | None, str]]:
    return {(problem.rule, problem.path) for problem in problems(*steps)}


CASES = [
    # rule, place of the problem, the step that breaks it, the same step when it does not
    ("S-12", "session.node", step("session", "node: ce1/cor, neighbor: msee1/private"), SESSION),
    ("S-12", "reach.source", step("reach", "source: app2, destination: 10.17.1.4"), REACH),
    (
        "S-12",
        "arp.node",
        step("arp", "node: msee1/public, address: 192.168.100.129"),
        step("arp", "node: msee1/private, address: 192.168.100.129"),
    ),
    ("S-13", "route.node", step("route", "node: ce1, prefix: 10.17.0.0/16"), ROUTE),
    (
        "S-13",
        "originate.node",
        step("originate", "node: vm-corp, prefixes: [10.99.0.0/24]"),
        step("originate", "node: vnet-corp, prefixes: [10.99.0.0/24]"),
    ),
    ("S-14", "session.neighbor", step("session", "node: ce1/core, neighbor: msee2/private"), SESSION),
    (
        "S-14",
        "route.peer",
        step("route", "node: ce1/core, prefix: 10.17.0.0/16, peer: msee2/private"),
        step("route", "node: ce1/core, prefix: 10.17.0.0/16, peer: ce2/core"),
    ),
    (
        "S-14",
        "session.neighbor",
        step("session", "node: ce1/core, neighbor: local"),
        step("route", "node: core1, prefix: 10.0.0.0/24, peer: local"),
    ),
    (
        "S-15",
        "spread.over[0]",
        step("spread", "source: app1, destination: 10.17.1.4, over: ['ce1/core:er200']"),
        step("spread", "source: app1, destination: 10.17.1.4, over: ['ce1/core:er100']"),
    ),
    (
        "S-15",
        "wire.interface",
        step("wire", "interface: 'pe3:to-msee1', source: app1, destination: 10.17.1.4, shows: {}"),
        step("wire", "interface: 'pe1:to-msee1', source: app1, destination: 10.17.1.4, shows: {}"),
    ),
    ("S-16", "reach.destination", step("reach", "source: app1, destination: 10.17.1.5"), REACH),
    *(
        ("S-22", "arp.address", step("arp", f"node: ce1/core, address: {wrong}"), ARP)
        for wrong in ("10.17.1.4", "192.168.100.129", "2001:db8::1")
    ),
    ("S-22", "arp.address", step("arp", "node: ce1/core, address: 10.17.1.4"), LINK_LOCAL),
    ("S-16", "flow.destination", step("flow", "name: f, source: app1, destination: 10.2.0.5"), FLOW),
    (
        "S-18",
        "flow.source_address",
        step("flow", "name: f, source: app1, destination: 10.17.1.4, source_address: '2001:db8::1'"),
        FLOW,
    ),
    (
        "S-31",
        "flow.source_address",
        step("flow", "name: f, source: app1, destination: 10.17.1.4, source_address: 10.0.0.1"),
        step("flow", "name: f, source: core1, destination: 10.17.1.4, source_address: 10.0.0.1"),
    ),
    ("S-16", "transfer.destination", step("transfer", "source: app1, destination: 10.2.0.5"), TRANSFER),
    (
        "S-18",
        "transfer.source_address",
        step("transfer", "source: app1, destination: 10.17.1.4, source_address: '2001:db8::1'"),
        TRANSFER,
    ),
    (
        "S-31",
        "transfer.source_address",
        step("transfer", "source: app1, destination: 10.17.1.4, source_address: 10.0.0.1"),
        step("transfer", "source: core1, destination: 10.17.1.4, source_address: 10.0.0.1"),
    ),
    (
        "S-17",
        "fib.next_hops[1]",
        step("fib", "node: core1, prefix: 10.17.0.0/16, next_hops: [10.1.255.1, 10.1.255]"),
        step("fib", "node: core1, prefix: 10.1.255.0/24, next_hops: [core]"),
    ),
    (
        "S-17",
        "fib.next_hops[0]",
        step("fib", "node: core1, prefix: 10.17.0.0/16, next_hops: ['fe80::1']"),
        step("fib", "node: core1, prefix: '2001:db8::/32', next_hops: ['fe80::1']"),
    ),
    (
        "S-18",
        "route.next_hop",
        step("route", "node: ce1/core, prefix: 10.17.0.0/16, next_hop: '2001:db8::1'"),
        step("route", "node: ce1/core, prefix: '2001:db8::/32', next_hop: '2001:db8::1'"),
    ),
    (
        "S-18",
        "reach.source_address",
        step("reach", "source: app1, destination: 10.17.1.4, source_address: '2001:db8::1'"),
        step("reach", "source: app1, destination: 10.17.1.4, source_address: 10.0.0.10"),
    ),
    (
        "S-19",
        "reach.port",
        step("reach", "source: app1, destination: 10.17.1.4, port: 443"),
        step("reach", "source: app1, destination: 10.17.1.4, port: 443, protocol: tcp"),
    ),
    ("S-20", "prefixes", step("prefixes", "node: ce1/core, neighbor: msee1/private"), COUNT),
    (
        "S-20",
        "prefixes.accepted",
        step("prefixes", "node: ce1/core, neighbor: msee1/private, accepted: -1"),
        step("prefixes", "node: ce1/core, neighbor: msee1/private, accepted: 0"),
    ),
    (
        "S-21",
        "withdraw.prefixes[0]",
        step("withdraw", "node: core1, prefixes: [10.0.1.0/24]"),
        step("withdraw", "node: core1, prefixes: [10.0.0.0/24]"),
    ),
    ("S-23", "tunnel.node", step("tunnel", "node: dmz1, peer: vpngw-secure-0"), TUNNEL),
    ("S-23", "tunnel.peer", step("tunnel", "node: vpn1, peer: vpngw-secure"), TUNNEL),
    (
        "S-23",
        "tunnel.peer",
        step("tunnel", "node: vpngw-secure-0, peer: conn-secure-1"),
        step("tunnel", "node: vpngw-secure-0, peer: conn-secure-0"),
    ),
    (
        "S-24",
        "fault.link_down.link",
        step("fault", "link_down: {link: pe1--msee2}"),
        step("fault", "link_down: {link: pe1--msee1}"),
    ),
    (
        "S-25",
        "clear.fault",
        step("clear", "fault: link_down"),
        step("fault", "link_down: {link: pe1--msee1}"),
    ),
]


@pytest.mark.parametrize(("rule", "place", "wrong", "right"), CASES)
def test_a_rule_finds_what_breaks_it_and_nothing_else(rule: str, place: str, wrong: str, right: str) -> None:
    assert broken(wrong, SESSION) == {(rule, f"steps[0].{place}")}
    assert broken(right, SESSION) == set()


def absence(kind: str) -> str:
    """Some step of the kind that breaks no other rule."""
    probes = "source: app1, destination: 10.2.0.4"
    properties = {
        "no_session": "node: ce1/core, neighbor: msee1/private",
        "no_tunnel": "node: vpn1, peer: vpngw-secure-0",
        "no_route": "node: ce1/core, prefix: 10.2.0.0/24",
        "no_fib": "node: ce1/core, prefix: 10.2.0.0/24",
        "no_arp": "node: ce1/core, address: 10.1.255.77",
        "no_reach": probes,
        "no_transfer": probes,
        "no_wire": f"interface: 'pe1:to-msee1', {probes}, shows: {{}}",
    }
    return step(kind, f"{properties[kind]}, holds_for: keepalive")


POSITIVE = {
    "transfer": TRANSFER,
    "session": SESSION,
    "prefixes": COUNT,
    "tunnel": TUNNEL,
    "route": ROUTE,
    "reach": REACH,
    "fib": step("fib", "node: core1, prefix: 10.17.0.0/16, next_hops: [10.1.255.1]"),
    "arp": step("arp", "node: msee1/private, address: 192.168.100.129"),
    "spread": step("spread", "source: app1, destination: 10.17.1.4, over: ['ce1/core:er100']"),
    "wire": step("wire", "interface: 'pe1:to-msee1', source: app1, destination: 10.17.1.4, shows: {}"),
}
PAIRS = [(kind, positive) for kind in POSITIVES for positive in POSITIVES[kind]]


@pytest.mark.parametrize(("kind", "positive"), PAIRS)
def test_an_absence_comes_after_a_positive_of_its_noun(kind: str, positive: str) -> None:
    assert broken(POSITIVE[positive], absence(kind)) == set()
    assert broken(absence(kind), POSITIVE[positive]) == {("S-10", f"steps[0].{kind}")}


@pytest.mark.parametrize("kind", POSITIVES)
def test_a_positive_of_another_noun_is_not_enough(kind: str) -> None:
    others = [text for positive, text in POSITIVE.items() if positive not in POSITIVES[kind]]
    assert broken(*others, absence(kind)) == {("S-10", f"steps[{len(others)}].{kind}")}


@pytest.mark.parametrize("kind", ["no_reach", "no_wire", "no_transfer"])
def test_the_silence_of_an_address_that_nobody_has_means_nothing(kind: str) -> None:
    typo = absence(kind).replace("10.2.0.4", "10.2.0.44")
    (problem,) = problems(REACH, typo, POSITIVE["wire"])
    assert (problem.rule, problem.path) == ("S-16", f"steps[1].{kind}.destination")
    assert problem.hint == "did you mean 10.2.0.4 of vm-secure?"


@pytest.mark.parametrize(("address", "rules"), [("10.1.255.77", set()), ("10.2.255.77", {"S-22"})])
def test_nobody_answers_only_where_somebody_could(address: str, rules: set[str]) -> None:
    asked = absence("no_arp").replace("10.1.255.77", address)
    assert {rule for rule, _ in broken(ARP, asked)} == rules


def test_every_absence_has_its_positive() -> None:
    assert set(POSITIVES) == {kind for kind in KINDS if kind.startswith("no_")}
    assert {positive for pair in POSITIVES.values() for positive in pair} <= set(KINDS)
    assert set(KINDS) >= OF_SPEAKERS


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("originate", step("originate", "node: core1, prefixes: [10.99.0.0/24]")),
        ("withdraw", step("withdraw", "node: core1, prefixes: [10.0.0.0/24]")),
        ("change", step("change", "connections: {conn-corp: {routing_weight: 5}}")),
    ],
)
def test_the_last_step_looks(kind: str, last: str) -> None:
    assert broken(SESSION, last) == {("S-11", f"steps[1].{kind}")}
    assert broken(last, SESSION) == set()


def test_what_was_announced_by_a_step_can_be_withdrawn() -> None:
    announce = step("originate", "node: core1, prefixes: [10.99.0.0/24]")
    withdraw = step("withdraw", "node: core1, prefixes: [10.99.0.0/24]")
    assert broken(announce, withdraw, SESSION) == set()
    assert broken(withdraw, announce, SESSION) == {("S-21", "steps[0].withdraw.prefixes[0]")}


def test_of_a_series_any_prefix_may_be_withdrawn() -> None:
    announce = step("originate", "node: core1, series: {first: 10.64.0.0/24, count: 100}")
    withdraw = step("withdraw", "node: core1, prefixes: [10.64.7.0/24]")
    assert broken(announce, withdraw, SESSION) == set()


def interruption(properties: str) -> str:
    return step("interruption", f"flow: f, {properties}")


def test_a_flow_is_looked_at_once_it_was_begun() -> None:
    look = interruption("lost_at_most: 0")
    assert broken(FLOW, look) == set()
    assert broken(look, FLOW, SESSION) == {("S-30", "steps[0].interruption.flow")}
    other = FLOW.replace("name: f", "name: g")
    (problem,) = problems(other, look)
    assert (problem.rule, problem.hint) == ("S-30", "flows begun before: g")


def test_each_flow_has_a_name_of_its_own() -> None:
    assert broken(FLOW, FLOW.replace("name: f", "name: g"), SESSION) == set()
    assert broken(FLOW, FLOW, SESSION) == {("S-30", "steps[1].flow.name")}


@pytest.mark.parametrize(
    ("wrong", "place", "right"),
    [
        ("direction: both", "", "direction: both, lost_at_most: 0"),
        ("at_least: carrier", ".at_least", "at_least: hold"),
        ("at_least: [connect_retry, dead_peer_detection]", ".at_least", "at_least: [connect_retry, restart]"),
        ("at_least: hold, at_most: carrier", ".at_least", "at_least: hold, at_most: hold"),
    ],
)
def test_an_interruption_is_bounded_by_something_that_takes_its_time(
    wrong: str, place: str, right: str
) -> None:
    assert broken(FLOW, interruption(wrong)) == {("S-32", f"steps[1].interruption{place}")}
    assert broken(FLOW, interruption(right)) == set()


@pytest.mark.parametrize("cause", ["dead_peer_detection", "retry"])
def test_only_a_lab_with_tunnels_has_their_timers(cause: str) -> None:
    steps = (FLOW, interruption(f"at_most: {cause}"))
    assert broken(*steps) == set()
    (problem,) = problems(*steps, topology="expressroute-basic")
    assert (problem.rule, problem.path) == ("S-32", "steps[1].interruption.at_most")


def test_a_bound_that_is_none_is_told_with_those_there_are() -> None:
    (problem,) = problems(FLOW, interruption("at_most: [hold, holt]"))
    assert problem.path == "steps[1].interruption.at_most"
    assert problem.what == "'holt' is no bound"
    assert problem.hint == (
        "one or several of carrier, hold, restart, connect_retry, dead_peer_detection, retry"
    )


def test_names_are_not_looked_up_without_a_topology() -> None:
    early = absence("no_session").replace("ce1/core", "nobody")
    found = problems(early, SESSION, topology="nosuch")
    assert [problem.rule for problem in found] == [None, "S-10"]


def test_every_problem_of_every_step_is_told_at_once() -> None:
    wrong = [case[2] for case in CASES]
    assert len(problems(*wrong, SESSION)) >= len(CASES)


def test_rules_have_names_of_their_own_and_say_what_they_are() -> None:
    names = [name for name, _ in RULES]
    assert len(set(names)) == len(names)
    assert {case[0] for case in CASES} | {"S-10", "S-11", "S-30", "S-32"} == set(names)
    assert all(rule.__doc__ for _, rule in RULES)
