"""Changes to a running lab, with the kernel and the agents out of the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from lab.bench.line import line_plan
from lab.bgp.route import Asn, parse_community
from lab.bgp.speaker import Origination
from lab.errors import BackendError, InputError
from lab.model.load import load_topology
from lab.model.shipped import find_topology
from lab.plan.compile import compile_topology
from lab.plan.errors import PlanError
from lab.plan.tunnel_facts import without_tunnels
from lab.plan.types import Plan, Speaker, StaticRoute
from lab.runtime.control import pack
from lab.runtime.operations import Operations

LINE = line_plan(3)
OWN = LINE.speakers[0].config.originations[0]
P, Q = ip_network("10.99.0.0/16"), ip_network("10.98.0.0/16")


class Speakers(dict[str, Any]):
    """What runs, and what the agents were told; those in ``down`` are not there to be told."""

    def __init__(self, plan: Plan) -> None:
        super().__init__({each.namespace: SimpleNamespace(speaker=each) for each in plan.speakers})
        self.told: list[tuple[str, str]] = []
        self.down: set[str] = set()

    async def reconfigure(self, speaker: Speaker, do: str, **_details: Any) -> None:
        self[speaker.namespace].speaker = speaker
        if speaker.namespace in self.down:
            raise BackendError(f"{speaker.namespace}: its BGP daemon is not running")
        for _ in range(9):  # the others take their time
            await asyncio.sleep(0)
        self.told.append((speaker.namespace, do))

    def originations(self, namespace: str) -> tuple[Origination, ...]:
        found: tuple[Origination, ...] = self[namespace].speaker.config.originations
        return found


class Desk:
    """Operations on a line of three routers, and everything they touch."""

    def __init__(self) -> None:
        mechanisms = SimpleNamespace(dataplane=None)
        self.view: Any = SimpleNamespace(
            plan=LINE, mechanisms=mechanisms, resolve=lambda name, *, speaker: name
        )
        self.speakers: Any = Speakers(LINE)
        self.events: list[tuple[Any, ...]] = []
        log: Any = SimpleNamespace(write=self._write)
        nothing: Any = None
        wiring: Any = SimpleNamespace(follow=lambda _plan: None)
        self.cut: set[str] = set()
        self._operations = Operations(
            self.view, self.speakers, wiring, log, nothing, asyncio.Lock(), lambda: self.cut
        )

    def ask(self, do: str, **details: Any) -> Any:
        return asyncio.run(self._operations.answer({"do": do, **details}))

    def _write(self, kind: str, node: str | None = None, **facts: Any) -> None:
        self.events.append((kind, node, *facts.values()))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_originations_are_remembered_told_and_written_down(desk: Desk) -> None:
    facts = {"as_path": [65099], "communities": ["65000:7"]}
    assert desk.ask("originate", namespace="r0", prefixes=[str(P), str(Q), str(P)], **facts) == 2
    further = {"as_path": (Asn(65099),), "communities": frozenset({parse_community("65000:7")})}
    assert desk.speakers.originations("r0") == (OWN, Origination(P, **further), Origination(Q, **further))
    assert desk.ask("originate", namespace="r0", prefixes=[str(Q)]) == 1
    assert desk.speakers.originations("r0") == (OWN, Origination(P, **further), Origination(Q))
    assert desk.ask("withdraw", namespace="r0", prefixes=[str(P), str(OWN.prefix)]) == 2
    assert desk.speakers.originations("r0") == (Origination(Q),)
    assert desk.speakers.told == [("r0", "originate"), ("r0", "originate"), ("r0", "withdraw")]
    assert desk.events == [
        ("originated", "r0", 2, [str(P), str(Q)]),
        ("originated", "r0", 1, [str(Q)]),
        ("withdrawn", "r0", 2, [str(P), str(OWN.prefix)]),
    ]


def test_what_is_not_originated_cannot_be_withdrawn_and_nothing_is(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"r0 does not originate 10\.99\.0\.0/16") as refused:
        desk.ask("withdraw", namespace="r0", prefixes=[str(OWN.prefix), str(P)])
    assert refused.value.hint == f"it originates {OWN.prefix}"
    assert desk.speakers.originations("r0") == (OWN,)
    assert (desk.speakers.told, desk.events) == ([], [])


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "originate"}, "a request to originate lacks something"),
        ({"do": "originate", "namespace": "r0", "prefixes": str(P)}, "lacks something"),
        ({"do": "originate", "namespace": "r0", "prefixes": []}, "no prefix"),
        ({"do": "originate", "namespace": "r0", "prefixes": ["10.0.0.1/8"]}, "host bits set"),
        ({"do": "originate", "namespace": "r0", "prefixes": [None]}, "None is not a prefix"),
        ({"do": "originate", "namespace": "r0", "prefixes": [str(P)], "as_path": [0]}, "0 is not an AS"),
        ({"do": "originate", "namespace": "r0", "prefixes": [str(P)], "as_path": [True]}, "not an AS"),
        ({"do": "originate", "namespace": "r0", "prefixes": [str(P)], "as_path": ["6"]}, "'6' is not an AS"),
        ({"do": "originate", "namespace": "r0", "prefixes": [str(P)], "as_path": 7}, "as_path is no list"),
        (
            {"do": "originate", "namespace": "r0", "prefixes": [str(P)], "communities": ["1"]},
            "not a community",
        ),
        ({"do": "withdraw", "namespace": "r0"}, "a request to withdraw lacks something"),
        ({"do": "apply"}, "a request to apply lacks something"),
        ({"do": "apply", "plan": "x"}, "this is no packed Plan"),
        ({"do": "apply", "plan": pack(7)}, "this is a int and not a Plan"),
    ],
)
def test_a_wrong_request_changes_nothing(desk: Desk, request_: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        desk.ask(**request_)
    assert (desk.speakers.told, desk.events) == ([], [])


def limited(plan: Plan, *namespaces: str) -> Plan:
    """One path where there were eight, on these routers."""
    return replace(
        plan,
        speakers=tuple(
            replace(each, config=replace(each.config, maximum_paths=1))
            if each.namespace in namespaces
            else each
            for each in plan.speakers
        ),
    )


def test_a_new_plan_is_told_to_those_it_changes_and_keeps_the_labs_name(desk: Desk) -> None:
    desk.view.plan = replace(LINE, name="running")
    desk.ask("originate", namespace="r0", prefixes=[str(P)])
    new = replace(limited(LINE, "r0", "r2"), name="of-the-file")
    assert desk.ask("apply", plan=pack(new)) == ["r0: maximum_paths: 8 -> 1", "r2: maximum_paths: 8 -> 1"]
    assert desk.speakers.told[1:] == [("r0", "configure"), ("r2", "configure")]
    assert desk.speakers.originations("r0") == (OWN, Origination(P))
    assert desk.speakers["r0"].speaker.config.maximum_paths == 1
    assert desk.view.plan == replace(new, name="running")
    assert desk.ask("apply", plan=pack(new)) == []
    assert [kind for kind, *_ in desk.events] == ["originated", "applied"]


def test_a_refused_plan_changes_nothing(desk: Desk) -> None:
    with pytest.raises(PlanError):
        desk.ask("apply", plan=pack(limited(line_plan(4), "r0")))
    assert desk.view.plan is LINE
    assert (desk.speakers.told, desk.events) == ([], [])


def test_a_lab_without_a_data_plane_takes_over_a_plan_without_its_tunnels(desk: Desk) -> None:
    plan = compile_topology(load_topology(find_topology("expressroute-vpn")))
    desk.view.plan = without_tunnels(plan)
    assert desk.ask("apply", plan=pack(replace(plan, description="new"))) == ["the description"]
    assert desk.view.plan.tunnels == ()
    desk.view.mechanisms.dataplane = "userspace"
    with pytest.raises(PlanError, match="tunnel conn-secure-0 at vpn1: added"):
        desk.ask("apply", plan=pack(plan))


def test_a_daemon_that_is_down_keeps_the_change_from_nobody(desk: Desk) -> None:
    desk.speakers.down = {"r0"}
    new = limited(LINE, "r0", "r1", "r2")
    with pytest.raises(BackendError, match="r0: its BGP daemon is not running"):
        desk.ask("apply", plan=pack(new))
    assert desk.speakers.told == [("r1", "configure"), ("r2", "configure")]
    assert desk.view.plan == new
    assert [desk.speakers[name].speaker for name in ("r0", "r1", "r2")] == list(new.speakers)


def test_routes_over_a_port_that_a_fault_holds_down_are_refused_and_nothing_changes(desk: Desk) -> None:
    route = StaticRoute("r0", P, ())
    desk.cut = {"r0"}
    with pytest.raises(InputError, match="static routes of r0 change, where a fault holds a port down"):
        desk.ask("apply", plan=pack(replace(LINE, static_routes=(route,))))
    assert (desk.view.plan, desk.events) == (LINE, [])
