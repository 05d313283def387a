"""The engine as a conversation: routes come, are judged, and go again."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from bgp_builders import (
    CE1,
    CE2,
    GW,
    OUR_ASN,
    P,
    Q,
    announced,
    attributes,
    from_ce1,
    from_ce2,
    install,
    neighbor,
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
    CloseSession,
    EndOfRib,
    Install,
    PeerDown,
    PeerUp,
    PolicyChanged,
    RouteRefresh,
    Uninstall,
    Withdraw,
)
from lab.bgp.policy import REJECT_ALL, Apply, PrefixMatch
from lab.bgp.rib import PrefixCounts

# --- learning and losing routes ---


def test_losing_the_primary_leg_moves_traffic_to_the_secondary():
    engine = up(speaker(CE1, CE2, GW, maximum_paths=1))
    play(
        engine,
        [
            (
                announced("ce2", from_ce2("65001 65001"), P),
                [
                    install(P, "192.0.2.6"),
                    Advertise("ce1", attributes("12076 65001 65001", via="192.0.2.1"), nlri(P)),
                    Advertise("gw", to_gw("12076 65001 65001"), nlri(P)),
                ],
            ),
            (
                announced("ce1", from_ce1(), P),
                [
                    install(P, "192.0.2.2"),
                    Withdraw("ce1", nlri(P)),
                    Advertise("ce2", attributes("12076 65001", via="192.0.2.5"), nlri(P)),
                    Advertise("gw", to_gw(), nlri(P)),
                ],
            ),
            (
                PeerDown("ce1", "hold timer expired"),
                [
                    install(P, "192.0.2.6"),
                    Withdraw("ce2", nlri(P)),
                    Advertise("gw", to_gw("12076 65001 65001"), nlri(P)),
                ],
            ),
            (withdrawn("ce2", P), [Withdraw("gw", nlri(P)), uninstall(P)]),
        ],
    )


def test_equal_legs_share_traffic_and_nothing_new_is_sent_for_the_second():
    engine = up(speaker(CE1, CE2, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(
        engine,
        [
            (announced("ce2", from_ce2(), P), [install(P, "192.0.2.2", "192.0.2.6")]),
            # the best path is now ce2's: gw hears the same attributes, so it hears nothing
            (
                withdrawn("ce1", P),
                [
                    install(P, "192.0.2.6"),
                    Withdraw("ce2", nlri(P)),
                    Advertise("ce1", attributes("12076 65001", via="192.0.2.1"), nlri(P)),
                ],
            ),
        ],
    )


def test_the_best_of_equals_changing_leaves_the_fib_alone():
    engine = up(speaker(CE1, CE2))
    engine.handle(announced("ce1", from_ce1(), P), announced("ce2", from_ce2(), P))
    # ce1 comes back with a higher identifier: ce2 is the best now, the set of next hops stays
    actions = engine.handle(PeerUp("ce1", IPv4Address("10.0.0.9")), announced("ce1", from_ce1(), P))
    assert [action for action in actions if isinstance(action, Install | Uninstall)] == []


def test_one_update_is_answered_by_one_advertisement_per_peer():
    engine = up(speaker(CE1, CE2, GW))
    prefixes = [f"10.{high}.{low}.0/24" for high in range(2) for low in range(250)]
    actions = engine.handle(announced("ce1", from_ce1(), *prefixes))
    advertised = [action for action in actions if isinstance(action, Advertise)]
    assert [(each.peer, len(each.nlri)) for each in advertised] == [("ce2", 500), ("gw", 500)]


def test_equal_attributes_from_two_updates_share_one_advertisement():
    engine = up(speaker(CE1, GW))
    actions = engine.handle(announced("ce1", from_ce1(), P), announced("ce1", from_ce1(), Q))
    assert actions[-1] == Advertise("gw", to_gw(), nlri(P, Q))


def test_an_update_that_repeats_itself_changes_nothing():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    assert engine.handle(announced("ce1", from_ce1(), P)) == []


def test_new_attributes_replace_the_old_ones():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(
        engine,
        [(announced("ce1", from_ce1("65001 7"), P), [Advertise("gw", to_gw("12076 65001 7"), nlri(P))])],
    )


def test_what_comes_and_goes_within_one_batch_is_never_seen():
    engine = up(speaker(CE1, GW))
    assert engine.handle(announced("ce1", from_ce1(), P), withdrawn("ce1", P)) == []
    assert engine.routes() == []


def test_withdrawing_what_was_never_announced_is_nothing():
    assert up(speaker(CE1, GW)).handle(withdrawn("ce1", P)) == []


def test_routes_of_a_peer_that_is_not_up_are_ignored():
    engine = Engine(speaker(CE1, GW))
    assert engine.handle(announced("ce1", from_ce1(), P), withdrawn("ce1", P), EndOfRib("ce1")) == []
    assert engine.counts("ce1") == PrefixCounts(0, 0, 0)
    assert engine.neighbors()[0]["end_of_rib"] is False


def test_a_peer_that_is_not_configured_is_an_error():
    with pytest.raises(KeyError):
        up(speaker(CE1)).handle(announced("nobody", from_ce1(), P))


def test_a_peer_that_comes_up_hears_the_whole_table():
    engine = up(speaker(CE1, GW), "gw")
    engine.handle(announced("ce1", from_ce1(), P, Q))
    play(engine, [(PeerUp("gw", IPv4Address("10.0.0.3")), [Advertise("gw", to_gw(), nlri(P, Q))])])


def test_a_second_peer_up_without_a_peer_down_starts_afresh():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P), announced("gw", attributes("65515", via="192.0.2.10"), Q))
    play(
        engine,
        [
            (
                PeerUp("gw", IPv4Address("10.0.0.3")),
                [Withdraw("ce1", nlri(Q)), Advertise("gw", to_gw(), nlri(P)), uninstall(Q)],
            )
        ],
    )


def test_a_route_refresh_sends_everything_again_and_forgets_nothing():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P, Q))
    play(engine, [(RouteRefresh("gw"), [Advertise("gw", to_gw(), nlri(P, Q))])])
    # together with a withdrawal: the peer must be told that, too
    assert engine.handle(RouteRefresh("gw"), withdrawn("ce1", P)) == [
        Withdraw("gw", nlri(P)),
        Advertise("gw", to_gw(), nlri(Q)),
        uninstall(P),
    ]


# --- import: RFC 4271 section 9.1 ---


@pytest.mark.parametrize(
    ("sent", "result"),
    [
        (from_ce1("65001 12076 7"), "own-as-in-path"),
        (from_ce1("12076"), "own-as-in-path"),
        (attributes("65001", via="198.51.100.1"), "next-hop-unreachable"),
        (attributes("65001", via="192.0.2.9"), "next-hop-is-ours"),
    ],
)
def test_a_route_that_cannot_be_used_never_reaches_the_fib_and_tells_why(sent, result):
    engine = up(speaker(CE1, GW))
    assert engine.handle(announced("ce1", sent, P)) == []
    assert [route["result"] for route in engine.adj_rib_in("ce1")] == [result]
    assert engine.counts("ce1") == PrefixCounts(1, 0, 0)


def test_a_route_turning_bad_is_a_withdrawal():
    engine = up(speaker(CE1, GW))
    engine.handle(announced("ce1", from_ce1(), P))
    play(engine, [(announced("ce1", from_ce1("65001 12076"), P), [Withdraw("gw", nlri(P)), uninstall(P)])])


@pytest.mark.parametrize(("as_path", "accepted"), [("65001 12076", 1), ("65001 12076 12076", 0)])
def test_allow_own_as_says_how_often_our_as_may_be_in_the_path(as_path, accepted):
    engine = up(speaker(replace(CE1, allow_own_as=1)))
    engine.handle(announced("ce1", from_ce1(as_path), P))
    assert engine.counts("ce1").accepted == accepted


def test_local_pref_from_an_external_peer_is_ignored():
    engine = up(speaker(CE1, CE2))
    engine.handle(announced("ce1", from_ce1("65001 7"), P))
    engine.handle(announced("ce2", from_ce2("65001 7 7", local_pref=500), P))
    assert [(route["peer"], route["local_pref"]) for route in engine.routes()] == [("ce1", 100), ("ce2", 100)]


def test_local_pref_from_an_internal_peer_counts():
    inner = neighbor("rr", 1, OUR_ASN)
    engine = up(speaker(CE1, inner))
    engine.handle(announced("ce1", from_ce1(), P), announced("rr", from_ce2("7 7 7", local_pref=200), P))
    assert engine.routes()[0]["peer"] == "rr"


def test_the_import_policy_can_set_local_pref_and_refuse():
    prefer = policy(
        rule("no-default", accept=False, prefixes=(PrefixMatch(net("0.0.0.0/0")),)),
        rule("prefer", apply=Apply(local_pref=150)),
    )
    engine = up(speaker(CE1, replace(CE2, import_policy=prefer)))
    engine.handle(announced("ce1", from_ce1(), P, "0.0.0.0/0"))
    engine.handle(announced("ce2", from_ce2("65001 7 7"), P, "0.0.0.0/0"))
    best = {route["prefix"]: (route["peer"], route["reason"]) for route in engine.routes() if route["best"]}
    assert best == {P: ("ce2", "local-pref"), "0.0.0.0/0": ("ce1", "only-route")}


# --- maximum prefixes: RFC 4486 ---

CLOSE = CloseSession("ce1", 6, 1, "more than 2 prefixes received")


def limited():
    return up(speaker(replace(CE1, max_prefixes=2, import_policy=REJECT_ALL), GW))


def test_one_prefix_too_many_closes_the_session_once():
    play(
        limited(),
        [
            (announced("ce1", from_ce1(), P, Q), []),
            (announced("ce1", from_ce1("65001 7"), P, Q), []),  # not new: does not count twice
            (announced("ce1", from_ce1(), "10.3.0.0/16", "10.4.0.0/16"), [CLOSE]),
            (announced("ce1", from_ce1(), "10.5.0.0/16"), []),
            (withdrawn("ce1", P, Q), []),
        ],
    )


def test_what_a_closing_peer_still_says_is_ignored_until_it_comes_up_again():
    engine = up(speaker(replace(CE1, max_prefixes=1), GW))
    closed = replace(CLOSE, reason="more than 1 prefixes received")
    play(
        engine,
        [
            (announced("ce1", from_ce1(), P), [install(P, "192.0.2.2"), Advertise("gw", to_gw(), nlri(P))]),
            # what says too much is not passed on, and what was said before is taken back at once
            (announced("ce1", from_ce1(), Q), [Withdraw("gw", nlri(P)), uninstall(P), closed]),
            (announced("ce1", from_ce1("65001 9"), P), []),
            (PeerDown("ce1", "cease"), []),
            (PeerUp("ce1", IPv4Address("10.0.0.1")), []),
            (
                announced("ce1", from_ce1(), P),
                [install(P, "192.0.2.2"), Advertise("gw", to_gw(), nlri(P))],
            ),
        ],
    )


def test_paths_to_one_prefix_count_as_one():
    engine = up(speaker(replace(CE1, max_prefixes=1, add_path=True)))
    for path_id in (1, 2, 3):
        actions = engine.handle(announced("ce1", from_ce1(), P, path_id=path_id))
        assert not any(isinstance(action, CloseSession) for action in actions)
    engine.handle(withdrawn("ce1", P, path_id=1))
    assert engine.counts("ce1").received == 1
    engine.handle(withdrawn("ce1", P, path_id=2), withdrawn("ce1", P, path_id=3))
    assert engine.counts("ce1").received == 0


def test_a_session_that_ended_in_the_same_batch_is_not_closed_again():
    engine = up(speaker(replace(CE1, max_prefixes=1)))
    assert engine.handle(announced("ce1", from_ce1(), P, Q), PeerDown("ce1")) == []


def test_a_lower_limit_applies_at_once():
    engine = limited()
    engine.handle(announced("ce1", from_ce1(), P, Q))
    lower = speaker(replace(CE1, max_prefixes=1), GW)
    assert engine.handle(PolicyChanged(lower))[-1] == replace(CLOSE, reason="more than 1 prefixes received")
