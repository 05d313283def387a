"""The agent between ExaBGP's peers, the engine, the FIB and the supervisor."""

from __future__ import annotations

import pickle
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from exabgp.protocol.family import AFI, SAFI

from lab.agent.adj_rib_out import AdjRibOutQueue
from lab.agent.agent import Agent
from lab.agent.bridge import ConnectRetry
from lab.agent.channel import Channel
from lab.agent.fib import MemoryFib
from lab.bgp.policy import REJECT_ALL
from lab.bgp.route import Asn, PathAttributes
from lab.bgp.speaker import Neighbor, Origination, SpeakerConfig, Timers

P, Q = ip_network("10.1.0.0/16"), ip_network("10.2.0.0/16")
CE1 = Neighbor("ce1", ip_address("192.0.2.1"), ip_address("192.0.2.2"), Asn(65001))
CE2 = Neighbor("ce2", ip_address("192.0.2.5"), ip_address("192.0.2.6"), Asn(65002))
CONFIG = SpeakerConfig(
    name="msee1",
    asn=Asn(12076),
    bgp_identifier=IPv4Address("10.255.0.1"),
    neighbors=(CE1, CE2),
    connected=(ip_network("192.0.2.0/30"), ip_network("192.0.2.4/30"), ip_network("198.51.100.0/24")),
)


def session(neighbor: Neighbor) -> tuple[str, str]:
    return str(neighbor.local_address), str(neighbor.peer_address)


class Reactor:
    """As much of a SpeakerReactor as an agent sees: its peers."""

    def __init__(self) -> None:
        self._peers = {session(neighbor): self._peer() for neighbor in CONFIG.neighbors}

    @staticmethod
    def _peer() -> Any:
        received_open = SimpleNamespace(router_id="10.0.0.9")
        return SimpleNamespace(
            neighbor=SimpleNamespace(
                rib=SimpleNamespace(outgoing=AdjRibOutQueue([(AFI.ipv4, SAFI.unicast)]))
            ),
            proto=SimpleNamespace(negotiated=SimpleNamespace(received_open=received_open)),
            fsm=SimpleNamespace(name=lambda: "ESTABLISHED"),
            stats={"send-update": 3, "receive-update": 4},
            held=lambda: False,
            _delay=ConnectRetry(),
        )

    def peer_of(self, session: tuple[str, str]) -> Any:
        return self._peers[session]


class Links:
    """The twin of LinkWatch: the test says when an interface comes up, loses its carrier or is gone, and
    which networks there are ways to."""

    up = False
    different = False
    lost: frozenset[Any] = frozenset()
    ways = frozenset(CONFIG.connected)

    def fileno(self) -> int:
        return 0

    def came_up(self) -> bool:
        up, self.up = self.up, False
        return up

    def changed(self) -> bool:
        different, self.different = self.different, False
        return different

    def networks(self) -> frozenset[Any]:
        return self.ways

    def cut(self) -> frozenset[Any]:
        lost, self.lost = self.lost, frozenset()
        return lost


@dataclass
class Cast:
    """An agent with a twin's FIB, and the supervisor's end of its channel."""

    agent: Agent
    reactor: Reactor
    fib: MemoryFib
    links: Links
    supervisor: Channel

    def up(self, *neighbors: Neighbor) -> None:
        for neighbor in neighbors:
            self.agent.session_up(session(neighbor))

    def announce(self, neighbor: Neighbor, *prefixes: Any, **attributes: Any) -> None:
        path = PathAttributes(neighbor.peer_address, (neighbor.peer_asn,), **attributes)
        self.agent.update(session(neighbor), {(path, 0): list(prefixes)}, [])

    def queued(self, neighbor: Neighbor) -> dict[Any, Any]:
        """What waits for the neighbour, taken as if it were sent: prefix to AS path or None."""
        queue = self.reactor.peer_of(session(neighbor)).neighbor.rib.outgoing
        return {
            prefix: update.attributes and update.attributes.as_path
            for update in queue.updates(True)
            for prefix, _ in update.keys
        }

    def events(self) -> list[dict[str, Any]]:
        self.agent.turn()
        return [message["event"] for message in self.supervisor.receive() if "event" in message]

    def ask(self, do: str, **details: Any) -> Any:
        self.supervisor.send({"request": 7, "do": do, **details})
        self.agent.turn()
        (answer,) = (each for each in self.supervisor.receive() if "reply" in each)
        assert answer["reply"] == 7
        return answer


@pytest.fixture
def cast() -> Iterator[Cast]:
    ours, theirs = socket.socketpair()
    fib, reactor, links = MemoryFib(CONFIG.connected[:2]), Reactor(), Links()
    agent = Agent(CONFIG, fib, links, Channel(theirs))
    agent.peers_ready(reactor)  # type: ignore[arg-type]
    with ours, theirs:
        yield Cast(agent, reactor, fib, links, Channel(ours))


def test_a_route_goes_into_the_fib_and_to_the_other_peers(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE1.peer_address,)}
    assert cast.queued(CE2) == {P: (12076, 65001)}
    assert cast.queued(CE1) == {}


