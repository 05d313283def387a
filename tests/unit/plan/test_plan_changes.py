"""From one plan to another: what a running lab takes over, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from plan_builders import compiled

from lab.bench.line import line_plan
from lab.bgp.policy import REJECT_ALL
from lab.bgp.route import Asn, parse_community
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig, Timers
from lab.plan.changes import Changes, changes_between, originations_after
from lab.plan.errors import PlanError
from lab.plan.types import (
    AddressAssignment,
    FilterAction,
    FilterRule,
    PacketFilter,
    Plan,
    Role,
    StaticRoute,
    Suggestion,
    Translation,
)

LINE = line_plan(3)
TUNNELED = compiled("expressroute-vpn")
P, Q, R = (Origination(IPv4Network((f"10.{number}.0.0", 16))) for number in (77, 78, 79))
ROUTE = StaticRoute("r0", IPv4Network("198.51.100.0/24"), (IPv4Address("10.255.0.1"),))
FILTER = PacketFilter("r1", (FilterRule(FilterAction.DROP, "no telnet"),), FilterAction.ACCEPT)


def with_speaker(**facts: Any) -> Plan:
    """The line, r0 configured otherwise."""
    first, *others = LINE.speakers
    return replace(LINE, speakers=(replace(first, config=replace(first.config, **facts)), *others))


def with_session(**facts: Any) -> Plan:
    """The line, r0's end of the session with r1 configured otherwise."""
    (session,) = LINE.speakers[0].config.neighbors
    return with_speaker(neighbors=(replace(session, **facts),))


def sentences(new: Plan, old: Plan = LINE) -> tuple[str, ...]:
    return changes_between(old, new).sentences


def refusal(new: Plan, old: Plan = LINE) -> list[str]:
    with pytest.raises(PlanError) as refused:
        changes_between(old, new)
    assert refused.value.hint == "`mseelab down` and `mseelab up` build it anew"
    first, *differences = refused.value.message.splitlines()
    assert first == "this cannot change in a lab that runs:"
    return [difference.strip() for difference in differences]


# --- what can change ---


def test_equal_plans_differ_in_nothing_whatever_their_names_and_order() -> None:
    assert changes_between(LINE, LINE) == Changes(())
    assert changes_between(LINE, replace(LINE, name="another")) == Changes(())
    turned = replace(LINE, nodes=LINE.nodes[::-1], wires=LINE.wires[::-1], speakers=LINE.speakers[::-1])
    assert changes_between(LINE, turned) == Changes(())


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (with_session(import_policy=REJECT_ALL), "r0: import policy from r1"),
        (with_session(export_policy=REJECT_ALL), "r0: export policy towards r1"),
        (with_session(max_prefixes=200), "r0 - r1: max_prefixes: none -> 200"),
        (with_session(next_hop_self=True), "r0 - r1: next_hop_self: no -> yes"),
        (with_session(allow_own_as=2), "r0 - r1: allow_own_as: 0 -> 2"),
        (with_session(timers=Timers(60, 180, restart=5)), "r0 - r1: timers.restart: 60 -> 5"),
        (with_speaker(maximum_paths=1), "r0: maximum_paths: 8 -> 1"),
        (with_speaker(originations=(*LINE.speakers[0].config.originations, P)), f"r0: originates {P.prefix}"),
        (with_speaker(originations=()), "r0: no longer originates 10.0.0.0/24"),
    ],
)
def test_a_changed_speaker_is_told_in_a_sentence_and_handed_over_whole(new: Plan, sentence: str) -> None:
    assert changes_between(LINE, new) == Changes((sentence,), speakers=(new.speakers[0],))


def test_a_changed_origination_counts_by_its_attributes() -> None:
    old, new = with_speaker(originations=(P,)), with_speaker(originations=(replace(P, as_path=(Asn(7),)),))
    assert sentences(new, old) == (f"r0: originates otherwise {P.prefix}",)


