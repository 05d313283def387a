"""Traffic: what the fate of probes says about a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface
from math import comb
from typing import Any, cast

import pytest
from pydantic import ValidationError
from running_builders import memory_lab

from lab.errors import InputError
from lab.plan.types import AddressAssignment, Plan
from lab.probe.flows import Answer, Flow, FlowResult, IcmpError, Outcome, SeenPacket
from lab.scenario.kinds.base import LabTimer
from lab.scenario.kinds.traffic import NoReach, NotOnWire, OnWire, Reach, Shows, Spread, least_share
from lab.scenario.running import RunningLab

DESTINATION = ip_address("10.17.1.4")
SOURCE = ip_address("10.0.0.10")
FLOW = Flow("app1", DESTINATION)
FAR = "10.0.2.0/24"

ANSWERED = Outcome(FLOW, arrived=True, answer=Answer.ECHO_REPLY)
UNANSWERED = Outcome(FLOW, arrived=True)
LOST = Outcome(FLOW)
REFUSED = Outcome(FLOW, error=IcmpError("network unreachable", ip_address("10.1.255.4")))
NOT_SENT = Outcome(FLOW, not_sent="Network is unreachable")
STOLEN = Outcome(FLOW, arrived=False, answer=Answer.ECHO_REPLY)


@dataclass
class ProbedLab:
    """Remembers what it was asked to probe, and answers what it was given."""

    result: FlowResult
    probed: list[tuple[Sequence[Flow], Sequence[str]]] = field(default_factory=list)
    traced: list[Flow] = field(default_factory=list)
    plan: Plan = Plan("one", addresses=(AddressAssignment("vm", "eth0", ip_interface("10.17.1.4/24")),))

    def probe(self, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
        self.probed.append((flows, watching))
        return self.result

    def trace(self, flow: Flow) -> str | None:
        self.traced.append(flow)
        return "fw1 has no route to 10.17.1.4"


def running(lab: ProbedLab) -> RunningLab:
    return cast(RunningLab, lab)


def result(*outcomes: Outcome, **wires: Sequence[SeenPacket]) -> FlowResult:
    return FlowResult(outcomes, {name: tuple(packets) for name, packets in wires.items()})


def reach(**given: Any) -> Reach:
    return Reach(source="app1", destination=DESTINATION, **given)


def no_reach(**given: Any) -> NoReach:
    return NoReach(source="app1", destination=DESTINATION, holds_for=LabTimer.KEEPALIVE, **given)


# Reach.


@pytest.mark.parametrize(
    ("outcomes", "holds", "seen"),
    [
        ([ANSWERED], True, "answered (echo reply)"),
        ([UNANSWERED], False, "the probe arrived, its answer did not come back"),
        ([LOST], False, "the probe did not arrive"),
        ([REFUSED], False, "the probe did not arrive; network unreachable, says 10.1.255.4"),
        ([NOT_SENT], False, "app1 could not send: Network is unreachable"),
        (
            [ANSWERED, LOST, ANSWERED],
            False,
            "2 flows: answered (echo reply); 1 flow: the probe did not arrive",
        ),
    ],
)
def test_reach_holds_when_every_probe_was_answered(outcomes: list[Outcome], holds: bool, seen: str) -> None:
    sight = reach().judge(result(*outcomes))
    assert (sight.holds, sight.seen) == (holds, seen)


def test_an_answer_of_somebody_else_is_told() -> None:
    sight = reach().judge(result(STOLEN))
    assert not sight.holds
    assert sight.seen == "answered (echo reply), but not by 10.17.1.4's node"


def test_one_ping_is_enough() -> None:
    lab = ProbedLab(result(ANSWERED))
    assert reach(source_address="10.0.0.1", size=1400).look(running(lab)).holds
    assert lab.probed == [([Flow("app1", DESTINATION, ip_address("10.0.0.1"), size=1400)], ())]


def test_over_tcp_flows_from_several_ports_try_every_branch_and_always_the_same_ones() -> None:
    lab = ProbedLab(result(ANSWERED))
    claim = reach(protocol="tcp", port=443)
    claim.look(running(lab))
    claim.look(running(lab))
    (first, _), (second, _) = lab.probed
    assert first == second
    assert {(flow.protocol, flow.destination_port) for flow in first} == {("tcp", 443)}
    assert len({flow.source_port for flow in first}) == len(first) > 4


def test_nobody_can_be_reached_at_an_address_that_nobody_has() -> None:
    with pytest.raises(InputError, match="192.0.2.9 is nobody's address"):
        Reach(source="app1", destination="192.0.2.9").look(running(ProbedLab(result(LOST))))


def test_the_broken_link_is_that_of_the_flow() -> None:
    lab = ProbedLab(result(LOST))
    assert reach(protocol="tcp", port=443).broken_link(running(lab)) == "fw1 has no route to 10.17.1.4"
    assert (lab.traced[0].protocol, lab.traced[0].destination_port) == ("tcp", 443)


# No reach.


@pytest.mark.parametrize(
    ("lost", "outcomes", "holds"),
    [
        (None, [LOST], True),
        (None, [UNANSWERED], True),
        (None, [REFUSED, NOT_SENT], True),
        (None, [ANSWERED], False),
        (None, [LOST, ANSWERED], False),
        ("forward", [LOST, REFUSED, NOT_SENT], True),
        ("forward", [UNANSWERED], False),
        ("forward", [LOST, UNANSWERED], False),
        ("forward", [ANSWERED], False),
        ("return", [UNANSWERED], True),
        ("return", [LOST], False),
        ("return", [ANSWERED], False),
    ],
)
def test_no_reach_is_lost_in_the_direction_it_says(
    lost: str | None, outcomes: list[Outcome], holds: bool
) -> None:
    assert no_reach(lost=lost).judge(result(*outcomes)).holds is holds


def test_not_reaching_an_address_that_nobody_has_is_a_claim_like_any_other() -> None:
    claim = NoReach(source="app1", destination="192.0.2.9", holds_for="keepalive")
    assert claim.look(running(ProbedLab(result(LOST)))).holds


# Spread.


def spread(count: int = 64, over: Sequence[str] = ("msee1:a", "msee2:b")) -> Spread:
    return Spread(source="app1", destination=DESTINATION, over=over, flows=count)


def packets(flows: Sequence[int], **details: Any) -> list[SeenPacket]:
    one = SeenPacket(0, "udp", SOURCE, DESTINATION, outbound=False)
    return [replace(one, flow=flow, **details) for flow in flows]


def carried(count: int, **wires: Sequence[SeenPacket]) -> FlowResult:
    """``msee1`` stands for msee1:a and so on."""
    names = {"msee1": "msee1:a", "msee2": "msee2:b"}
    return FlowResult((ANSWERED,) * count, {names[name]: tuple(seen) for name, seen in wires.items()})


def test_half_and_half_is_spread() -> None:
    sight = spread().judge(carried(64, msee1=packets(range(30)), msee2=packets(range(30, 64))))
    assert sight.holds
    assert sight.seen == "64 flows: 30 by msee1:a and 34 by msee2:b"


def test_packets_sent_again_and_answers_count_once_and_not_at_all() -> None:
    seen1 = packets(range(32)) + packets(range(32)) + packets(range(64), returning=True)
    assert spread().judge(carried(64, msee1=seen1, msee2=packets(range(32, 64)))).holds


def test_a_flow_on_both_is_not_spread_by_flow() -> None:
    sight = spread().judge(carried(64, msee1=packets(range(33)), msee2=packets(range(32, 64))))
    assert not sight.holds
    assert sight.seen.endswith("; 1 by more than one")


def test_flows_that_went_elsewhere_are_not_spread_over_these() -> None:
    sight = spread().judge(carried(64, msee1=packets(range(32)), msee2=packets(range(32, 60))))
    assert not sight.holds
    assert sight.seen.endswith("; 4 by none of these, and answered")


def test_only_of_flows_that_went_elsewhere_it_is_told_what_became_of_them() -> None:
    some = carried(64, msee1=packets(range(32)), msee2=packets(range(32, 60)))
    lost = replace(some, outcomes=(*some.outcomes[:61], LOST, LOST, LOST))
    assert (
        spread()
        .judge(lost)
        .seen.endswith(
            "; 4 by none of these, and 3 flows: the probe did not arrive; 1 flow: answered (echo reply)"
        )
    )


def test_flows_that_take_another_way_than_claimed_are_traced_to_the_routers_decisions() -> None:
    forwards = {"prefix": FAR, "fib": {"explanation": "via 10.255.0.1"}}
    lab = memory_lab(whys={("r0", "10.0.2.1"): forwards})
    claim = Spread(source="r0", destination="10.0.2.1", over=["r0:right", "r0:other", "r1:left"])
    assert claim.broken_link(lab) == (
        "r0 decided on 10.0.2.0/24: via 10.255.0.1\nr1 decided on 10.0.2.1: not installed: there is no route"
    )
    lab.broken = "r1 has no route to 10.0.2.1"
    assert claim.broken_link(lab) == lab.broken


def test_a_share_that_is_too_small_is_no_share() -> None:
    sight = spread().judge(carried(64, msee1=packets(range(60)), msee2=packets(range(60, 64))))
    assert not sight.holds
    assert sight.seen.endswith("at least 13 each expected")


def test_one_interface_carries_all() -> None:
    one = spread(over=["msee1:a"])
    assert one.judge(carried(64, msee1=packets(range(64)))).holds
    assert not one.judge(carried(64, msee1=packets(range(63)))).holds


def test_flows_come_from_ports_of_their_own_and_always_the_same_ones() -> None:
    lab = ProbedLab(carried(64, msee1=packets(range(64)), msee2=()))
    spread().look(running(lab))
    spread().look(running(lab))
    (first, watching), (second, _) = lab.probed
    assert first == second
    assert len({flow.source_port for flow in first}) == 64
    assert watching == ("msee1:a", "msee2:b")


@pytest.mark.parametrize(("flows", "interfaces"), [(21, 2), (64, 2), (128, 2), (128, 3), (128, 4), (1024, 8)])
def test_chance_breaks_the_claim_less_than_once_in_a_million(flows: int, interfaces: int) -> None:
    """Counted another way: over all outcomes of one interface's share, in whole numbers."""
    share = least_share(flows, interfaces)
    assert 1 <= share <= flows / (2 * interfaces)
    unlucky = sum(comb(flows, few) * (interfaces - 1) ** (flows - few) for few in range(share))
    assert interfaces * unlucky * 10**6 < interfaces**flows