def test_routes_the_kernel_dropped_are_written_again_when_an_interface_comes_up(cast: Cast) -> None:
    cast.up(CE1)
    cast.announce(CE1, P)
    cast.agent.turn()
    cast.fib.routes.clear()
    cast.agent.turn()
    assert cast.fib.routes == {}, "nothing has told of an interface"
    cast.links.up = True
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE1.peer_address,)}


def test_a_withdrawn_route_does_not_come_back_with_an_interface(cast: Cast) -> None:
    cast.up(CE1)
    cast.announce(CE1, P)
    cast.agent.turn()
    cast.agent.session_down(session(CE1), "hold timer expired")
    cast.links.up = True
    cast.agent.turn()
    assert cast.fib.routes == {}


def without(network: Any) -> frozenset[Any]:
    return frozenset(CONFIG.connected) - {network}


def test_with_an_interface_its_next_hops_go_and_the_others_are_written_again(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.announce(CE2, P)
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE1.peer_address, CE2.peer_address)}
    cast.fib.routes.clear()  # as a kernel does with a route one of whose interfaces is removed
    cast.links.different, cast.links.ways = True, without(CONFIG.connected[0])
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE2.peer_address,)}
    cast.links.different, cast.links.ways = True, Links.ways
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE1.peer_address, CE2.peer_address)}


def test_neighbors_hear_of_what_there_is_no_way_to_any_more_and_when_it_is_back(cast: Cast) -> None:
    """Sessions with it may stand all the while."""
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.queued(CE2)
    cast.links.different, cast.links.ways = True, without(CONFIG.connected[0])
    cast.agent.turn()
    assert cast.fib.routes == {}
    assert cast.queued(CE2) == {P: None}
    cast.links.different, cast.links.ways = True, Links.ways
    cast.agent.turn()
    assert cast.fib.routes == {P: (CE1.peer_address,)}
    assert cast.queued(CE2) == {P: (12076, 65001)}