def test_of_many_prefixes_the_first_few_are_named() -> None:
    many = tuple(Origination(IPv4Network((f"10.9.{number}.0", 24))) for number in range(9))
    (sentence,) = sentences(with_speaker(originations=(*LINE.speakers[0].config.originations, *many)))
    assert sentence.endswith("10.9.4.0/24, and 4 more")
    assert "10.9.5.0/24" not in sentence


def test_filters_are_set_anew_and_one_that_is_gone_lets_everything_pass() -> None:
    filtered = replace(LINE, filters=(FILTER,))
    assert changes_between(LINE, filtered) == Changes(("r1: packet filter",), filters=(FILTER,))
    assert changes_between(filtered, filtered) == Changes(())
    everything = PacketFilter("r1", (), default=FilterAction.ACCEPT)
    assert changes_between(filtered, LINE) == Changes(("r1: packet filter",), filters=(everything,))


def test_routes_are_added_changed_and_removed_by_prefix() -> None:
    routed, elsewhere = replace(LINE, static_routes=(ROUTE,)), replace(ROUTE, next_hops=())
    target = f"r0: static route to {ROUTE.prefix}"
    assert changes_between(LINE, routed) == Changes((f"{target} added",), routes=(ROUTE,))
    assert changes_between(routed, replace(LINE, static_routes=(elsewhere,))) == Changes(
        (f"{target} changed",), routes=(elsewhere,)
    )
    assert changes_between(routed, LINE) == Changes((f"{target} removed",), removed_routes=(ROUTE,))


def test_what_is_only_said_about_a_lab_may_change() -> None:
    new = replace(
        LINE, description="new", suggestions=(Suggestion("inspect", "it"),), expected_down=(("r0", "r1"),)
    )
    assert changes_between(LINE, new) == Changes(
        ("the description", "the suggestions", "which sessions are expected to be down")
    )


# --- what cannot ---


def _first_wire(**facts: Any) -> Plan:
    return replace(LINE, wires=(replace(LINE.wires[0], **facts), *LINE.wires[1:]))


ADDED = AddressAssignment("r0", "lo", replace(LINE.addresses[0]).address + 1)


@pytest.mark.parametrize(
    ("new", "differences"),
    [
        (with_session(peer_asn=Asn(65099)), ["session r0 - r1: peer_asn"]),
        (with_session(timers=Timers(1, 3)), ["session r0 - r1: timers.keepalive, timers.hold"]),
        (with_session(ttl=64, add_path=True), ["session r0 - r1: ttl, add_path"]),
        (with_speaker(asn=Asn(65099)), ["speaker r0: asn"]),
        (with_speaker(neighbors=()), ["session r0 - r1: removed"]),
        (_first_wire(mtu=9000), ["wire l0: mtu"]),
        (_first_wire(name="other"), ["wire other: added", "wire l0: removed"]),
        (replace(LINE, addresses=(*LINE.addresses, ADDED)), [f"address r0:lo {ADDED.address}: added"]),
        (
            replace(LINE, nodes=(replace(LINE.nodes[0], role=Role.HOST), *LINE.nodes[1:])),
            ["node r0: role"],
        ),
        (replace(LINE, speakers=LINE.speakers[:2]), ["speaker r2: removed", "session r2 - r1: removed"]),
    ],
)
def test_what_was_built_or_negotiated_cannot_change(new: Plan, differences: list[str]) -> None:
    assert refusal(new) == differences


def test_a_refusal_is_of_the_whole_and_names_the_first_few() -> None:
    differences = refusal(line_plan(9))
    assert differences[:2] == ["node r3: added", "node r4: added"]
    assert len(differences) == 6
    assert differences[-1].startswith("and ")


def test_a_key_is_not_told() -> None:
    old, new = with_session(password="first-secret"), with_session(password="second-secret")
    assert refusal(new, old) == ["session r0 - r1: password"]


