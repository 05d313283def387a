"""The decision process, step by step: RFC 4271 section 9.1.2.2."""

from __future__ import annotations

from itertools import permutations

import pytest
from bgp_builders import candidate, unhurried
from hypothesis import given
from hypothesis import strategies as st

from lab.bgp.decision import Learned, Step, decide
from lab.bgp.route import Origin

BY_STEP = [
    # step, what the winner has, what the loser has
    (Step.LOCAL_ORIGIN, {"learned": Learned.LOCAL, "as_path": ""}, {"local_pref": 500}),
    # as on an Azure gateway: its own prefixes weigh less than what it learns, and still win
    (Step.LOCAL_ORIGIN, {"learned": Learned.LOCAL, "weight": 32768}, {"weight": 32769}),
    (Step.WEIGHT, {"weight": 32769, "as_path": "1 2 3"}, {"weight": 32768, "local_pref": 500}),
    (Step.WEIGHT, {"weight": 1}, {}),
    (Step.LOCAL_PREF, {"local_pref": 200, "as_path": "1 2 3"}, {"local_pref": 150}),
    (Step.LOCAL_PREF, {"as_path": "1 2 3"}, {"local_pref": 99}),
    (Step.AS_PATH, {"as_path": "1 2", "origin": Origin.INCOMPLETE}, {"as_path": "1 2 3"}),
    (Step.AS_PATH, {"as_path": "", "learned": Learned.INTERNAL}, {"as_path": "1"}),
    (Step.ORIGIN, {"origin": Origin.IGP, "med": 9}, {"origin": Origin.EGP}),
    (Step.ORIGIN, {"origin": Origin.EGP}, {"origin": Origin.INCOMPLETE}),
    (Step.MED, {"med": 10, "learned": Learned.INTERNAL}, {"med": 20}),
    (Step.MED, {"bgp_identifier": "10.0.0.9"}, {"med": 1}),
    (Step.MED, {"as_path": "", "med": 1}, {"as_path": "", "med": 2}),
    (Step.EXTERNAL, {"bgp_identifier": "10.0.0.9"}, {"learned": Learned.INTERNAL}),
    (
        Step.BGP_IDENTIFIER,
        {"bgp_identifier": "10.0.0.9", "peer_address": "192.0.2.6"},
        {"bgp_identifier": "10.0.0.10"},
    ),
    (Step.PEER_ADDRESS, {"peer_address": "192.0.2.9", "path_id": 7}, {"peer_address": "192.0.2.10"}),
    (Step.PEER_ADDRESS, {"peer_address": "2001:db8::2"}, {"peer_address": "2001:db8::10"}),
    (Step.PATH_ID, {"path_id": 1}, {"path_id": 2}),
]


@pytest.mark.parametrize(("step", "winner", "loser"), BY_STEP)
def test_each_step_prefers_whichever_arrived_first(step, winner, loser):
    good, bad = candidate("winner", **winner), candidate("loser", **loser)
    for order in ([good, bad], [bad, good]):
        decision = decide(order)
        assert (decision.best, decision.reason) == (good, step)
        assert decision.eliminated == ((bad, step),)


def test_every_step_but_the_trivial_one_is_in_the_table():
    assert {step for step, _, _ in BY_STEP} == set(Step) - {Step.ONLY_ROUTE}


def test_a_single_route_wins_because_it_is_the_only_one():
    only = candidate()
    decision = decide([only])
    assert (decision.best, decision.reason, decision.eliminated) == (only, Step.ONLY_ROUTE, ())


def test_med_is_not_compared_between_neighbouring_as():
    low, high = candidate("low", "65001", med=1, bgp_identifier="10.0.0.2"), candidate("high", "65002", med=9)
    assert decide([low, high]).best is high
    assert decide([low, high]).reason is Step.BGP_IDENTIFIER


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_med_triangle_has_one_winner_in_every_order(order):
    """Pairwise, a beats b and b beats c (both by identifier), but c beats a (by MED): a
    circle, whose winner depends on where one starts."""
    a = candidate("a", "65001", med=20, bgp_identifier="10.0.0.1")
    b = candidate("b", "65002", med=0, bgp_identifier="10.0.0.2")
    c = candidate("c", "65001", med=10, bgp_identifier="10.0.0.3")
    triangle = [a, b, c]
    decision = decide([triangle[index] for index in order])
    assert decision.best is b
    assert decision.reason is Step.BGP_IDENTIFIER
    assert dict(decision.eliminated) == {a: Step.MED, c: Step.BGP_IDENTIFIER}


def test_every_loser_names_the_step_that_eliminated_it():
    best = candidate("best", "1")
    long = candidate("long", "1 2")
    metric = candidate("metric", "1", med=5)
    inner = candidate("inner", "1", learned=Learned.INTERNAL)
    later = candidate("later", "1", bgp_identifier="10.0.0.2")
    decision = decide([later, inner, metric, long, best])
    assert decision.reason is Step.BGP_IDENTIFIER
    assert decision.eliminated == (
        (long, Step.AS_PATH),
        (metric, Step.MED),
        (inner, Step.EXTERNAL),
        (later, Step.BGP_IDENTIFIER),
    )