def test_a_change_of_interfaces_that_lead_nowhere_changes_nothing(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.queued(CE2)
    cast.events()
    cast.links.different = True
    assert [event for event in cast.events() if event["kind"] == "fib"] == []
    assert cast.queued(CE2) == {}


def test_a_new_configuration_brings_no_way_back(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.links.different, cast.links.ways = True, without(CONFIG.connected[0])
    cast.agent.turn()
    cast.queued(CE2)
    config = replace(CONFIG, originations=(Origination(Q),))
    cast.ask("configure", config=b64encode(pickle.dumps(config)).decode())
    cast.agent.turn()
    assert (cast.fib.routes, cast.queued(CE2)) == ({}, {Q: (12076,)})


def test_what_the_operator_originated_outlives_an_interface(cast: Cast) -> None:
    cast.up(CE2)
    cast.ask("originate", prefixes=[str(Q)], communities=[], as_path=[])
    cast.links.different, cast.links.ways = True, without(CONFIG.connected[0])
    cast.agent.turn()
    assert cast.queued(CE2) == {Q: (12076,)}


def test_a_lost_session_takes_its_routes_away(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.queued(CE2)
    cast.agent.session_down(session(CE1), "hold timer expired")
    cast.agent.turn()
    assert cast.fib.routes == {}
    assert cast.queued(CE2) == {P: None}


def test_the_fib_is_written_once_a_turn_with_the_last_word(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P, Q)
    cast.agent.update(session(CE1), {}, [(P, 0)])
    assert cast.fib.routes == {}
    (change,) = [event for event in cast.events() if event["kind"] == "fib"]
    assert (change["installed"], change["removed"], change["refused"]) == ([str(Q)], [str(P)], {})
    assert cast.fib.routes == {Q: (CE1.peer_address,)}


def test_a_route_refresh_queues_the_whole_adj_rib_out_again(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P, Q)
    before = cast.queued(CE2)
    assert cast.queued(CE2) == {}
    cast.agent.route_refresh(session(CE2))
    assert cast.queued(CE2) == before == {P: (12076, 65001), Q: (12076, 65001)}
    assert cast.queued(CE1) == {}
    assert ("route-refresh", "ce2") in [(event["kind"], event.get("neighbor")) for event in cast.events()]


def test_a_route_refresh_before_the_session_is_up_sends_nothing(cast: Cast) -> None:
    cast.up(CE1)
    cast.announce(CE1, P)
    cast.agent.route_refresh(session(CE2))
    assert cast.queued(CE2) == {}


def test_an_agent_is_idle_when_all_is_written_and_sent(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.agent.turn()
    assert not cast.agent.status()["idle"]
    cast.queued(CE2)
    assert cast.agent.status()["idle"]
    cast.announce(CE1, Q)
    cast.queued(CE2)
    assert not cast.agent.status()["idle"]
    cast.agent.turn()
    assert cast.agent.status()["idle"]


def test_the_status_has_the_counters_of_every_session(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P, Q)
    ce1, ce2 = cast.ask("status")["answer"]["sessions"]
    assert (ce1["neighbor"], ce1["state"], ce1["prefixes_received"]) == ("ce1", "established", 2)
    assert (ce2["prefixes_advertised"], ce2["updates_sent"], ce2["updates_received"]) == (2, 3, 4)


def test_what_the_kernel_refuses_is_in_the_status_until_it_is_withdrawn(cast: Cast) -> None:
    cast.up(CE1)
    third_party = PathAttributes(ip_address("198.51.100.7"), (CE1.peer_asn,))
    cast.agent.update(session(CE1), {(third_party, 0): [P]}, [])
    cast.agent.turn()
    assert cast.agent.status()["fib_refused"] == {str(P): "Network is unreachable"}
    cast.agent.update(session(CE1), {}, [(P, 0)])
    cast.agent.turn()
    assert cast.agent.status()["fib_refused"] == {}


def test_end_of_rib_is_remembered_until_the_session_ends(cast: Cast) -> None:
    cast.up(CE1)
    cast.agent.end_of_rib(session(CE1))
    assert cast.agent.status()["sessions"][0]["end_of_rib"]
    cast.agent.session_down(session(CE1), "hold timer expired")
    first = cast.agent.status()["sessions"][0]
    assert (first["end_of_rib"], first["last_error"]) == (False, "hold timer expired")


def test_it_is_counted_how_often_a_session_came_up(cast: Cast) -> None:
    assert cast.agent.status()["sessions"][0]["established_transitions"] == 0
    cast.up(CE1)
    cast.agent.session_down(session(CE1), "hold timer expired")
    cast.up(CE1)
    counted = [each["established_transitions"] for each in cast.agent.status()["sessions"]]
    assert counted == [2, 0]


def test_a_session_that_never_came_up_failed(cast: Cast) -> None:
    cast.agent.session_down(session(CE1), "connection refused")
    (event,) = cast.events()
    assert (event["kind"], event["neighbor"], event["reason"]) == (
        "session-failed",
        "ce1",
        "connection refused",
    )


def test_what_is_originated_by_request_is_queued_when_it_is_answered(cast: Cast) -> None:
    cast.up(CE1, CE2)
    behind = {"as_path": [65099], "communities": [(12076 << 16) + 5]}
    assert cast.ask("originate", prefixes=[str(P), str(Q)], **behind) == {"reply": 7, "answer": None}
    assert cast.queued(CE1) == {P: (12076, 65099), Q: (12076, 65099)}
    (route,) = cast.ask("routes", prefix=str(P))["answer"]
    assert (route["peer"], route["communities"]) == ("local", ["12076:5"])
    cast.ask("withdraw", prefixes=[str(P)])
    assert cast.queued(CE1) == {P: None}


def test_a_new_configuration_holds_for_routes_that_were_there_before(cast: Cast) -> None:
    cast.up(CE1, CE2)
    cast.announce(CE1, P)
    cast.queued(CE2)
    refusing = replace(CE2, export_policy=REJECT_ALL, timers=Timers(restart=3))
    config = replace(CONFIG, neighbors=(CE1, refusing), originations=(Origination(Q),))
    packed = b64encode(pickle.dumps(config)).decode()
    assert cast.ask("configure", config=packed) == {"reply": 7, "answer": None}
    assert cast.queued(CE2) == {P: None}
    assert cast.queued(CE1) == {Q: (12076,)}
    assert cast.ask("status")["answer"]["sessions"][1]["state"] == "established"


def test_a_new_limit_drops_a_session_that_is_over_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[tuple[int, float]] = []
    monkeypatch.setattr(
        "lab.agent.agent.hold_down", lambda _peer, subcode, seconds: dropped.append((subcode, seconds))
    )
    cast.up(CE1)
    cast.announce(CE1, P, Q)
    limited = replace(CE1, max_prefixes=1, timers=Timers(restart=3))
    config = replace(CONFIG, neighbors=(limited, CE2))
    cast.ask("configure", config=b64encode(pickle.dumps(config)).decode())
    assert dropped == [(1, 3)]


def test_an_unknown_request_is_answered_too(cast: Cast) -> None:
    assert cast.ask("dance") == {"reply": 7, "error": "unknown request 'dance'"}


def test_the_agent_ends_with_its_supervisor(cast: Cast) -> None:
    cast.supervisor.close()
    with pytest.raises(SystemExit) as ended:
        cast.agent.turn()
    assert ended.value.code == 0


@pytest.mark.parametrize(("ttl", "falls"), [(1, True), (None, False)])
def test_a_session_of_one_hop_ends_with_the_carrier(cast: Cast, ttl: int | None, falls: bool) -> None:
    one_hop = replace(CONFIG, neighbors=tuple(replace(each, ttl=ttl) for each in CONFIG.neighbors))
    cast.ask("configure", config=b64encode(pickle.dumps(one_hop)).decode())
    cast.up(CE1, CE2)
    dropped: list[Any] = []
    for each in CONFIG.neighbors:
        cast.reactor.peer_of(session(each))._reset = dropped.append
    cast.links.lost = frozenset({CE1.local_address})
    cast.agent.turn()
    assert dropped == (["the interface lost its carrier"] if falls else [])
