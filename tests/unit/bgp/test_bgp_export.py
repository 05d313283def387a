"""What a peer is told, and what it is not: RFC 4271 sections 5.1 and 9.1.3, RFC 4456."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bgp_builders import (
    OUR_ASN,
    announced,
    attributes,
    communities,
    neighbor,
    net,
    policy,
    rule,
    speaker,
    up,
)

from lab.bgp.events import Originate
from lab.bgp.policy import Apply, PrefixMatch
from lab.bgp.route import LOCAL, NO_ADVERTISE, NO_EXPORT, Origin
from lab.bgp.speaker import Origination

P = "10.1.0.0/16"
EXTERNAL, EXTERNAL2 = neighbor("external", 0, 65001), neighbor("external2", 1, 65002)
INTERNAL, INTERNAL2 = neighbor("internal", 2, OUR_ASN), neighbor("internal2", 3, OUR_ASN)
ALL = (EXTERNAL, EXTERNAL2, INTERNAL, INTERNAL2)
VIA = {"external": "192.0.2.2", "external2": "192.0.2.6", "internal": "192.0.2.10", "internal2": "192.0.2.14"}


def told(engine, peer):
    """What ``peer`` was told of P, one entry per path."""
    return [
        {key: route[key] for key in ("next_hop", "as_path", "local_pref", "med", "communities")}
        for route in engine.adj_rib_out(peer)
        if route["prefix"] == P
    ]


def after(source, *neighbors, as_path="65001", **more):
    engine = up(speaker(*neighbors))
    engine.handle(announced(source, attributes(as_path, via=VIA[source], **more), P))
    return engine


def tell(engine):
    return {peer["peer"] for peer in engine.neighbors() if peer["prefixes_advertised"]}


# --- who is told ---


@pytest.mark.parametrize(
    ("source", "clients", "hear_it"),
    [
        ("external", [], {"external2", "internal", "internal2"}),
        ("internal", [], {"external", "external2"}),
        ("internal", ["internal"], {"external", "external2", "internal2"}),
        ("internal", ["internal2"], {"external", "external2", "internal2"}),
        ("internal", ["internal", "internal2"], {"external", "external2", "internal2"}),
    ],
)
def test_who_hears_of_a_route_depends_on_where_it_was_learned(source, clients, hear_it):
    neighbors = [replace(each, route_reflector_client=each.name in clients) for each in ALL]
    assert tell(after(source, *neighbors)) == hear_it


@pytest.mark.parametrize(
    ("community", "hear_it"),
    [(NO_EXPORT, {"internal", "internal2"}), (NO_ADVERTISE, set())],
)
def test_well_known_communities_are_obeyed(community, hear_it):
    assert tell(after("external", *ALL, communities=frozenset({community}))) == hear_it


def test_well_known_communities_on_our_own_routes_are_for_others_to_obey():
    engine = up(speaker(*ALL))
    engine.handle(Originate(Origination(net(P), frozenset({NO_EXPORT}))))
    assert tell(engine) == {each.name for each in ALL}


def test_with_add_path_a_peer_does_not_get_its_own_path_back():
    engine = up(speaker(*(replace(each, add_path=True) for each in (EXTERNAL, EXTERNAL2))))
    engine.handle(announced("external", attributes("65001", via=VIA["external"]), P))
    engine.handle(announced("external2", attributes("65002", via=VIA["external2"]), P))
    assert [route["as_path"] for route in told(engine, "external")] == [[12076, 65002]]
    assert [route["as_path"] for route in told(engine, "external2")] == [[12076, 65001]]


# --- what an external peer is told ---


def test_an_external_peer_sees_our_as_our_address_and_no_local_pref_or_med():
    sent = {"med": 50, "origin": Origin.EGP, "communities": communities("65001:7")}
    assert told(after("external", *ALL, **sent), "external2") == [
        {
            "next_hop": "192.0.2.5",
            "as_path": [12076, 65001],
            "local_pref": None,
            "med": None,
            "communities": ["65001:7"],
        }
    ]


def test_a_med_set_by_export_policy_is_sent_to_an_external_peer():
    metric = policy(rule("metric", apply=Apply(med=77, local_pref=300)))
    engine = after("external", EXTERNAL, replace(EXTERNAL2, export_policy=metric), med=5)
    assert [(route["med"], route["local_pref"]) for route in told(engine, "external2")] == [(77, None)]


def test_a_med_set_by_import_policy_is_not():
    metric = policy(rule("metric", apply=Apply(med=77)))
    engine = after("external", replace(EXTERNAL, import_policy=metric), EXTERNAL2)
    assert [route["med"] for route in told(engine, "external2")] == [None]


def test_the_export_policy_works_on_the_path_before_our_own_as_is_put_in_front():
    strip = policy(rule("strip", apply=Apply(remove_private_as=True, prepend=(64999,))))
    ours = speaker(EXTERNAL, replace(EXTERNAL2, export_policy=strip), asn=65515)
    engine = up(ours)
    engine.handle(announced("external", attributes("65001 7", via=VIA["external"]), P))
    assert told(engine, "external2")[0]["as_path"] == [65515, 64999, 7]


def test_the_export_policy_matches_the_path_without_our_own_as():
    no_transit = policy(rule("ours", accept=False, as_path_contains=((12076, 12076),)), rule("rest"))
    engine = after("external", EXTERNAL, replace(EXTERNAL2, export_policy=no_transit))
    assert tell(engine) == {"external2"}


@pytest.mark.parametrize(("peers", "hears"), [({"external"}, [P]), ({LOCAL}, ["10.9.0.0/16"])])
def test_an_export_policy_may_ask_where_a_route_was_learned(peers, hears):
    some = policy(rule("some", peers=frozenset(peers)))
    engine = after("external", EXTERNAL, replace(EXTERNAL2, export_policy=some))
    engine.handle(Originate(Origination(net("10.9.0.0/16"))))
    assert [route["prefix"] for route in engine.adj_rib_out("external2")] == hears


def test_an_export_policy_by_prefix_tells_prefixes_of_one_update_apart():
    two = policy(
        rule("p", apply=Apply(med=1), prefixes=(PrefixMatch(net(P)),)),
        rule("q", apply=Apply(med=2), prefixes=(PrefixMatch(net("10.2.0.0/16")),)),
    )
    engine = up(speaker(EXTERNAL, replace(EXTERNAL2, export_policy=two)))
    sent = attributes("65001", via=VIA["external"])
    engine.handle(announced("external", sent, P, "10.2.0.0/16", "10.3.0.0/16"))
    assert [(each["prefix"], each["med"]) for each in engine.adj_rib_out("external2")] == [
        (P, 1),
        ("10.2.0.0/16", 2),
    ]


# --- what an internal peer is told ---


def test_an_internal_peer_sees_next_hop_path_and_med_as_they_came_and_a_local_pref():
    assert told(after("external", *ALL, med=50), "internal") == [
        {"next_hop": "192.0.2.2", "as_path": [65001], "local_pref": 100, "med": 50, "communities": []}
    ]


def test_next_hop_self_puts_our_address_in():
    engine = after("external", EXTERNAL, replace(INTERNAL, next_hop_self=True))
    assert told(engine, "internal")[0]["next_hop"] == "192.0.2.9"


def test_a_route_of_our_own_carries_our_address_on_each_session():
    engine = up(speaker(*ALL))
    engine.handle(Originate(Origination(net(P), communities("12076:20001"))))
    assert told(engine, "internal") == [
        {
            "next_hop": "192.0.2.9",
            "as_path": [],
            "local_pref": 100,
            "med": None,
            "communities": ["12076:20001"],
        }
    ]
    assert told(engine, "external")[0]["next_hop"] == "192.0.2.1"


def test_a_reflected_route_keeps_its_attributes():
    engine = after("internal", replace(INTERNAL, route_reflector_client=True), INTERNAL2, local_pref=250)
    assert told(engine, "internal2") == [
        {"next_hop": "192.0.2.10", "as_path": [65001], "local_pref": 250, "med": None, "communities": []}
    ]


def test_local_pref_set_on_import_reaches_internal_peers():
    prefer = policy(rule("prefer", apply=Apply(local_pref=150)))
    engine = after("external", replace(EXTERNAL, import_policy=prefer), INTERNAL)
    assert told(engine, "internal")[0]["local_pref"] == 150
