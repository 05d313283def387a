"""Import and export policy by itself: which rule decides, and what it changes."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from bgp_builders import attributes, communities, net, policy, rule, unhurried
from hypothesis import given
from hypothesis import strategies as st

from lab.bgp.policy import (
    ACCEPT_ALL,
    NO_RULE_MATCHED,
    REJECT_ALL,
    Apply,
    CompiledPolicy,
    Match,
    PrefixMatch,
    Verdict,
    evaluate,
    is_private_as,
    mask_range,
)
from lab.bgp.route import LOCAL, Route


def route(prefix="10.1.0.0/16", peer="ce1", **more):
    return Route(net(prefix), attributes(more.pop("as_path", "65001"), **more), peer)


def test_the_first_rule_that_matches_decides_and_is_named():
    both = policy(
        rule("no-private", accept=False, prefixes=(PrefixMatch(net("10.0.0.0/8"), le=32),)),
        rule("rest"),
    )
    refused = evaluate(both, route("10.1.0.0/16"))
    assert (refused.accepted, refused.policy, refused.rule) == (False, "test", "no-private")
    accepted = evaluate(both, route("203.0.113.0/24"))
    assert (accepted.accepted, accepted.rule) == (True, "rest")


def test_what_no_rule_matches_is_refused():
    sent = route()
    assert evaluate(REJECT_ALL, sent) == Verdict(False, "reject-all", NO_RULE_MATCHED, sent.attributes)


def test_accept_all_changes_nothing():
    sent = route(med=5, communities=communities("12076:51002"))
    assert evaluate(ACCEPT_ALL, sent) == Verdict(True, "accept-all", "accept-all", sent.attributes)


def test_a_refusing_rule_changes_nothing():
    sent = route()
    assert evaluate(policy(rule("no", accept=False, apply=Apply(med=7))), sent).attributes == sent.attributes


# --- match ---


@pytest.mark.parametrize(
    ("condition", "matching", "not_matching"),
    [
        (PrefixMatch(net("10.0.0.0/8")), ["10.0.0.0/8"], ["10.0.0.0/9", "0.0.0.0/0", "11.0.0.0/8"]),
        (
            PrefixMatch(net("10.0.0.0/8"), le=16),
            ["10.0.0.0/8", "10.1.0.0/16"],
            ["10.1.1.0/24", "11.0.0.0/16"],
        ),
        (
            PrefixMatch(net("10.0.0.0/8"), ge=16),
            ["10.1.0.0/16", "10.1.1.1/32"],
            ["10.0.0.0/8", "10.128.0.0/9"],
        ),
        (PrefixMatch(net("10.0.0.0/8"), ge=16, le=24), ["10.1.1.0/24"], ["10.1.1.0/25", "10.0.0.0/15"]),
        (PrefixMatch(net("10.0.0.0/8"), ge=4), ["10.0.0.0/8"], ["10.0.0.0/7"]),
        (PrefixMatch(net("0.0.0.0/0")), ["0.0.0.0/0"], ["10.0.0.0/8", "::/0"]),
        (PrefixMatch(net("0.0.0.0/0"), le=32), ["0.0.0.0/0", "10.1.1.1/32"], ["::/0"]),
        (PrefixMatch(net("2001:db8::/32"), le=48), ["2001:db8:1::/48"], ["2001:db9::/32", "32.1.13.184/32"]),
    ],
)
def test_a_prefix_matches_by_itself_or_by_mask_range(condition, matching, not_matching):
    one = policy(rule("it", prefixes=(condition,)))
    assert all(evaluate(one, route(prefix)).accepted for prefix in matching)
    assert not any(evaluate(one, route(prefix)).accepted for prefix in not_matching)


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        (
            {"communities": communities("1:1", "1:2")},
            route(communities=communities("1:2", "9:9")),
            route(communities=communities("1:3")),
        ),
        ({"as_path_contains": ((64512, 65534),)}, route(as_path="7 64512"), route(as_path="65535 7")),
        ({"as_path_contains": ((1, 1), (5, 9))}, route(as_path="3 9"), route(as_path="3 4")),
        ({"peers": frozenset({"ce1", LOCAL})}, route(peer=LOCAL), route(peer="ce2")),
        (
            {"peers": frozenset({"ce1"}), "communities": communities("1:1")},
            route(communities=communities("1:1")),
            route(peer="ce2", communities=communities("1:1")),
        ),
        (
            {"prefixes": (PrefixMatch(net("10.1.0.0/16")),), "communities": communities("1:1")},
            route(communities=communities("1:1")),
            route(),
        ),
    ],
)
def test_all_conditions_of_a_rule_must_hold(match, yes, no):
    one = policy(rule("it", **match))
    assert evaluate(one, yes).accepted
    assert not evaluate(one, no).accepted


def test_any_of_several_prefixes_is_enough():
    one = policy(rule("it", prefixes=(PrefixMatch(net("10.0.0.0/8")), PrefixMatch(net("10.1.0.0/16")))))
    assert all(evaluate(one, route(prefix)).accepted for prefix in ["10.0.0.0/8", "10.1.0.0/16"])


# --- apply ---


@pytest.mark.parametrize(
    ("apply", "before", "after"),
    [
        (Apply(local_pref=200), {}, {"local_pref": 200}),
        (Apply(local_pref=0), {"local_pref": 100}, {"local_pref": 0}),
        (Apply(med=0), {"med": 50}, {"med": 0}),
        (Apply(), {"med": 50, "local_pref": 7}, {"med": 50, "local_pref": 7}),
        (Apply(prepend=(1, 2)), {"as_path": "3"}, {"as_path": "1 2 3"}),
        (Apply(remove_private_as=True), {"as_path": "65001 3 4200000000"}, {"as_path": "3"}),
        (Apply(remove_private_as=True, prepend=(65515,)), {"as_path": "65001 3"}, {"as_path": "65515 3"}),
        (
            Apply(add_communities=communities("1:2")),
            {"communities": communities("1:1")},
            {"communities": communities("1:1", "1:2")},
        ),
        (
            Apply(remove_communities=True, add_communities=communities("1:2")),
            {"communities": communities("1:1")},
            {"communities": communities("1:2")},
        ),
    ],
)
def test_an_accepting_rule_changes_the_attributes(apply, before, after):
    assert evaluate(policy(rule("it", apply=apply)), route(**before)).attributes == route(**after).attributes


def test_a_weight_is_the_verdicts_and_no_attribute():
    heavy = policy(rule("heavy", apply=Apply(weight=32769)), rule("rest"))
    verdict = evaluate(heavy, route())
    assert (verdict.weight, verdict.attributes) == (32769, route().attributes)
    assert evaluate(policy(rule("no", accept=False, apply=Apply(weight=7))), route()).weight == 0


@pytest.mark.parametrize(
    ("asn", "private"),
    [(64511, False), (64512, True), (65534, True), (65535, False), (12076, False), (4199999999, False),
     (4200000000, True), (4294967294, True), (4294967295, False)],
)  # fmt: skip
def test_private_as_numbers_are_those_of_rfc_6996(asn, private):
    assert is_private_as(asn) is private


# --- the compiled form against the obvious one ---


def network(number, length):
    return IPv4Network((number >> (32 - length) << (32 - length), length))


prefixes = st.builds(
    network,
    st.sampled_from([0, 1, 10 << 24, 10 << 24 | 1, 11 << 24, 128 << 24, 2**32 - 1]),
    st.sampled_from([0, 1, 2, 7, 8, 9, 31, 32]),
)
bounds = st.one_of(st.none(), st.sampled_from([0, 1, 7, 8, 9, 31, 32]))
matches = st.builds(
    Match,
    prefixes=st.lists(st.builds(PrefixMatch, prefixes, bounds, bounds), max_size=3).map(tuple),
    peers=st.sampled_from([frozenset(), frozenset({"ce1"})]),
)


def obviously_matches(match, prefix, peer):
    def inside(condition):
        shortest, longest = mask_range(condition)
        return prefix.subnet_of(condition.prefix) and shortest <= prefix.prefixlen <= longest

    return (not match.prefixes or any(map(inside, match.prefixes))) and (
        not match.peers or peer in match.peers
    )


@unhurried
@given(st.lists(matches, max_size=5), prefixes, st.sampled_from(["ce1", "ce2"]))
def test_looking_rules_up_finds_what_trying_them_in_order_finds(conditions, prefix, peer):
    rules = [rule(str(n), prefixes=each.prefixes, peers=each.peers) for n, each in enumerate(conditions)]
    found = evaluate(policy(*rules), Route(prefix, attributes(), peer)).rule
    tried = (each.name for each in rules if obviously_matches(each.match, prefix, peer))
    assert found == next(tried, NO_RULE_MATCHED)


def test_a_policy_without_prefixes_treats_all_prefixes_alike():
    compiled = CompiledPolicy(policy(rule("a", peers=frozenset({"x"})), rule("b")))
    assert compiled.matching_prefix(net("10.0.0.0/8")) == compiled.matching_prefix(net("::/0")) == 0b11