def test_the_default_asks_for_half_of_a_fair_share() -> None:
    claim = Spread(source="app1", destination=DESTINATION, over=["msee1:a", "msee2:b"])
    assert least_share(claim.flows, 2) == claim.flows / 4


@pytest.mark.parametrize(("flows", "interfaces"), [(8, 2), (19, 2), (128, 12)])
def test_too_few_flows_to_say_anything_are_refused(flows: int, interfaces: int) -> None:
    over = [f"node:eth{number}" for number in range(interfaces)]
    with pytest.raises(ValidationError, match=f"{flows} flows are too few for {interfaces} interfaces"):
        spread(flows, over)


def test_the_same_interface_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="the same interface twice"):
        spread(over=["msee1:a", "msee1:a"])


# On the wire.

TAGGED = SeenPacket(0, "icmp", SOURCE, DESTINATION, outbound=True, tags=(8, 100))
REPLY = SeenPacket(0, "icmp", DESTINATION, SOURCE, outbound=False, returning=True, tags=(8, 100))


def on_wire(shows: Mapping[str, Any]) -> OnWire:
    return OnWire(interface="pe1:to-msee1", source="app1", destination=DESTINATION, shows=shows)


@pytest.mark.parametrize(
    ("shows", "fits"),
    [
        ({}, True),
        ({"tags": [8, 100]}, True),
        ({"tags": [100]}, False),
        ({"tags": []}, False),
        ({"protocol": "icmp"}, True),
        ({"protocol": "esp"}, False),
        ({"source": "10.0.0.0/24"}, True),
        ({"source": "10.0.0.10"}, True),
        ({"source": "10.0.0.11"}, False),
        ({"source": "fd00::/8"}, False),
        ({"source": "10.17.0.0/16", "destination": "10.0.0.0/24"}, True),
        ({"source": "10.17.0.0/16", "destination": "10.17.0.0/16"}, False),
        ({"protocol": "icmp", "destination": "10.17.1.4", "tags": [8, 100]}, True),
    ],
)
def test_one_packet_must_show_all_of_it(shows: Mapping[str, Any], fits: bool) -> None:
    seen = FlowResult((ANSWERED,), {"pe1:to-msee1": (TAGGED, REPLY)})
    there, absent = on_wire(shows).judge(seen), _not_on_wire(shows).judge(seen)
    assert (there.holds, absent.holds) == (fits, not fits)
    assert "icmp from 10.0.0.10 to 10.17.1.4 with tags 8 100" in there.seen