def test_tunnels_cannot_change_and_their_keys_are_not_told() -> None:
    first, *others = TUNNELED.tunnels
    changed = replace(first, shared_key="another-secret", mtu=1300)
    assert refusal(replace(TUNNELED, tunnels=(changed, *others)), TUNNELED) == [
        f"tunnel {first.name} at {first.namespace}: shared_key, mtu"
    ]
    assert refusal(replace(TUNNELED, tunnels=tuple(others)), TUNNELED) == [
        f"tunnel {first.name} at {first.namespace}: removed"
    ]


def test_every_part_of_a_plan_is_taken_over_or_refused() -> None:
    """One that is new in ``Plan`` must not go unnoticed."""
    whole = replace(
        TUNNELED,
        expected_down=(("r0", "r1"),),
        tunnels_down=("conn-secure-0",),
        translations=(Translation("r0", "out", IPv4Address("10.0.0.4"), IPv4Address("192.0.2.4")),),
    )
    for part in (field.name for field in fields(Plan)):
        value = getattr(whole, part)
        assert value, part
        without = replace(whole, **{part: value[:-1]})
        try:
            assert part == "name" or sentences(without, whole), part
        except PlanError:
            continue


def test_every_fact_of_a_session_and_a_speaker_is_taken_over_or_refused() -> None:
    """One that is new in ``Neighbor`` or ``SpeakerConfig`` must not go unnoticed."""
    values: dict[Any, Callable[[Any], Any]] = {
        bool: lambda value: not value,
        int: lambda value: value + 1,
        str: lambda value: f"{value}x",
        tuple: lambda value: (1, 1),
        IPv4Address: lambda value: value + 1,
        Timers: lambda value: replace(value, hold=9),
        type(None): lambda value: 1,
    }
    (session,) = LINE.speakers[0].config.neighbors
    for field in fields(Neighbor):
        if field.name in ("import_policy", "export_policy"):
            continue
        value = getattr(session, field.name)
        new = with_session(**{field.name: values[type(value)](value)})
        try:
            assert sentences(new), field.name
        except PlanError:
            continue
    for field in fields(SpeakerConfig):
        if field.name in ("asn", "bgp_identifier", "maximum_paths", "origination_weight"):
            value = getattr(LINE.speakers[0].config, field.name)
            new = with_speaker(**{field.name: values[type(value)](value)})
            try:
                assert sentences(new), field.name
            except PlanError:
                continue
        else:
            assert field.name in ("name", "neighbors", "originations", "connected")


# --- what was originated by request stays ---


def config(*originations: Origination) -> SpeakerConfig:
    return replace(LINE.speakers[0].config, originations=originations)


OTHER_Q = replace(Q, communities=frozenset({parse_community("65000:1")}))


@pytest.mark.parametrize(
    ("running", "old", "new", "after"),
    [
        ([P], [P], [P], [P]),
        ([P, Q], [P], [P], [P, Q]),
        ([], [P], [P], []),
        ([P, Q], [P], [P, R], [P, Q, R]),
        ([P, Q], [P], [], [Q]),
        ([], [P], [P, R], [R]),
        ([], [P], [], []),
        ([OTHER_Q], [Q], [Q], [OTHER_Q]),
        ([OTHER_Q], [], [Q], [Q]),
    ],
    ids=[
        "nothing was asked for, nothing changes",
        "what was originated stays",
        "what was withdrawn stays so",
        "the plan's own addition comes",
        "the plan's own removal goes",
        "an addition does not bring back what was withdrawn",
        "what is gone already may go",
        "other attributes stay",
        "the plan's own word is the last about its prefix",
    ],
)
def test_originations_by_request_outlive_a_new_plan(
    running: list[Origination], old: list[Origination], new: list[Origination], after: list[Origination]
) -> None:
    assert originations_after(running, config(*old), config(*new)) == tuple(after)