def test_the_same_source_twice_is_a_bug_of_ours():
    with pytest.raises(AssertionError, match="corrupt"):
        decide([candidate("a"), candidate("a")])


# --- multipath ---


def ways(*names, **more):
    """Equal paths with next hops and identifiers of their own; the first is the best."""
    return [
        candidate(name, via=f"192.0.2.{n}", bgp_identifier=f"10.0.0.{n}", **more)
        for n, name in enumerate(names, start=1)
    ]


def test_paths_equal_up_to_external_share_traffic_the_best_first():
    a, b, c = ways("a", "b", "c")
    decision = decide([c, a, b], maximum_paths=8)
    assert decision.multipath == (a, b, c)
    assert [str(each) for each in decision.next_hops] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@pytest.mark.parametrize("maximum", [1, 2])
def test_maximum_paths_bounds_multipath_and_keeps_the_best(maximum):
    a, b, c = ways("a", "b", "c")
    assert decide([c, b, a], maximum).multipath == (a, b, c)[:maximum]


def test_only_the_length_of_the_as_path_must_agree():
    """Different neighbouring ASes, hence also different MEDs, do not keep paths apart."""
    a = candidate("a", "65001 7", via="192.0.2.2", med=5)
    b = candidate("b", "65002 8", via="192.0.2.6", bgp_identifier="10.0.0.2", med=9)
    assert decide([a, b], 2).multipath == (a, b)


@pytest.mark.parametrize(
    "worse",
    [
        {"local_pref": 50},
        {"as_path": "65001 65001"},
        {"origin": Origin.INCOMPLETE},
        {"med": 1},
        {"learned": Learned.INTERNAL},
    ],
)
def test_a_path_that_loses_by_external_or_before_is_not_used(worse):
    a, other = candidate("a"), candidate("b", **{"via": "192.0.2.6", "bgp_identifier": "10.0.0.2"} | worse)
    assert decide([a, other], 8).multipath == (a,)


def test_internal_paths_share_traffic_among_themselves():
    a, b = ways("a", "b", learned=Learned.INTERNAL)
    assert decide([a, b], 8).multipath == (a, b)


def test_one_next_hop_counts_once():
    a, b = candidate("a"), candidate("b", bgp_identifier="10.0.0.2")
    decision = decide([b, a], 8)
    assert decision.multipath == (a,)
    assert len(decision.next_hops) == 1


def test_a_route_of_our_own_has_no_next_hops_for_the_fib():
    own = candidate("local", "", learned=Learned.LOCAL)
    decision = decide([candidate("a"), own], 8)
    assert (decision.multipath, decision.next_hops) == ((own,), ())


# --- properties ---

some = st.builds(
    candidate,
    # narrow on purpose: the later steps are only reached by paths that tie before
    as_path=st.sampled_from(["1", "1", "1", "2", "2", "2", "1 2"]),
    origin=st.sampled_from([Origin.IGP] * 5 + [Origin.EGP]),
    weight=st.sampled_from([0] * 5 + [1]),
    local_pref=st.sampled_from([None, 100, 100, 100, 100, 200]),
    med=st.sampled_from([None, 1, 2]),
    learned=st.sampled_from([Learned.EXTERNAL, Learned.INTERNAL]),
    bgp_identifier=st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    via=st.sampled_from(["192.0.2.1", "192.0.2.2"]),
)


@st.composite
def candidates_in_two_orders(draw):
    chosen = draw(st.lists(some, min_size=3, max_size=7))
    distinct = [
        candidate(
            f"peer{n}",
            " ".join(map(str, each.attributes.as_path)),
            origin=each.attributes.origin,
            weight=each.weight,
            local_pref=each.attributes.local_pref,
            med=each.attributes.med,
            learned=each.learned,
            bgp_identifier=str(each.bgp_identifier),
            via=str(each.attributes.next_hop),
            peer_address=f"192.0.2.{100 + n}",
        )
        for n, each in enumerate(chosen)
    ]
    return distinct, draw(st.permutations(distinct))


@unhurried
@given(candidates_in_two_orders(), st.integers(1, 4))
def test_the_decision_does_not_depend_on_the_order_of_arrival(orders, maximum_paths):
    one, other = (decide(order, maximum_paths) for order in orders)
    assert (one.best, one.reason, one.multipath) == (other.best, other.reason, other.multipath)
    assert set(one.eliminated) == set(other.eliminated)
    assert one.multipath[0] is one.best


@unhurried
@given(candidates_in_two_orders())
def test_without_med_the_best_is_the_lowest_in_one_sort_order(orders):
    def sort_key(path):
        sent = path.attributes
        preference = 100 if sent.local_pref is None else sent.local_pref
        internal = path.learned is Learned.INTERNAL
        return (
            -path.weight,
            -preference,
            len(sent.as_path),
            sent.origin,
            internal,
            path.bgp_identifier,
            path.peer_address,
        )

    without_med = [path for path in orders[0] if not path.attributes.med]
    if without_med:
        assert decide(without_med).best is min(without_med, key=sort_key)
