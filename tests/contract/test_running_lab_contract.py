"""The RunningLab protocol, held by the real one and by its twin in memory alike."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from lab.errors import InputError
from lab.fault.catalogue import FaultSpec, LinkDown, NodeDown
from lab.model.load import load_document
from lab.model.shipped import find_topology
from lab.probe.stream import Stream
from lab.probe.transfer import OPTIONS, Fate, Transfer
from lab.runtime.names import DOCKER
from lab.scenario.memory import MemoryLab
from lab.scenario.running import RunningLab
from lab.scenario.stage import Stage, stage_of
from lab.scenario.trial import lab_of, unique_name
from lab.timing import CONVERGENCE, Budget, wait_until

if TYPE_CHECKING:
    from lab.runtime.docker.engine import Engine

TOPOLOGY = "expressroute-basic"
EDGE, MSEE = "ce1/core", "msee1/private"
MSEE_ADDRESS, NOBODY = "192.168.100.130", "10.1.255.99"
VNET = "10.17.0.0/16"
OURS = "10.99.0.0/24"

SECURED = "expressroute-vpn"
DEVICE, INSTANCE = "vpn1", "vpngw-secure-0"

SOON = Budget("test-soon", 20.0)


def stage(topology: str = TOPOLOGY) -> Stage:
    document, problems = load_document(find_topology(topology))
    return stage_of(document, problems)


@pytest.fixture(scope="module")
def live() -> Iterator[RunningLab]:
    with lab_of(stage(), unique_name("test-contract"), CONVERGENCE) as ours:
        yield ours.running


@pytest.fixture(scope="module")
def contained(containers: Engine) -> Iterator[RunningLab]:
    with lab_of(stage(), unique_name("test-contained"), CONVERGENCE, backend=DOCKER) as ours:
        yield ours.running


@pytest.fixture(scope="module")
def memory() -> RunningLab:
    session = {
        "neighbor": MSEE,
        "state": "established",
        "end_of_rib": True,
        "held_down": False,
        "established_transitions": 1,
        "last_error": None,
        "prefixes_received": 1,
        "prefixes_accepted": 1,
        "prefixes_advertised": 1,
    }
    learned = {
        "prefix": VNET,
        "best": True,
        "multipath": True,
        "peer": MSEE,
        "weight": 0,
        "next_hop": MSEE_ADDRESS,
        "as_path": [12076],
        "local_pref": 100,
        "med": None,
        "communities": [],
        "reason": "external",
    }
    received = {"peer": MSEE, "accepted": True, "explanation": "accepted by import policy accept-all"}
    exported = {"peer": MSEE, "advertised": False, "explanation": f"{MSEE} is where the route was learned"}
    hop = {"gateway": MSEE_ADDRESS, "interface": "to-msee1", "weight": 1}
    return MemoryLab(
        stage().plan,
        sessions_of={EDGE: [session]},
        routes_of={EDGE: [learned]},
        whys={
            (EDGE, VNET): {
                "prefix": VNET,
                "received": [received],
                "decision": {"best": MSEE, "steps": []},
                "fib": {"explanation": f"via {MSEE_ADDRESS}"},
                "exports": [exported],
            }
        },
        fibs={EDGE: [{"prefix": VNET, "protocol": "bgp (mseelab)", "type": "unicast", "next_hops": [hop]}]},
        answering={EDGE: {MSEE_ADDRESS}},
        changes=["the description"],
    )


CONTAINED = (pytest.mark.lab, pytest.mark.docker)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("live", marks=pytest.mark.lab),
        pytest.param("contained", marks=CONTAINED),
    ]
)
def lab(request: pytest.FixtureRequest) -> RunningLab:
    running: RunningLab = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="module")
def secured_live() -> Iterator[RunningLab]:
    with lab_of(stage(SECURED), unique_name("test-tunnels"), CONVERGENCE) as ours:
        if ours.ready.facts["dataplane"] is None:
            pytest.skip("this host carries no IPsec tunnels")
        yield ours.running


@pytest.fixture(scope="module")
def secured_memory() -> RunningLab:
    plan = stage(SECURED).plan
    end = next(each for each in plan.tunnels if (each.namespace, each.peer) == (DEVICE, INSTANCE))
    carried = dict.fromkeys(("bytes_in", "bytes_out", "packets_in", "packets_out"), 100)
    told = {
        "name": end.name,
        "node": end.namespace,
        "peer": end.peer,
        "state": "established",
        "ike_proposal": "AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
        "esp_proposal": "AES_GCM_16/256",
        "local_selectors": ["0.0.0.0/0"],
        "remote_selectors": ["0.0.0.0/0"],
        "problem": None,
    }
    return MemoryLab(plan, tunnels_of={DEVICE: [told | carried], "dmz1": []})


@pytest.fixture(params=["secured_memory", pytest.param("secured_live", marks=pytest.mark.lab)])
def secured(request: pytest.FixtureRequest) -> RunningLab:
    running: RunningLab = request.getfixturevalue(request.param)
    return running


def _named(sessions: list[dict[str, Any]], neighbor: str) -> dict[str, Any]:
    return next(each for each in sessions if each["neighbor"] == neighbor)


def _routes(lab: RunningLab, prefix: str) -> list[dict[str, Any]]:
    return [route for route in lab.routes(EDGE) if route["prefix"] == prefix]


def test_a_session_says_its_state_counts_and_last_error(lab: RunningLab) -> None:
    session = _named(lab.sessions(EDGE), MSEE)
    assert (session["state"], session["end_of_rib"], session["last_error"]) == ("established", True, None)
    assert (session["held_down"], session["established_transitions"]) == (False, 1)
    assert session["prefixes_received"] == session["prefixes_accepted"] == 1


def test_a_route_says_all_that_can_be_claimed_of_it(lab: RunningLab) -> None:
    route = next(route for route in _routes(lab, VNET) if route["best"])
    assert (route["peer"], route["next_hop"], route["as_path"]) == (MSEE, MSEE_ADDRESS, [12076])
    assert (route["communities"], route["local_pref"], route["weight"]) == ([], 100, 0)
    assert route["reason"] == "external"


def test_a_tunnel_says_all_that_can_be_claimed_of_it(secured: RunningLab) -> None:
    (end,) = [each for each in secured.tunnels(DEVICE) if each["peer"] == INSTANCE]
    assert (end["name"], end["node"]) == ("conn-secure-0", DEVICE)
    assert (end["state"], end["problem"]) == ("established", None)
    assert end["ike_proposal"] == "AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024"
    assert end["esp_proposal"] == "AES_GCM_16/256"
    assert end["local_selectors"] == end["remote_selectors"] == ["0.0.0.0/0"]
    assert min(end[each] for each in ("bytes_in", "bytes_out", "packets_in", "packets_out")) > 0


def test_no_tunnel_ends_at_most_nodes(secured: RunningLab) -> None:
    assert secured.tunnels("dmz1") == []
    with pytest.raises(InputError, match="no-such-node"):
        secured.tunnels("no-such-node")


def test_why_follows_a_route_from_import_to_export(lab: RunningLab) -> None:
    why = lab.why(EDGE, VNET)
    received = next(path for path in why["received"] if path["peer"] == MSEE)
    assert received["accepted"] is True
    assert "accepted by import policy" in received["explanation"]
    assert why["decision"]["best"] == MSEE
    assert why["fib"]["explanation"] == f"via {MSEE_ADDRESS}"
    back = next(export for export in why["exports"] if export["peer"] == MSEE)
    assert back["advertised"] is False
    assert "learned" in back["explanation"]


def test_why_of_the_unknown_is_nothing(lab: RunningLab) -> None:
    why = lab.why(EDGE, "203.0.113.0/24")
    assert (why["prefix"], why["received"], why["decision"]) == (None, [], None)


def test_the_kernel_says_its_next_hops(lab: RunningLab) -> None:
    entry = next(entry for entry in lab.fib(EDGE) if entry["prefix"] == VNET)
    assert [hop["gateway"] for hop in entry["next_hops"]] == [MSEE_ADDRESS]
    assert entry["next_hops"][0]["interface"]


def test_who_answers_gets_an_entry_and_who_does_not_gets_none_with_an_address(lab: RunningLab) -> None:
    def entry(address: str) -> dict[str, Any] | None:
        entries = lab.neighbors(EDGE, asking_for=address)
        return next((each for each in entries if each["address"] == address), None)

    resolved = wait_until(
        "it answers", lambda: entry(MSEE_ADDRESS), lambda each: bool(each and each["mac"]), SOON
    )
    assert resolved is not None
    assert resolved["state"] not in ("incomplete", "failed")
    silent = wait_until("it was asked for", lambda: entry(NOBODY), bool, SOON)
    assert silent is not None
    assert silent["mac"] is None
    assert silent["state"] in ("incomplete", "failed")


def test_what_cannot_even_be_asked_for_is_no_error(lab: RunningLab) -> None:
    lab.neighbors(EDGE, asking_for="2001:db8::1")


def test_nothing_is_wrong_with_a_session_that_is_up(lab: RunningLab) -> None:
    assert lab.diagnose(EDGE, MSEE) == []


def test_a_prefix_comes_as_announced_and_goes_when_taken_back(lab: RunningLab) -> None:
    lab.originate(EDGE, [OURS], [64999, 64998], ["12076:51026"])
    (route,) = wait_until("it is there", lambda: _routes(lab, OURS), bool, SOON)
    assert (route["peer"], route["as_path"], route["communities"]) == (
        "local",
        [64999, 64998],
        ["12076:51026"],
    )
    assert route["best"] is True
    lab.originate(EDGE, [OURS], [], [])
    (again,) = wait_until(
        "it is another", lambda: _routes(lab, OURS), lambda routes: routes[0]["as_path"] == [], SOON
    )
    assert again["communities"] == []
    lab.withdraw(EDGE, [OURS])
    wait_until("it is gone", lambda: _routes(lab, OURS), lambda routes: not routes, SOON)


def test_what_is_not_announced_cannot_be_taken_back(lab: RunningLab) -> None:
    with pytest.raises(InputError, match="203.0.113.0/24"):
        lab.withdraw(EDGE, ["203.0.113.0/24"])


def test_a_lab_at_rest_has_settled(lab: RunningLab) -> None:
    wait_until("it settles", lab.settled, bool, SOON)


def test_a_change_says_what_it_changed(lab: RunningLab) -> None:
    assert lab.change({}) == []
    assert lab.change({"description": "another one"}) == ["the description"]


@pytest.mark.lab
def test_changes_add_up(live: RunningLab) -> None:
    live.change({"description": "the first change"})
    premium = {"express_route_circuits": {"er-seattle": {"sku": {"tier": "Premium"}}}}
    assert not [change for change in live.change(premium) if "description" in change]
    assert live.plan.description == "the first change"


def test_a_flow_gets_through_both_ways(lab: RunningLab) -> None:
    lab.start_flow(Stream("through", EDGE, ip_address(MSEE_ADDRESS), ports=2))
    lab.mark_flows()
    seen = wait_until(
        "a packet has come back",
        lambda: lab.flow("through"),
        lambda report: report.recent["return"].tally.arrived > 0,
        SOON,
    )
    for passages in (seen.total, seen.recent):
        assert [passage.silent_since for passage in passages.values()] == [None, None]
        assert [passage.tally.lost for passage in passages.values()] == [0, 0]
    assert seen.total["forward"].ports == 2
    assert seen.at > seen.started
    assert [report.stream.name for report in lab.flows()] == ["through"]
    with pytest.raises(InputError, match="there is a flow through already"):
        lab.start_flow(Stream("through", EDGE, ip_address(MSEE_ADDRESS)))


def test_bytes_arrive_as_they_were_sent(lab: RunningLab) -> None:
    carried = lab.transfer(Transfer(EDGE, ip_address(MSEE_ADDRESS), ports=3, length=50_000, mss=1000))
    assert [one.fate for one in carried.connections] == [Fate.INTACT] * 3
    assert {(one.sent, one.arrived, one.reason) for one in carried.connections} == {(50_000, 50_000, None)}
    assert {one.segment for one in carried.connections} == {1000 - OPTIONS}
    again = lab.transfer(Transfer(EDGE, ip_address(MSEE_ADDRESS), ports=3, length=1))
    assert [one.arrived for one in again.connections] == [1, 1, 1], "its ports are free again"


def test_a_transfer_has_two_ends(lab: RunningLab) -> None:
    with pytest.raises(InputError, match="no-such-node"):
        lab.transfer(Transfer("no-such-node", ip_address(MSEE_ADDRESS)))
    with pytest.raises(InputError, match="the address of 0 nodes"):
        lab.transfer(Transfer(EDGE, ip_address(NOBODY)))


def test_a_flow_has_two_ends_and_a_name(lab: RunningLab) -> None:
    with pytest.raises(InputError, match="no-such-node"):
        lab.start_flow(Stream("lost", "no-such-node", ip_address(MSEE_ADDRESS)))
    with pytest.raises(InputError, match="the address of 0 nodes"):
        lab.start_flow(Stream("lost", EDGE, ip_address(NOBODY)))
    with pytest.raises(InputError, match="there is no flow lost"):
        lab.flow("lost")


@pytest.mark.parametrize("ask", ["sessions", "routes", "fib", "neighbors"])
def test_an_unknown_node_is_refused(lab: RunningLab, ask: str) -> None:
    with pytest.raises(InputError, match="no-such-node"):
        getattr(lab, ask)("no-such-node")


def test_an_unknown_neighbor_is_refused(lab: RunningLab) -> None:
    with pytest.raises(InputError, match="no-such-neighbor"):
        lab.diagnose(EDGE, "no-such-neighbor")


CUT = FaultSpec(name="cut", link_down=LinkDown(link="app1--core1"))


def test_what_is_broken_is_mended_by_its_name(lab: RunningLab) -> None:
    assert lab.apply_fault(CUT.fault(lab.plan)) == "cut"
    with pytest.raises(InputError, match="that is so already"):
        lab.apply_fault(FaultSpec(link_down=CUT.link_down).fault(lab.plan))
    with pytest.raises(InputError, match="a fault cut is applied already"):
        lab.apply_fault(FaultSpec(name="cut", node_down=NodeDown(node="core1")).fault(lab.plan))
    lab.clear_fault("cut")
    with pytest.raises(InputError, match="no fault cut is applied"):
        lab.clear_fault("cut")


def test_a_fault_without_a_name_is_called_by_its_kind(lab: RunningLab) -> None:
    assert lab.apply_fault(FaultSpec(link_down=CUT.link_down).fault(lab.plan)) == "link_down"
    lab.clear_fault("link_down")