def _not_on_wire(shows: Mapping[str, Any]) -> NotOnWire:
    fields = on_wire(shows).model_dump() | {"holds_for": "keepalive", "shows": shows}
    return NotOnWire(**fields)


def test_an_empty_wire_shows_nothing() -> None:
    empty = FlowResult((LOST,), {"pe1:to-msee1": ()})
    assert on_wire({}).judge(empty).seen == "none of their packets"
    assert not on_wire({}).judge(empty).holds
    assert _not_on_wire({}).judge(empty).holds


def test_the_interface_is_watched() -> None:
    lab = ProbedLab(FlowResult((ANSWERED,), {"pe1:to-msee1": (TAGGED,)}))
    on_wire({}).look(running(lab))
    assert lab.probed == [([FLOW], ["pe1:to-msee1"])]


# In words.


@pytest.mark.parametrize(
    ("step", "claim"),
    [
        (reach(), "app1 reaches 10.17.1.4"),
        (reach(protocol="tcp", port=443), "app1 reaches 10.17.1.4 by tcp port 443"),
        (reach(source_address="10.0.0.1", size=1400), "app1 reaches 10.17.1.4 from 10.0.0.1 with 1400 bytes"),
        (no_reach(lost="forward"), "app1 does not reach 10.17.1.4: probes do not arrive"),
        (spread(), "64 flows from app1 to 10.17.1.4 share msee1:a and msee2:b"),
        (spread(over=["msee1:a"]), "64 flows from app1 to 10.17.1.4 all go over msee1:a"),
        (
            on_wire(
                {"protocol": "icmp", "source": "10.0.0.10/32", "destination": "10.17.0.0/16", "tags": [100]}
            ),
            "on pe1:to-msee1, probes from app1 to 10.17.1.4 show"
            " icmp from 10.0.0.10 to 10.17.0.0/16 with tag 100",
        ),
        (
            _not_on_wire({"tags": []}),
            "on pe1:to-msee1, probes from app1 to 10.17.1.4 never show without tags",
        ),
    ],
)
def test_a_claim_reads_like_a_sentence(step: Any, claim: str) -> None:
    assert step.claim() == claim


def test_shows_without_conditions_is_any_packet() -> None:
    assert str(Shows()) == "any packet"
