"""What each kind claims, what it sees, and which link it finds broken; but for traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from running_builders import fib_entry, memory_lab, route, session

from lab.errors import InputError
from lab.plan.types import Speaker
from lab.scenario.kinds.announce import Originate, PrefixSeries, Withdraw
from lab.scenario.kinds.arp import ArpEntry, NoArpEntry
from lab.scenario.kinds.base import Expectation, LabTimer, Sight
from lab.scenario.kinds.prefixes import PrefixCount
from lab.scenario.kinds.route import FibEntry, NoFibEntry, NoRoute, RoutePresent
from lab.scenario.kinds.session import NoSession, SessionUp
from lab.scenario.memory import MemoryLab

FAR = "10.0.2.0/24"
"""The prefix of r2."""


def present(**facts: Any) -> RoutePresent:
    return RoutePresent.model_validate({"node": "r0", "prefix": FAR} | facts)


def absent(**facts: Any) -> NoRoute:
    return NoRoute.model_validate({"node": "r0", "prefix": FAR, "holds_for": "keepalive"} | facts)


def with_session(**facts: Any) -> MemoryLab:
    return memory_lab(sessions_of={"r0": [session("r1", **facts)]})


def with_routes(*routes: dict[str, Any]) -> MemoryLab:
    return memory_lab(routes_of={"r0": list(routes)})


# Claims, as a failure prints them.


@pytest.mark.parametrize(
    ("expectation", "claim"),
    [
        (SessionUp(node="r0", neighbor="r1"), "the session of r0 with r1 is established"),
        (
            NoSession(node="r0", neighbor="r1", last_error="(2,2)", holds_for=LabTimer.HOLD),
            "the session of r0 with r1 is not established, its last error holding '(2,2)'",
        ),
        (present(), "r0 has 10.0.2.0/24"),
        (
            present(peer="r1", as_path=[64513, 64514], best=True),
            "r0 has 10.0.2.0/24 from r1 with AS path 64513 64514, best",
        ),
        (
            present(next_hop="10.255.0.1", communities=[], local_preference=200, best=False, because="med"),
            "r0 has 10.0.2.0/24, next hop 10.255.0.1, communities (none), local pref 200, not best, by med",
        ),
        (present(candidates=2, as_path=[]), "r0 has 2 candidates of 10.0.2.0/24 with AS path (none)"),
        (absent(), "r0 has no route to 10.0.2.0/24"),
        (
            absent(or_longer=True, peer="r1"),
            "r0 has no route to 10.0.2.0/24 nor to anything inside it from r1",
        ),
        (
            FibEntry.model_validate({"node": "r0", "prefix": FAR, "next_hops": ["10.255.0.1", "10.255.0.3"]}),
            "the kernel of r0 forwards 10.0.2.0/24 by 10.255.0.1 and 10.255.0.3",
        ),
        (
            NoFibEntry.model_validate({"node": "r0", "prefix": FAR, "holds_for": "hold"}),
            "the kernel of r0 has no entry for 10.0.2.0/24",
        ),
        (
            PrefixCount(node="r0", neighbor="r1", received=2, advertised=0),
            "r0 counts prefixes with r1: 2 received and 0 advertised",
        ),
        (
            ArpEntry.model_validate({"node": "r0", "address": "10.255.0.1"}),
            "10.255.0.1 answers the ARP requests of r0",
        ),
        (
            NoArpEntry.model_validate({"node": "r0", "address": "10.255.0.1", "holds_for": "restart"}),
            "nobody answers the ARP requests of r0 for 10.255.0.1",
        ),
    ],
)
def test_a_claim_is_a_sentence(expectation: Expectation, claim: str) -> None:
    assert expectation.claim() == claim


# Sessions.


@pytest.mark.parametrize(
    ("facts", "sight"),
    [
        ({}, Sight(True, "established")),
        ({"end_of_rib": False}, Sight(False, "established, no end-of-RIB yet")),
        ({"state": "active"}, Sight(False, "active")),
        (
            {"state": "idle", "held_down": True, "last_error": "Cease (6,1)"},
            Sight(False, "idle, held down, last error: Cease (6,1)"),
        ),
    ],
)
def test_a_session_is_up_when_its_peer_has_sent_all_it_has(facts: dict[str, Any], sight: Sight) -> None:
    assert SessionUp(node="r0", neighbor="r1").look(with_session(**facts)) == sight


@pytest.mark.parametrize(
    ("times", "sight"),
    [(1, Sight(True, "established, 1 so far")), (2, Sight(False, "established, 2 so far"))],
)
def test_a_session_that_broke_and_came_back_is_not_unbroken(times: int, sight: Sight) -> None:
    unbroken = SessionUp(node="r0", neighbor="r1", established_transitions=1)
    assert unbroken.look(with_session(established_transitions=times)) == sight


@pytest.mark.parametrize(
    ("facts", "error", "holds"),
    [
        ({}, None, False),
        ({"end_of_rib": False}, None, False),
        ({"state": "idle"}, None, True),
        ({"state": "idle"}, "(2,2)", False),
        ({"state": "idle", "last_error": "OPEN (2,2)"}, "(2,2)", True),
        ({"last_error": "OPEN (2,2)"}, "(2,2)", False),
    ],
)
def test_a_session_is_down_with_the_error_that_is_asked_for(
    facts: dict[str, Any], error: str | None, holds: bool
) -> None:
    down = NoSession(node="r0", neighbor="r1", last_error=error, holds_for=LabTimer.KEEPALIVE)
    assert down.look(with_session(**facts)).holds is holds


def test_a_session_that_is_down_has_the_diagnosis_as_its_broken_link() -> None:
    lab = memory_lab(findings={("r0", "r1"): ["r0 - r1: ARP: 10.255.0.1 does not answer", "more"]})
    assert SessionUp(node="r0", neighbor="r1").broken_link(lab) == "r0 - r1: ARP: 10.255.0.1 does not answer"


def test_ends_that_both_wait_are_named_whatever_else_is_found() -> None:
    lab = memory_lab(findings={("r0", "r1"): ["r0 - r1: TCP 179: no connection has come from 10.255.0.1"]})
    lab.plan = replace(lab.plan, speakers=tuple(map(_waiting, lab.plan.speakers)))
    said = "r0 waits for r1 to begin the session, and r1 for r0"
    assert SessionUp(node="r0", neighbor="r1").broken_link(lab) == said


def _waiting(speaker: Speaker) -> Speaker:
    neighbors = tuple(replace(each, passive=True) for each in speaker.config.neighbors)
    return replace(speaker, config=replace(speaker.config, neighbors=neighbors))


BOTH = "r1 accepts r0 as its peer, and r0 accepts r1"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, BOTH),
        ({"established_transitions": 3}, f"{BOTH}; the session was lost 2 times and came back"),
        ({"end_of_rib": False}, f"{BOTH}; r1 has not sent its end-of-RIB"),
        ({"state": "idle"}, None),
    ],
)
def test_a_session_that_is_up_says_how_it_came_to_be(facts: dict[str, Any], why: str | None) -> None:
    lab = with_session(**facts)
    assert SessionUp(node="r0", neighbor="r1", established_transitions=7).broken_link(lab) == why
    for error in (None, "(2,2)"):
        down = NoSession(node="r0", neighbor="r1", last_error=error, holds_for=LabTimer.HOLD)
        assert down.broken_link(lab) == why


def test_a_session_that_is_down_by_another_error_is_diagnosed() -> None:
    lab = with_session(state="idle")
    lab.findings["r0", "r1"] = ["r0 - r1: TCP 179: Connection refused"]
    down = NoSession(node="r0", neighbor="r1", last_error="(2,2)", holds_for=LabTimer.HOLD)
    assert down.broken_link(lab) == "r0 - r1: TCP 179: Connection refused"


def test_an_unknown_neighbor_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        SessionUp(node="r1", neighbor="r7").look(memory_lab())
    assert caught.value.hint == "its neighbors: r0 and r2"


# Prefix counts.


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        ({"received": 2}, True),
        ({"received": 1}, False),
        ({"accepted": 1, "advertised": 0}, True),
        ({"received": 2, "accepted": 1, "advertised": 5}, False),
    ],
)
def test_the_counts_that_are_given_must_fit(wanted: dict[str, int], holds: bool) -> None:
    lab = with_session(prefixes_received=2, prefixes_accepted=1)
    sight = PrefixCount.model_validate({"node": "r0", "neighbor": "r1"} | wanted).look(lab)
    assert sight == Sight(holds, "2 received, 1 accepted and 0 advertised")


def test_a_session_that_is_down_carries_no_prefixes_not_even_none() -> None:
    count = PrefixCount(node="r0", neighbor="r1", received=0)
    assert count.look(with_session(state="active")) == Sight(False, "the session is active")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"received": 9}, "r1 advertises 3 to r0, which received 2 and accepted 1"),
        ({"accepted": 9}, "r1 advertises 3 to r0, which received 2 and accepted 1"),
        ({"advertised": 9}, "r0 advertises 6 to r1, which received 5 and accepted 4"),
        (
            {"received": 9, "advertised": 9},
            "r1 advertises 3 to r0, which received 2 and accepted 1"
            "\nr0 advertises 6 to r1, which received 5 and accepted 4",
        ),
    ],
)
def test_a_wrong_count_is_told_by_both_sides(wanted: dict[str, int], told: str) -> None:
    here = session("r1", prefixes_received=2, prefixes_accepted=1, prefixes_advertised=6)
    there = session("r0", prefixes_received=5, prefixes_accepted=4, prefixes_advertised=3)
    lab = memory_lab(sessions_of={"r0": [here], "r1": [there, session("r2")]})
    count = PrefixCount.model_validate({"node": "r0", "neighbor": "r1"} | wanted)
    assert count.broken_link(lab) == told
    lab.findings["r0", "r1"] = ["r0 - r1: link: right is set down"]
    assert count.broken_link(lab) == "r0 - r1: link: right is set down"


# Routes.

DIRECT = route(FAR, "r1", as_path=[64513, 64514], communities=["12076:51026", "12076:5060"])
OTHER = route(FAR, "r3", best=False, reason="as-path", local_pref=90, weight=5, next_hop="2001:db8::1")


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({}, True),
        ({"prefix": "10.0.3.0/24"}, False),
        ({"prefix": "10.0.0.0/16"}, False),
        ({"peer": "r1"}, True),
        ({"peer": "r2"}, False),
        ({"as_path": [64513, 64514]}, True),
        ({"as_path": [64513]}, True),
        ({"as_path": [64514]}, False),
        ({"as_path": []}, False),
        ({"peer": "r1", "as_path": [64513]}, False),
        ({"communities": ["12076:5060", "12076:51026"]}, True),
        ({"communities": ["12076:51026"]}, False),
        ({"communities": []}, True),
        ({"peer": "r1", "communities": []}, False),
        ({"next_hop": "2001:DB8:0::1"}, True),
        ({"next_hop": "10.255.0.9"}, False),
        ({"local_preference": 90}, True),
        ({"weight": 5, "peer": "r3"}, True),
        ({"weight": 5, "peer": "r1"}, False),
        ({"best": True, "peer": "r1"}, True),
        ({"best": True, "peer": "r3"}, False),
        ({"best": False, "peer": "r3"}, True),
        ({"because": "as-path"}, True),
        ({"because": "as-path", "peer": "r1"}, False),
        ({"candidates": 2}, True),
        ({"candidates": 1}, False),
        ({"candidates": 1, "peer": "r1"}, True),
        ({"candidates": 0, "peer": "r2"}, True),
    ],
)
def test_one_candidate_must_fit_all_that_is_given(facts: dict[str, Any], holds: bool) -> None:
    assert present(**facts).look(with_routes(DIRECT, OTHER)).holds is holds


def test_a_sight_of_routes_has_all_that_can_be_claimed() -> None:
    assert present().look(with_routes(DIRECT, OTHER, route("10.9.0.0/24", "r1"))).seen.splitlines() == [
        "10.0.2.0/24 from r1: AS path 64513 64514, next hop 10.255.0.1, "
        "communities 12076:51026 12076:5060, local pref 100, best, by only-route",
        "10.0.2.0/24 from r3: AS path 64513, next hop 2001:db8::1, "
        "communities (none), weight 5, local pref 90, not best, by as-path",
    ]
    assert present().look(with_routes()).seen == "no candidate of 10.0.2.0/24"


def test_a_full_table_is_not_printed() -> None:
    lab = with_routes(*(route(f"10.{number}.0.0/16", "r1") for number in range(100)))
    assert absent(prefix="10.0.0.0/8", or_longer=True).look(lab).seen.splitlines()[-1] == "and 92 more"


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({}, False),
        ({"prefix": "10.0.0.0/16"}, True),
        ({"prefix": "10.0.0.0/16", "or_longer": True}, False),
        ({"prefix": "10.0.2.0/25", "or_longer": True}, True),
        ({"prefix": "2001:db8::/32", "or_longer": True}, True),
        ({"peer": "r1"}, False),
        ({"peer": "r2"}, True),
    ],
)
def test_a_route_is_absent_when_none_is_as_told(facts: dict[str, Any], holds: bool) -> None:
    assert absent(**facts).look(with_routes(DIRECT)).holds is holds


def test_an_unwanted_route_is_blamed_on_who_let_it_in() -> None:
    lab = with_routes(DIRECT)
    lab.whys["r0", FAR] = why(received=[heard("r1", True, "accepted by import policy any: any")])
    assert absent().broken_link(lab) == "r0, from r1: accepted by import policy any: any"


# The way of a route, broken at each of its links.


def heard(peer: str, accepted: bool, explanation: str) -> dict[str, Any]:
    return {"peer": peer, "accepted": accepted, "explanation": explanation}


def why(**facts: Any) -> dict[str, Any]:
    return {
        "prefix": FAR,
        "received": [],
        "decision": None,
        "fib": {"explanation": "via 10.255.0.1"},
        "exports": [],
    } | facts


DECIDED = {"best": "local", "steps": []}


def told(peer: str, advertised: bool, explanation: str) -> dict[str, Any]:
    return {"peer": peer, "advertised": advertised, "explanation": explanation}


def test_the_nearest_session_that_is_down_is_the_broken_link() -> None:
    lab = memory_lab(sessions_of={"r0": [session("r1", "active")]})
    assert present().broken_link(lab) == "the session of r0 with r1 is not established"
    lab.findings["r0", "r1"] = ["r0 - r1: link: right is set down"]
    assert present().broken_link(lab) == "r0 - r1: link: right is set down"


def test_a_session_that_is_down_further_off_is_found() -> None:
    lab = memory_lab(sessions_of={"r1": [session("r0"), session("r2", "connect")]})
    lab.findings["r1", "r2"] = ["r1 - r2: TCP 179: Connection refused"]
    assert present().broken_link(lab) == "r1 - r2: TCP 179: Connection refused"


def test_what_import_refuses_is_the_broken_link() -> None:
    lab = memory_lab(
        whys={("r0", FAR): why(received=[heard("r1", False, "refused by import policy p: rfc1918")])}
    )
    link = "r0 has heard of it from r1: refused by import policy p: rfc1918"
    assert present().broken_link(lab) == link
    assert present(peer="r1").broken_link(lab) == link


def test_what_a_peer_does_not_advertise_is_the_broken_link() -> None:
    exports = [
        told("r2", False, "r2 is where the route was learned"),
        told("r0", False, "refused by export policy f: no route filter"),
    ]
    lab = memory_lab(whys={("r1", FAR): why(decision=DECIDED, exports=exports)})
    assert present().broken_link(lab) == (
        "r1 has 10.0.2.0/24 and does not advertise it to r0: refused by export policy f: no route filter"
    )


def test_what_a_peer_refuses_to_import_is_the_broken_link() -> None:
    lab = memory_lab(
        whys={("r1", FAR): why(received=[heard("r2", False, "our own AS number is in the AS path")])}
    )
    assert present().broken_link(lab) == "r1 has heard of it from r2: our own AS number is in the AS path"


def test_what_nobody_has_is_said_to_be_so() -> None:
    assert present().broken_link(memory_lab()) == "no speaker that r0 hears of has 10.0.2.0/24"


@pytest.mark.parametrize(
    ("claim", "lines"),
    [
        (
            {"as_path": [64514], "best": True},
            [
                "r0, from r1: accepted by import policy any: any; not as claimed: AS path",
                "r0, from r3: originated here; not as claimed: AS path and best",
            ],
        ),
        (
            {"peer": "r1", "local_preference": 7, "communities": []},
            ["r0, from r1: accepted by import policy any: any; not as claimed: communities and local pref"],
        ),
        (
            {"candidates": 2, "as_path": [64513]},
            [
                "r0, from r1: accepted by import policy any: any; not as claimed: AS path",
                "r0, from r3: originated here; as claimed",
            ],
        ),
    ],
)
def test_a_route_that_is_other_than_claimed_is_told_by_who_sent_it_and_what_let_it_in(
    claim: dict[str, Any], lines: list[str]
) -> None:
    lab = with_routes(DIRECT, OTHER)
    received = [
        heard("r1", True, "accepted by import policy any: any"),
        heard("r2", False, "refused"),
        heard("r3", True, "originated here"),
        heard("r3", False, "refused, a second path"),
    ]
    lab.whys["r0", FAR] = why(received=received, decision=DECIDED)
    link = present(**claim).broken_link(lab)
    assert link is not None
    assert link.splitlines() == lines


def test_a_route_that_lost_names_the_step_and_the_winner() -> None:
    step = {
        "step": "local-pref",
        "kept": [{"peer": "r3", "value": 200}],
        "eliminated": [{"peer": "r1", "value": 100}],
    }
    lab = memory_lab(
        whys={
            ("r0", FAR): why(
                received=[heard("r1", True, "accepted"), heard("r3", True, "accepted")],
                decision={"best": "r3", "steps": [step]},
            )
        }
    )
    assert present(peer="r1", best=True).broken_link(lab) == "local-pref: r3 (200) preferred over r1 (100)"
    assert present(peer="r3", best=True).broken_link(lab) is None


# The kernel.


def kernel(*gateways: str | None) -> MemoryLab:
    return memory_lab(fibs={"r0": [fib_entry(FAR, *gateways)]})


@pytest.mark.parametrize(
    ("gateways", "next_hops", "holds"),
    [
        (("10.255.0.1",), ("10.255.0.1",), True),
        (("10.255.0.1", "10.255.0.3"), ("10.255.0.3", "10.255.0.1"), True),
        (("10.255.0.1", "10.255.0.3"), ("10.255.0.1",), False),
        (("10.255.0.1",), ("10.255.0.1", "10.255.0.3"), False),
        (("fe80::1",), ("FE80:0::1",), True),
        ((None,), ("right",), True),
    ],
)
def test_the_next_hops_of_the_kernel_must_be_exactly_those(
    gateways: tuple[str | None, ...], next_hops: tuple[str, ...], holds: bool
) -> None:
    entry = FibEntry.model_validate({"node": "r0", "prefix": FAR, "next_hops": list(next_hops)})
    assert entry.look(kernel(*gateways)).holds is holds


def test_a_prefix_may_be_away_from_the_kernel() -> None:
    nothing = NoFibEntry.model_validate({"node": "r0", "prefix": FAR, "holds_for": "keepalive"})
    assert nothing.look(memory_lab()) == Sight(True, "none")
    assert nothing.look(kernel("10.255.0.1")) == Sight(False, "by 10.255.0.1")
    entry = FibEntry.model_validate({"node": "r0", "prefix": FAR, "next_hops": ["10.255.0.1"]})
    assert entry.look(memory_lab()) == Sight(False, "no entry for 10.0.2.0/24")


def test_a_wrong_next_hop_is_traced_to_the_decision() -> None:
    lab = kernel("10.255.0.1")
    lab.whys["r0", FAR] = why(received=[heard("r1", True, "accepted")], decision=DECIDED)
    entry = FibEntry.model_validate({"node": "r0", "prefix": FAR, "next_hops": ["10.255.0.3"]})
    assert entry.broken_link(lab) == "r0 decided: via 10.255.0.1"


def test_forwarding_by_nothing_is_no_claim() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        FibEntry.model_validate({"node": "r0", "prefix": FAR, "next_hops": []})


# ARP.


def test_an_address_is_asked_for_before_its_answer_is_looked_for() -> None:
    lab = memory_lab(answering={"r0": {"10.255.0.1"}})
    entry = ArpEntry.model_validate({"node": "r0", "address": "10.255.0.1"})
    nobody = NoArpEntry.model_validate({"node": "r0", "address": "10.255.0.1", "holds_for": "keepalive"})
    assert entry.look(lab) == Sight(True, "02:00:00:00:00:01 on eth0, reachable")
    assert not nobody.look(lab).holds


def test_a_silent_address_is_absent_although_there_is_an_entry() -> None:
    lab = memory_lab()
    entry = ArpEntry.model_validate({"node": "r0", "address": "2001:DB8::9"})
    nobody = NoArpEntry.model_validate({"node": "r0", "address": "2001:db8::9", "holds_for": "keepalive"})
    assert entry.look(lab) == Sight(False, "incomplete")
    assert nobody.look(lab) == Sight(True, "incomplete")


def test_the_path_to_a_silent_address_is_traced() -> None:
    lab = memory_lab(broken="r0: right is set down")
    entry = ArpEntry.model_validate({"node": "r0", "address": "10.255.0.1"})
    assert entry.broken_link(lab) == "r0: right is set down"


# Announcing.


def series(first: str, count: int) -> PrefixSeries:
    return PrefixSeries.model_validate({"first": first, "count": count})


def test_a_series_goes_on_from_its_first_prefix() -> None:
    assert [str(each) for each in series("10.0.254.0/24", 3).prefixes()] == [
        "10.0.254.0/24",
        "10.0.255.0/24",
        "10.1.0.0/24",
    ]
    assert [str(each) for each in series("2001:db8::/48", 2).prefixes()] == [
        "2001:db8::/48",
        "2001:db8:1::/48",
    ]


def test_a_series_may_end_with_the_last_address_and_no_further() -> None:
    assert str(series("255.255.254.0/24", 2).prefixes()[-1]) == "255.255.255.0/24"
    with pytest.raises(ValidationError, match="run past the last address"):
        series("255.255.254.0/24", 3)


@pytest.mark.parametrize("kind", [Originate, Withdraw])
def test_nothing_to_announce_is_a_mistake(kind: type[Originate] | type[Withdraw]) -> None:
    with pytest.raises(ValidationError, match="needs prefixes"):
        kind.model_validate({"node": "r0"})


def test_announcing_and_taking_back_say_what_was_done() -> None:
    lab = memory_lab()
    announced = Originate.model_validate(
        {"node": "r0", "prefixes": ["10.9.0.0/24"], "series": {"first": "10.10.0.0/24", "count": 4}}
    )
    assert announced.do(lab) == "r0 announces 5 prefixes, 10.9.0.0/24 to 10.10.3.0/24"
    assert len(lab.routes("r0")) == 5
    back = Withdraw.model_validate({"node": "r0", "prefixes": ["10.9.0.0/24", "10.10.1.0/24"]})
    assert back.do(lab) == "r0 withdraws 10.9.0.0/24 and 10.10.1.0/24"
    assert len(lab.routes("r0")) == 3
