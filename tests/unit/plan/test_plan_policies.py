"""The customer's route maps and prefix lists, as policies of lab.bgp."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_builders import changed, compiled, neighbor

from lab.bgp.policy import PrefixMatch, mask_range
from lab.bgp.route import Asn, parse_community
from lab.model.onprem import PrefixList
from lab.plan.prefix_lists import permitted

unhurried = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def prefix_list(*rules):
    return PrefixList.model_validate({"name": "test", "rules": list(rules)})


def rule(prefix, action="permit", ge=None, le=None):
    return {"action": action, "prefix": prefix, "ge": ge, "le": le}


def test_a_route_map_is_translated_rule_by_rule():
    first, rest = neighbor(
        compiled("two-circuits"), "ce1/core", "er-seattle-msee1/private"
    ).import_policy.rules
    assert (first.name, first.accept) == ("seattle", True)
    assert first.match.communities == {parse_community("12076:50026")}
    assert first.match.as_path_contains == ((12076, 12076),)
    assert first.apply.local_pref == 150
    assert first.apply.add_communities == {parse_community("65010:1")}
    assert (rest.name, rest.accept, rest.match.prefixes) == ("rest", True, ())


def test_denials_prepends_and_metrics_are_translated():
    policy = neighbor(compiled("two-circuits"), "ce2/core", "er-chicago-msee1/private").export_policy
    denial, prepended = policy.rules
    assert (policy.name, denial.accept) == ("far", False)
    assert prepended.apply.prepend == (Asn(65010), Asn(65010))
    assert prepended.apply.med == 50


def test_a_rule_without_a_name_is_numbered():
    def edit(data):
        for one in data["on_premises"][0]["policies"][0]["rules"]:
            del one["name"]

    policy = neighbor(changed("two-circuits", edit), "ce1/core", "er-seattle-msee1/private").import_policy
    assert [one.name for one in policy.rules] == ["prefer-here-1", "prefer-here-2"]


def test_a_rule_whose_prefix_list_permits_nothing_is_left_out():
    """No prefixes would mean any prefix to lab.bgp."""

    def edit(data):
        data["on_premises"][0]["prefix_lists"][0]["rules"] = [rule("10.0.0.0/8", "deny", le=32)]

    policy = neighbor(changed("two-circuits", edit), "ce2/core", "er-chicago-msee1/private").export_policy
    assert [one.name for one in policy.rules] == ["lab-stays-home"]


def test_without_policies_all_is_imported_and_the_zones_own_prefixes_are_exported():
    session = neighbor(compiled("expressroute-vpn"), "ce1/core", "msee1/private")
    assert session.import_policy.name == "accept-all"
    (own,) = session.export_policy.rules
    assert own.match.prefixes == (
        PrefixMatch(IPv4Network("10.0.0.0/24")),
        PrefixMatch(IPv4Network("10.1.10.0/25")),
    )
    assert own.match.peers == {"core1", "core1-ipv6"}


def test_a_zone_without_interior_routers_exports_nothing():
    session = neighbor(compiled("mismatches"), "ce1/dmz", "er-seattle-msee1/microsoft")
    assert session.export_policy.rules == ()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule("10.0.0.0/8")], ["10.0.0.0/8 8-8"]),
        ([rule("10.0.0.0/8", le=24)], ["10.0.0.0/8 8-24"]),
        ([rule("10.0.0.0/8", ge=16)], ["10.0.0.0/8 16-32"]),
        ([rule("10.0.0.0/8", ge=16, le=24)], ["10.0.0.0/8 16-24"]),
        # a deny of all inside, before and after
        ([rule("10.0.0.0/8", "deny", le=32), rule("10.1.0.0/16")], []),
        ([rule("10.1.0.0/16"), rule("10.0.0.0/8", "deny", le=32)], ["10.1.0.0/16 16-16"]),
        # a deny of some lengths
        (
            [rule("10.0.0.0/8", "deny", ge=17, le=20), rule("10.0.0.0/8", le=24)],
            ["10.0.0.0/8 8-16", "10.0.0.0/8 21-24"],
        ),
        # a hole: the sibling on each level stays, and the prefixes above the hole themselves
        (
            [rule("10.0.0.0/10", "deny", le=32), rule("10.0.0.0/8", le=32)],
            ["10.64.0.0/10 10-32", "10.0.0.0/9 9-9", "10.128.0.0/9 9-32", "10.0.0.0/8 8-8"],
        ),
        ([rule("2001:db8::/32", "deny"), rule("2001:db8::/32", le=33)], ["2001:db8::/32 33-33"]),
    ],
)  # fmt: skip
def test_denies_are_subtracted(rules, expected):
    found = permitted(prefix_list(*rules))
    assert [f"{one.prefix} {'-'.join(map(str, mask_range(one)))}" for one in found] == expected


def short_prefixes(longest=6):
    """Prefixes of a toy address space, so that they overlap often."""
    return st.integers(0, longest).flatmap(
        lambda length: st.integers(0, (1 << length) - 1).map(
            lambda bits: IPv4Network((bits << (32 - length), length))
        )
    )


@st.composite
def prefix_rules(draw):
    prefix = draw(short_prefixes())
    ge = draw(st.none() | st.integers(prefix.prefixlen, 8))
    le = draw(st.none() | st.integers(ge or prefix.prefixlen, 8))
    return rule(str(prefix), draw(st.sampled_from(["permit", "deny"])), ge, le)


def first_match(rules, route):
    """A prefix list as a router reads it."""
    for one in rules:
        match = PrefixMatch(ip_network(one["prefix"]), one["ge"], one["le"])
        shortest, longest = mask_range(match)
        if shortest <= route.prefixlen <= longest and route.subnet_of(match.prefix):
            return one["action"] == "permit"
    return False


@unhurried
@given(st.lists(prefix_rules(), min_size=1, max_size=6), short_prefixes(longest=9))
def test_subtracting_denies_permits_exactly_what_first_match_permits(rules, route):
    found = permitted(prefix_list(*rules))
    permits = any(
        mask_range(one)[0] <= route.prefixlen <= mask_range(one)[1] and route.subnet_of(one.prefix)
        for one in found
    )
    assert permits == first_match(rules, route)
