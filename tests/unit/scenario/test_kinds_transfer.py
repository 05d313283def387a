"""Judging transfers: what came of connections in, a Sight out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest
from running_builders import PLAN, FakeTime, memory_lab

from lab.probe.flows import Flow
from lab.probe.transfer import FIRST_SOURCE_PORT, PORT, Connection, Fate, TransferResult
from lab.scenario.kinds.base import LabTimer, Sight
from lab.scenario.kinds.transfer import NoTransfer, TransferDone
from lab.scenario.memory import MemoryLab
from lab.scenario.runner import Runner

ENDS: dict[str, Any] = {"source": "r0", "destination": "10.255.0.3"}
LENGTH = 1000

INTACT = Connection(Fate.INTACT, sent=LENGTH, arrived=LENGTH, segment=1448)
STALLED = Connection(Fate.STALLED, sent=900, arrived=100, segment=1338, resent=3)
ALTERED = replace(INTACT, fate=Fate.ALTERED)
BROKEN = replace(STALLED, fate=Fate.BROKEN, reason="Connection reset by peer")
UNFINISHED = replace(STALLED, fate=Fate.UNFINISHED)
UNANSWERED = Connection(Fate.UNANSWERED)
REFUSED = Connection(Fate.REFUSED, reason="No route to host")
ALL = (INTACT, STALLED, ALTERED, BROKEN, UNFINISHED, UNANSWERED, REFUSED)


def done(*connections: Connection) -> Sight:
    return TransferDone(**ENDS, bytes=LENGTH).judge(TransferResult(connections, 0.25))


def absent(*connections: Connection, connects: bool | None = None) -> Sight:
    claim = NoTransfer(**ENDS, bytes=LENGTH, connects=connects, holds_for=LabTimer.KEEPALIVE)
    return claim.judge(TransferResult(connections, 3.0))


def test_every_fate_is_judged_here() -> None:
    assert {one.fate for one in ALL} == set(Fate)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.fate.value)
def test_a_transfer_is_done_when_every_connection_carried_all(one: Connection) -> None:
    assert done(INTACT, one).holds is (one is INTACT)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.fate.value)
def test_a_transfer_is_absent_when_no_connection_gets_through_or_goes_on(one: Connection) -> None:
    assert absent(STALLED, one).holds is (one in (STALLED, BROKEN, UNANSWERED, REFUSED))


@pytest.mark.parametrize(
    ("connects", "one", "holds"),
    [
        (True, STALLED, True),
        (True, BROKEN, True),
        (True, UNANSWERED, False),
        (True, REFUSED, False),
        (True, INTACT, False),
        (False, UNANSWERED, True),
        (False, REFUSED, True),
        (False, STALLED, False),
        (False, BROKEN, False),
    ],
)
def test_an_absence_may_say_whether_connections_are_made(
    connects: bool, one: Connection, holds: bool
) -> None:
    assert absent(one, connects=connects).holds is holds


def test_all_connections_end_where_they_are_said_to() -> None:
    assert not absent(STALLED, UNANSWERED, connects=True).holds
    assert not absent(STALLED, UNANSWERED, connects=False).holds


def test_only_what_arrives_altered_is_final() -> None:
    assert [one.fate for one in ALL if done(one).final] == [Fate.ALTERED]


def test_what_is_alike_is_told_once_and_added_up() -> None:
    assert done(INTACT, INTACT).seen == (
        "2 connections carried all in 0.25 s: 2000 bytes arrived as sent, in segments of 1448 bytes"
    )
    assert done(STALLED, INTACT, STALLED).seen.splitlines() == [
        "2 connections stalled, nothing arriving for 3 s: 200 of 2000 bytes arrived, 1800 were sent, "
        "in segments of 1338 bytes, 6 segments sent again",
        "1 connection carried all in 0.25 s: 1000 bytes arrived as sent, in segments of 1448 bytes",
    ]
    assert done(REFUSED, UNANSWERED, BROKEN).seen.splitlines() == [
        "1 connection could not be made (No route to host)",
        "1 connection got no answer for 3 s",
        "1 connection broke off (Connection reset by peer): 100 of 1000 bytes arrived, 900 were sent, "
        "in segments of 1338 bytes, 3 segments sent again",
    ]
    assert "something else than was sent: 1000 of 1000 bytes arrived" in done(ALTERED).seen
    assert "went on after 60 s" in done(UNFINISHED).seen


@dataclass
class Traced(MemoryLab):
    """Keeps what was traced."""

    flows_traced: list[Flow] = field(default_factory=list)

    def trace(self, flow: Flow) -> str | None:
        self.flows_traced.append(flow)
        return "r1 has no route"


@pytest.mark.parametrize(("of", "size"), [((STALLED, UNANSWERED), 1390), ((UNANSWERED,), None)])
def test_the_broken_link_is_that_of_full_segments_where_there_are_connections(
    of: tuple[Connection, ...], size: int | None
) -> None:
    lab = Traced(PLAN, transferred=TransferResult(of, 3.0))
    verdict = Runner(lab, FakeTime().clock, patience=0.01).expect(TransferDone(**ENDS, bytes=LENGTH))
    assert (verdict.holds, verdict.broken_link) == (False, "r1 has no route")
    (flow,) = lab.flows_traced
    assert (flow.source, flow.destination) == ("r0", ip_address(ENDS["destination"]))
    assert (flow.protocol, flow.source_port, flow.destination_port) == ("tcp", FIRST_SOURCE_PORT, PORT)
    assert flow.size == size


def test_claims_say_what_is_carried_and_how() -> None:
    runner = Runner(memory_lab(), FakeTime().clock, patience=0.01)
    verdict = runner.expect(TransferDone(**ENDS, port=443, ports=2, mss=1250))
    assert verdict.holds
    assert verdict.claim == (
        "r0 transfers 1000000 bytes to 10.255.0.3 port 443 by 2 connections with an MSS of 1250"
    )
    absence = runner.expect(NoTransfer(**ENDS, connects=True, holds_for=LabTimer.KEEPALIVE))
    assert not absence.holds
    assert absence.claim == (
        "r0 does not transfer 1000000 bytes to 10.255.0.3 by 8 connections: connections are made, and stall"
    )
