"""What people are shown: `show routes` and `why`."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address

import pytest
from bgp_builders import (
    OUR_ASN,
    announced,
    attributes,
    communities,
    neighbor,
    neighbor_ipv6,
    net,
    policy,
    rule,
    speaker,
    up,
)

from lab.bgp.events import Originate
from lab.bgp.policy import Apply, PrefixMatch
from lab.bgp.speaker import Origination

P, Q = "10.1.0.0/16", "10.2.0.0/16"
IMPORT = policy(
    rule("no-default", accept=False, prefixes=(PrefixMatch(net("0.0.0.0/0")),)),
    rule("customer", apply=Apply(add_communities=communities("12076:1"))),
    name="from-customer",
)
EXPORT = policy(rule("only-p", prefixes=(PrefixMatch(net(P)),)), name="to-gateway")
CE1 = neighbor("ce1", 0, 65001, import_policy=IMPORT)
CE2 = neighbor("ce2", 1, 65001)
GW = neighbor("gw", 2, 65515, export_policy=EXPORT)


@pytest.fixture
def engine():
    """P over both legs (ce1 shorter), Q over ce1 alone, and a default route refused."""
    engine = up(speaker(CE1, CE2, GW))
    engine.handle(
        announced("ce1", attributes("65001", via="192.0.2.2"), P, Q, "0.0.0.0/0"),
        announced("ce2", attributes("65001 65001", via="192.0.2.6", med=5), P),
    )
    return engine


def test_routes_shows_every_candidate_the_best_first_with_its_reason(engine):
    assert engine.routes(net(P)) == [
        {
            "prefix": P,
            "best": True,
            "multipath": True,
            "peer": "ce1",
            "path_id": 0,
            "weight": 0,
            "next_hop": "192.0.2.2",
            "as_path": [65001],
            "local_pref": 100,
            "med": None,
            "origin": "igp",
            "communities": ["12076:1"],
            "reason": "as-path",
        },
        {
            "prefix": P,
            "best": False,
            "multipath": False,
            "peer": "ce2",
            "path_id": 0,
            "weight": 0,
            "next_hop": "192.0.2.6",
            "as_path": [65001, 65001],
            "local_pref": 100,
            "med": 5,
            "origin": "igp",
            "communities": [],
            "reason": "as-path",
        },
    ]


def test_routes_lists_the_loc_rib_in_order_without_what_was_refused(engine):
    engine.handle(Originate(Origination(net("2001:db8::/32"))), Originate(Origination(net("9.0.0.0/8"))))
    listed = [(route["prefix"], route["peer"], route["next_hop"]) for route in engine.routes()]
    assert listed == [
        ("9.0.0.0/8", "local", "0.0.0.0"),
        (P, "ce1", "192.0.2.2"),
        (P, "ce2", "192.0.2.6"),
        (Q, "ce1", "192.0.2.2"),
        ("2001:db8::/32", "local", "::"),
    ]
    assert engine.routes(net("10.99.0.0/16")) == []


def test_those_who_lost_late_are_shown_before_those_who_lost_early():
    engine = up(speaker(CE1, CE2, GW))
    engine.handle(announced("ce1", attributes("65001 7 7 7", via="192.0.2.2"), P))
    engine.handle(announced("ce2", attributes("65001 7", via="192.0.2.6", med=1), P))
    engine.handle(announced("gw", attributes("65001 7", via="192.0.2.10"), P))
    assert [(route["peer"], route["reason"]) for route in engine.routes()] == [
        ("gw", "med"),
        ("ce2", "med"),
        ("ce1", "as-path"),
    ]


def test_a_multipath_loser_is_marked_as_in_use():
    engine = up(speaker(CE1, CE2))
    engine.handle(announced("ce2", attributes("65001", via="192.0.2.6"), P))
    engine.handle(announced("ce1", attributes("65001", via="192.0.2.2"), P))
    assert [(r["peer"], r["best"], r["multipath"], r["reason"]) for r in engine.routes()] == [
        ("ce1", True, True, "bgp-identifier"),
        ("ce2", False, True, "bgp-identifier"),
    ]


def test_adj_rib_in_shows_routes_as_received_and_their_fate(engine):
    shown = engine.adj_rib_in("ce1")
    assert [(r["prefix"], r["accepted"], r["result"], r["policy"], r["rule"]) for r in shown] == [
        ("0.0.0.0/0", False, "import-policy", "from-customer", "no-default"),
        (P, True, "accepted", "from-customer", "customer"),
        (Q, True, "accepted", "from-customer", "customer"),
    ]
    assert (shown[1]["communities"], shown[1]["local_pref"]) == ([], None)
    assert (shown[1]["after_policy"]["communities"], shown[1]["after_policy"]["local_pref"]) == (
        ["12076:1"],
        100,
    )
    assert shown[0]["after_policy"] is None


def test_adj_rib_out_shows_routes_as_sent(engine):
    assert [(r["prefix"], r["as_path"], r["next_hop"]) for r in engine.adj_rib_out("gw")] == [
        (P, [12076, 65001], "192.0.2.9")
    ]


# --- why ---


def test_why_tells_the_whole_chain(engine):
    answer = engine.why(net(P))
    assert {key: answer[key] for key in ("speaker", "asked", "prefix", "covered_by")} == {
        "speaker": "msee1",
        "asked": P,
        "prefix": P,
        "covered_by": None,
    }
    assert [(r["peer"], r["result"], r["explanation"]) for r in answer["received"]] == [
        ("ce1", "accepted", "accepted by import policy from-customer: customer"),
        ("ce2", "accepted", "accepted by import policy accept-all: accept-all"),
    ]
    assert answer["decision"] == {
        "best": "ce1",
        "path_id": 0,
        "reason": "as-path",
        "steps": [
            {
                "step": "as-path",
                "kept": [{"peer": "ce1", "path_id": 0, "value": 1}],
                "eliminated": [{"peer": "ce2", "path_id": 0, "value": 2}],
            }
        ],
        "multipath": ["ce1"],
    }
    assert answer["fib"] == {"installed": True, "next_hops": ["192.0.2.2"], "explanation": "via 192.0.2.2"}
    assert [(e["peer"], e["advertised"], e["result"], e["explanation"]) for e in answer["exports"]] == [
        ("ce1", False, "learned-from-this-peer", "ce1 is where the route was learned"),
        ("ce2", True, "advertised", "accepted by export policy accept-all: accept-all"),
        ("gw", True, "advertised", "accepted by export policy to-gateway: only-p"),
    ]
    assert answer["exports"][2]["attributes"] == {
        "next_hop": "192.0.2.9",
        "as_path": [12076, 65001],
        "local_pref": None,
        "med": None,
        "origin": "igp",
        "communities": ["12076:1"],
    }
    assert json.loads(json.dumps(answer)) == answer


def export_to(peer, answer):
    (found,) = [each for each in answer["exports"] if each["peer"] == peer]
    return found


def test_why_not_advertised_names_the_policy(engine):
    refused = export_to("gw", engine.why(net(Q)))
    assert (refused["advertised"], refused["policy"], refused["rule"], refused["attributes"]) == (
        False,
        "to-gateway",
        "no rule matched",
        None,
    )
    assert refused["explanation"] == "refused by export policy to-gateway: no rule matched"


def test_why_a_refused_route_is_not_in_the_table(engine):
    answer = engine.why(net("0.0.0.0/0"))
    assert [r["explanation"] for r in answer["received"]] == [
        "refused by import policy from-customer: no-default"
    ]
    assert (answer["decision"], answer["fib"]["explanation"]) == (None, "not installed: there is no route")
    assert {each["result"] for each in answer["exports"]} == {"no-route"}


@pytest.mark.parametrize(
    ("as_path", "via", "explanation"),
    [
        ("65001 12076", "192.0.2.6", "our own AS number is in the AS path: a loop"),
        ("65001", "198.51.100.9", "next hop 198.51.100.9 is in none of our networks"),
        ("65001", "192.0.2.5", "next hop 192.0.2.5 is our own address"),
    ],
)
def test_why_a_path_was_refused_before_any_policy(engine, as_path, via, explanation):
    engine.handle(announced("ce2", attributes(as_path, via=via), Q))
    ce2 = engine.why(net(Q))["received"][1]
    assert (ce2["peer"], ce2["accepted"], ce2["explanation"], ce2["policy"]) == (
        "ce2",
        False,
        explanation,
        None,
    )


def test_why_for_an_address_takes_the_longest_match_in_use(engine):
    engine.handle(announced("ce2", attributes("65001", via="192.0.2.6"), "10.0.0.0/8"))
    engine.handle(announced("ce2", attributes("12076", via="192.0.2.6"), "10.1.2.0/24"))  # refused
    assert engine.why(ip_address("10.1.2.3"))["prefix"] == P
    assert engine.why(ip_address("10.77.0.1"))["prefix"] == "10.0.0.0/8"
    assert engine.why(ip_address("10.77.0.1"))["asked"] == "10.77.0.1"


def test_why_for_an_address_that_only_a_refused_route_covers_shows_the_refusal(engine):
    assert engine.why(ip_address("203.0.113.1"))["received"][0]["rule"] == "no-default"


def test_why_for_what_nobody_announced_says_so(engine):
    answer = engine.why(net("10.1.7.0/24"))
    assert (answer["prefix"], answer["covered_by"], answer["received"]) == (None, P, [])
    nothing = engine.why(ip_address("2001:db8::1"))
    assert (nothing["prefix"], nothing["covered_by"], nothing["decision"]) == (None, None, None)


def test_why_an_originated_route_is_not_installed():
    engine = up(speaker(CE1))
    engine.handle(Originate(Origination(net(P))))
    answer = engine.why(net(P))
    assert answer["received"][0]["explanation"] == "originated here"
    assert answer["decision"]["reason"] == "only-route"
    assert answer["fib"]["explanation"] == (
        "not installed: it is ours, and in the kernel already if it is connected or static"
    )


def test_why_not_advertised_to_each_kind_of_peer():
    inner, inner2 = neighbor("inner", 1, OUR_ASN), neighbor("inner2", 3, OUR_ASN)
    engine = up(speaker(inner, inner2, GW, neighbor_ipv6("gw-ipv6", 65515)), "gw")
    engine.handle(announced("inner", attributes("7", via="192.0.2.6"), P))
    results = {each["peer"]: each["result"] for each in engine.why(net(P))["exports"]}
    assert results == {
        "inner": "learned-from-this-peer",
        "inner2": "ibgp-split-horizon",
        "gw": "session-down",
        "gw-ipv6": "other-family",
    }
    assert all(each["explanation"] for each in engine.why(net(P))["exports"])


def test_why_tells_of_each_path_an_add_path_peer_gets():
    engine = up(speaker(CE1, CE2, replace(GW, add_path=True)))
    engine.handle(announced("ce1", attributes("65001", via="192.0.2.2"), P))
    engine.handle(announced("ce2", attributes("65001", via="192.0.2.6"), P))
    to_gw = [each for each in engine.why(net(P))["exports"] if each["peer"] == "gw"]
    assert [(each["path_from"], each["advertised"]) for each in to_gw] == [("ce1", True), ("ce2", True)]


def test_each_step_is_told_with_the_values_it_compared():
    inner = neighbor("inner", 2, OUR_ASN)
    engine = up(speaker(CE1, CE2, inner, maximum_paths=1))
    engine.handle(announced("inner", attributes("65001", via="192.0.2.10", local_pref=90), P))
    engine.handle(announced("ce1", attributes("65001", via="192.0.2.2", med=10), P))
    engine.handle(announced("ce2", attributes("65001", via="192.0.2.6", med=20), P))

    def values(found):
        return {each["peer"]: each["value"] for each in found}

    steps = engine.why(net(P))["decision"]["steps"]
    assert [(s["step"], values(s["kept"]), values(s["eliminated"])) for s in steps] == [
        ("local-pref", {"ce1": 100, "ce2": 100}, {"inner": 90}),
        ("med", {"ce1": 10}, {"ce2": 20}),
    ]


# --- weights ---


@pytest.fixture
def weighing():
    """A gateway, for instance: what it learns from ce1 weighs more than its own."""
    heavy = policy(rule("heavy", apply=Apply(weight=32769)), name="from-ce1")
    config = speaker(replace(CE1, import_policy=heavy), CE2, GW, origination_weight=32768)
    engine = up(config)
    engine.handle(
        Originate(Origination(net(Q))),
        announced("ce1", attributes("65001 7 7", via="192.0.2.2"), P, Q),
        announced("ce2", attributes("65001", via="192.0.2.6"), P),
    )
    return engine


def test_the_weight_decides_before_the_attributes_do_and_is_shown(weighing):
    shown = [(r["peer"], r["best"], r["weight"], r["reason"]) for r in weighing.routes(net(P))]
    assert shown == [("ce1", True, 32769, "weight"), ("ce2", False, 0, "weight")]
    answer = weighing.why(net(P))
    assert [(r["peer"], r["weight"], r["after_policy"]["weight"]) for r in answer["received"]] == [
        ("ce1", 0, 32769),
        ("ce2", 0, 0),
    ]
    (step,) = answer["decision"]["steps"]
    assert (step["step"], step["kept"][0]["value"], step["eliminated"][0]["value"]) == ("weight", 32769, 0)


def test_an_own_route_wins_whatever_the_learned_one_weighs(weighing):
    shown = [(r["peer"], r["best"], r["weight"], r["reason"]) for r in weighing.routes(net(Q))]
    assert shown == [("local", True, 32768, "local-origin"), ("ce1", False, 32769, "local-origin")]
    (own, _) = sorted(weighing.why(net(Q))["received"], key=lambda path: path["peer"] != "local")
    assert own["weight"] == own["after_policy"]["weight"] == 32768


def test_nobody_is_told_of_weights(weighing):
    told = [*weighing.adj_rib_out("ce2"), *weighing.adj_rib_out("gw")]
    assert {(r["prefix"], tuple(r["as_path"])) for r in told} == {(P, (12076, 65001, 7, 7)), (Q, (12076,))}
    assert not any("weight" in route for route in told)
