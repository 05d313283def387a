"""The engine as a conversation: what the operator does, both families, add-path, status."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from bgp_builders import (
    CE1,
    CE2,
    GW,
    OUR_ASN,
    P,
    Q,
    announced,
    attributes,
    communities,
    from_ce1,
    from_ce2,
    install,
    neighbor_ipv6,
    net,
    nlri,
    play,
    policy,
    rule,
    speaker,
    to_gw,
    uninstall,
    up,
    withdrawn,
)

from lab.bgp.engine import Engine
from lab.bgp.events import (
    Advertise,
    EndOfRib,
    HoldSession,
    Originate,
    PeerDown,
    PeerUp,
    PolicyChanged,
    ReleaseSession,
    Withdraw,
    WithdrawOrigination,
)
from lab.bgp.policy import REJECT_ALL, PrefixMatch
from lab.bgp.rib import PrefixCounts
from lab.bgp.route import Asn
from lab.bgp.speaker import Origination

# --- routes of our own ---


def test_an_originated_prefix_is_announced_and_never_installed():
    engine = up(speaker(CE1, GW, originations=(Origination(net(P)),)), "gw")
    play(
        engine,
        [
            (PeerUp("gw", IPv4Address("10.0.0.3")), [Advertise("gw", to_gw("12076"), nlri(P))]),
            (
                Originate(Origination(net(Q))),
                [
                    Advertise("ce1", attributes("12076", via="192.0.2.1"), nlri(Q)),
                    Advertise("gw", to_gw("12076"), nlri(Q)),
                ],
            ),
            (WithdrawOrigination(net(Q)), [Withdraw("ce1", nlri(Q)), Withdraw("gw", nlri(Q))]),
            (WithdrawOrigination(net(Q)), []),
        ],
    )


def test_a_route_as_if_from_behind_has_our_as_in_front_and_keeps_its_attributes():
    """RFC 4271 section 5.1.2; towards an internal peer nothing is put in front."""
    engine = up(speaker(CE1, replace(GW, peer_asn=OUR_ASN)))
    behind = Origination(net(P), communities("65001:7"), (Asn(65099), Asn(65098)))
    play(
        engine,
        [
            (
                Originate(behind),
                [
                    Advertise(
                        "ce1",
                        attributes("12076 65099 65098", via="192.0.2.1", communities=behind.communities),
                        nlri(P),
                    ),
                    Advertise(
                        "gw",
                        attributes(
                            "65099 65098",
                            via="192.0.2.9",
                            communities=behind.communities,
                            local_pref=100,
                        ),
                        nlri(P),
                    ),
                ],
            ),
            (announced("ce1", from_ce1(), P), []),  # ours wins, though its path is longer
        ],
    )
    assert engine.config.originations == (behind,)
    assert engine.why(net(P))["received"][1]["explanation"] == (
        "originated here, as if AS 65099 had announced it"
    )


def test_originations_that_differ_in_their_prefix_only_leave_in_one_message():
    engine = up(speaker(CE1))
    actions = engine.handle(*(Originate(Origination(net(each))) for each in (P, Q)))
    assert actions == [Advertise("ce1", attributes("12076", via="192.0.2.1"), nlri(P, Q))]
    otherwise = Originate(Origination(net(Q), as_path=(Asn(65099),)))
    assert engine.handle(otherwise) == [Advertise("ce1", attributes("12076 65099", via="192.0.2.1"), nlri(Q))]


def test_our_own_route_wins_over_a_learned_one_and_leaves_the_fib_to_the_kernel():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(
        engine,
        [
            (
                Originate(Origination(net(P))),
                [
                    Advertise("ce1", attributes("12076", via="192.0.2.1"), nlri(P)),
                    Advertise("gw", to_gw("12076"), nlri(P)),
                    uninstall(P),
                ],
            ),
            (
                WithdrawOrigination(net(P)),
                [install(P, "192.0.2.2"), Withdraw("ce1", nlri(P)), Advertise("gw", to_gw(), nlri(P))],
            ),
        ],
    )


def test_the_configuration_in_force_holds_what_the_operator_originates():
    engine = up(speaker(CE1, originations=(Origination(net(P)),)))
    engine.handle(Originate(Origination(net(Q))), WithdrawOrigination(net(P)))
    assert engine.config == speaker(CE1, originations=(Origination(net(Q)),))


def test_a_new_configuration_brings_its_own_originations():
    engine = up(speaker(GW, originations=(Origination(net(P)),)))
    engine.handle(Originate(Origination(net(Q))))
    changed = speaker(GW, originations=(Origination(net("10.3.0.0/16")),))
    assert engine.handle(PolicyChanged(changed)) == [
        Withdraw("gw", nlri(P, Q)),
        Advertise("gw", to_gw("12076"), nlri("10.3.0.0/16")),
    ]
    assert engine.config == changed


# --- soft reconfiguration ---


def test_a_new_import_policy_applies_to_what_was_already_received():
    engine = up(speaker(replace(CE1, import_policy=REJECT_ALL), GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(
        engine,
        [
            (PolicyChanged(speaker(CE1, GW)), [install(P, "192.0.2.2"), Advertise("gw", to_gw(), nlri(P))]),
            (PolicyChanged(speaker(CE1, GW)), []),
        ],
    )


def test_a_new_export_policy_sends_only_the_difference():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P, Q))
    only_q = policy(rule("q", prefixes=(PrefixMatch(net(Q)),)))
    changed = speaker(CE1, replace(GW, export_policy=only_q))
    play(engine, [(PolicyChanged(changed), [Withdraw("gw", nlri(P))])])


def test_a_network_that_is_gone_takes_its_next_hops_along():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    without = speaker(CE1, GW, connected=(net("192.0.2.8/30"),))
    play(engine, [(PolicyChanged(without), [Withdraw("gw", nlri(P)), uninstall(P)])])


def test_a_neighbour_that_is_gone_takes_its_routes_along_and_a_new_one_starts_down():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(engine, [(PolicyChanged(speaker(CE2, GW)), [Withdraw("gw", nlri(P)), uninstall(P)])])
    assert [(each["peer"], each["established"]) for each in engine.neighbors()] == [
        ("ce2", False),
        ("gw", True),
    ]


# --- families ---


def test_a_session_carries_its_own_family_only():
    engine = up(speaker(CE1, neighbor_ipv6("ce1-ipv6", 65001), neighbor_ipv6("gw-ipv6", 65515)))
    sent = attributes("65001", via="2001:db8::2")
    assert engine.handle(announced("ce1", from_ce1(), P)) == [install(P, "192.0.2.2")]
    assert engine.handle(announced("ce1-ipv6", sent, "2001:db8:1::/48")) == [
        install("2001:db8:1::/48", "2001:db8::2"),
        Advertise("gw-ipv6", attributes("12076 65001", via="2001:db8::1"), nlri("2001:db8:1::/48")),
    ]


def test_an_originated_ipv6_prefix_goes_to_ipv6_sessions():
    engine = up(speaker(CE1, neighbor_ipv6("gw-ipv6", 65515)))
    assert engine.handle(Originate(Origination(net("2001:db8:1::/48")))) == [
        Advertise("gw-ipv6", attributes("12076", via="2001:db8::1"), nlri("2001:db8:1::/48"))
    ]


# --- add-path: RFC 7911 ---


def test_a_peer_with_add_path_is_told_all_paths_in_use():
    engine = up(speaker(CE1, CE2, replace(GW, add_path=True)))
    play(
        engine,
        [
            (
                announced("ce1", from_ce1("65001 7"), P),
                [
                    install(P, "192.0.2.2"),
                    Advertise("ce2", attributes("12076 65001 7", via="192.0.2.5"), nlri(P)),
                    Advertise("gw", to_gw("12076 65001 7"), nlri(P, path_id=2)),
                ],
            ),
            (
                announced("ce2", from_ce2("65001 8"), P),
                [
                    install(P, "192.0.2.2", "192.0.2.6"),
                    Advertise("gw", to_gw("12076 65001 8"), nlri(P, path_id=3)),
                ],
            ),
            (
                withdrawn("ce1", P),
                [
                    install(P, "192.0.2.6"),
                    Withdraw("ce2", nlri(P)),
                    Withdraw("gw", nlri(P, path_id=2)),
                    Advertise("ce1", attributes("12076 65001 8", via="192.0.2.1"), nlri(P)),
                ],
            ),
        ],
    )


def test_several_paths_of_one_peer_are_told_apart_by_their_identifier():
    engine = up(speaker(replace(CE1, add_path=True), GW))
    engine.handle(announced("ce1", from_ce1("65001 7"), P, path_id=5))
    engine.handle(announced("ce1", attributes("65001", via="192.0.2.10"), P, path_id=9))
    assert [(route["path_id"], route["reason"]) for route in engine.routes()] == [
        (9, "as-path"),
        (5, "as-path"),
    ]
    play(
        engine,
        [
            (
                withdrawn("ce1", P, path_id=9),
                [install(P, "192.0.2.2"), Advertise("gw", to_gw("12076 65001 7"), nlri(P))],
            )
        ],
    )


# --- status ---


def test_counts_and_end_of_rib_are_kept_per_neighbour():
    no_q = policy(rule("no-q", accept=False, prefixes=(PrefixMatch(net(Q)),)), rule("rest"))
    engine = up(speaker(replace(CE1, import_policy=no_q, max_prefixes=9), GW))
    engine.handle(announced("ce1", from_ce1(), P, Q), EndOfRib("ce1"))
    ce1, gw = engine.neighbors()
    assert ce1 == {
        "peer": "ce1",
        "local_address": "192.0.2.1",
        "peer_address": "192.0.2.2",
        "local_asn": 12076,
        "peer_asn": 65001,
        "established": True,
        "closing": False,
        "end_of_rib": True,
        "bgp_identifier": "10.0.0.1",
        "down_reason": None,
        "prefixes_received": 2,
        "prefixes_accepted": 1,
        "prefixes_advertised": 0,
        "max_prefixes": 9,
    }
    assert (gw["end_of_rib"], gw["prefixes_advertised"]) == (False, 1)
    engine.handle(PeerDown("ce1", "hold timer expired"))
    ce1, _ = engine.neighbors()
    assert (ce1["established"], ce1["end_of_rib"], ce1["down_reason"]) == (False, False, "hold timer expired")
    assert engine.counts("ce1") == PrefixCounts(0, 0, 0)


def test_counts_follow_updates_and_policy_changes():
    engine = up(speaker(CE1, GW))
    assert engine.counts("ce1").accepted == 0
    engine.handle(announced("ce1", from_ce1(), P))
    assert engine.counts("ce1").accepted == 1
    engine.handle(PolicyChanged(speaker(replace(CE1, import_policy=REJECT_ALL), GW)))
    assert engine.counts("ce1") == PrefixCounts(1, 0, 0)


# --- too many prefixes of our own ---


def originate(*prefixes):
    return [Originate(Origination(net(prefix))) for prefix in prefixes]


def modest(*prefixes):
    """It keeps its session with gw down while it originates more than 1 IPv4 or 1 IPv6 prefix."""
    own = tuple(Origination(net(prefix)) for prefix in prefixes)
    return speaker(CE1, replace(GW, max_originations=(1, 1)), originations=own)


def held(version):
    return HoldSession("gw", 2, f"more than 1 IPv{version} prefixes of our own")


def test_a_speaker_with_too_many_prefixes_of_its_own_holds_the_session_down_until_it_has_fewer():
    engine = up(modest(P))
    told = Advertise("ce1", attributes("12076", via="192.0.2.1"), nlri(Q))
    play(
        engine,
        [
            (*originate(Q), [told, held(4)]),
            (announced("gw", attributes("65515", via="192.0.2.10"), "10.3.0.0/16"), []),
            (PeerDown("gw", "cease"), []),
            (*originate("10.4.0.0/16"), [replace(told, nlri=nlri("10.4.0.0/16"))]),
            (WithdrawOrigination(net("10.4.0.0/16")), [Withdraw("ce1", nlri("10.4.0.0/16"))]),
            (WithdrawOrigination(net(Q)), [Withdraw("ce1", nlri(Q)), ReleaseSession("gw")]),
            (PeerUp("gw", IPv4Address("10.0.0.2")), [Advertise("gw", to_gw("12076"), nlri(P))]),
        ],
    )


def test_either_address_family_alone_is_too_much():
    engine = up(modest(P, "2001:db8:1::/48"))
    assert engine.handle(*originate("2001:db8:2::/48")) == [held(6)]
    assert engine.handle(WithdrawOrigination(net("2001:db8:1::/48"))) == [ReleaseSession("gw")]


def test_a_session_that_must_not_come_up_is_held_before_anything_else_and_again_if_it_comes_up():
    engine = Engine(modest(P, Q))
    assert engine.first_actions == [held(4)]
    assert engine.handle(PeerUp("gw", IPv4Address("10.0.0.2"))) == [held(4)]
    assert Engine(modest(P)).first_actions == []


def test_a_higher_limit_releases_the_session():
    engine = Engine(modest(P, Q))
    more = replace(GW, max_originations=(2, 1))
    assert engine.handle(PolicyChanged(replace(engine.config, neighbors=(CE1, more)))) == [
        ReleaseSession("gw")
    ]
