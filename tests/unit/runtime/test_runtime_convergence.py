"""When a lab counts as converged: pure, from what its speakers say."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from lab.bgp.route import Asn
from lab.bgp.speaker import Neighbor, SpeakerConfig
from lab.plan.types import Plan, Speaker
from lab.runtime.convergence import Observation, converged, expected_sessions, observe, settled

ASNS = {"ce1": 65001, "ce2": 65002, "msee1": 12076}
SESSIONS = {"ce1": ["msee1"], "ce2": ["msee1"], "msee1": ["ce1", "ce2"]}
EXPECTED = {("ce1", "msee1"), ("ce2", "msee1"), ("msee1", "ce1"), ("msee1", "ce2")}


def _speaker(name: str) -> Speaker:
    neighbors = tuple(
        Neighbor(far, ip_address("192.0.2.1"), ip_address("192.0.2.2"), Asn(ASNS[far]))
        for far in SESSIONS[name]
    )
    return Speaker(name, SpeakerConfig(name, Asn(ASNS[name]), IPv4Address("10.255.0.1"), neighbors))


PLAN = Plan("test", speakers=tuple(_speaker(name) for name in SESSIONS))


def session(near: str, far: str, **changes: Any) -> dict[str, Any]:
    usual = {"state": "established", "end_of_rib": True, "updates_sent": 2, "updates_received": 2}
    return {"neighbor": far, "local_address": f"{near}-{far}", "peer_address": f"{far}-{near}"} | (
        usual | changes
    )


def statuses(*without: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """All is well, but for ``changes`` to msee1's session with ce1 and for ``idle`` of ce2."""
    idle = changes.pop("idle", True)
    all_well: dict[str, dict[str, Any]] = {
        "ce1": {"sessions": [session("ce1", "msee1")], "idle": True},
        "ce2": {"sessions": [session("ce2", "msee1")], "idle": idle},
        "msee1": {"sessions": [session("msee1", "ce1", **changes), session("msee1", "ce2")], "idle": True},
    }
    return {name: status for name, status in all_well.items() if name not in without}


# --- one look ---


def test_when_all_is_well_nothing_is_missing() -> None:
    assert observe(PLAN, statuses()) == Observation(missing=(), idle=True, sent=8, received=8)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"state": "active"}, "msee1 - ce1: active"),
        ({"state": "open-confirm", "end_of_rib": False}, "msee1 - ce1: open-confirm"),
        ({"end_of_rib": False}, "msee1 - ce1: no end-of-RIB yet"),
    ],
    ids=["down", "half up", "not all sent"],
)
def test_a_session_that_is_not_complete_is_missing(changes: dict[str, Any], missing: str) -> None:
    assert observe(PLAN, statuses(**changes)).missing == (missing,)


def test_a_daemon_that_does_not_answer_is_missing() -> None:
    seen = observe(PLAN, statuses("ce2"))
    assert seen.missing == ("ce2: BGP daemon does not answer",)
    assert (seen.sent, seen.received) == (6, 6)


def test_nobody_answering_is_not_convergence() -> None:
    seen = observe(PLAN, {})
    assert len(seen.missing) == 3
    assert not converged(seen, seen)


def test_one_busy_speaker_makes_the_lab_busy() -> None:
    assert not observe(PLAN, statuses(idle=False)).idle


def test_updates_are_counted_over_all_sessions_of_all_speakers() -> None:
    seen = observe(PLAN, statuses(updates_sent=10, updates_received=5))
    assert (seen.sent, seen.received) == (16, 11)


def test_sessions_that_cannot_come_up_are_not_waited_for() -> None:
    plan = replace(PLAN, expected_down=(("msee1", "ce1"),))
    assert observe(plan, statuses(state="idle", end_of_rib=False)).missing == ()
    assert observe(PLAN, statuses(state="idle", end_of_rib=False)).missing == ("msee1 - ce1: idle",)


def test_every_planned_session_is_expected_but_those() -> None:
    assert expected_sessions(PLAN) == EXPECTED
    down = (("msee1", "ce1"), ("ce1", "msee1"))
    assert expected_sessions(replace(PLAN, expected_down=down)) == EXPECTED - set(down)


def test_a_lab_without_speakers_has_converged() -> None:
    seen = observe(Plan("empty"), {})
    assert converged(seen, seen)


def test_updates_of_sessions_that_are_down_do_not_count() -> None:
    seen = observe(PLAN, statuses(state="idle", updates_sent=9, updates_received=7))
    assert (seen.sent, seen.received) == (6, 6)


def test_a_session_that_is_up_at_one_end_only_is_motion() -> None:
    assert not observe(PLAN, statuses(state="idle")).idle
    assert not observe(PLAN, statuses("ce2")).idle
    cut = statuses(state="active")
    cut["ce1"]["sessions"][0]["state"] = "connect"
    assert observe(PLAN, cut).idle


def test_a_lab_settles_whatever_is_missing() -> None:
    cut = statuses(state="active")
    cut["ce1"]["sessions"][0]["state"] = "connect"
    seen = observe(PLAN, cut)
    assert len(seen.missing) == 2
    assert settled(seen, seen)
    assert not converged(seen, seen)
    assert not settled(seen, replace(seen, sent=seen.sent + 1))
    assert not settled(replace(seen, idle=False), seen)


# --- two looks: the four counters ---

QUIET = Observation((), True, 8, 8)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (QUIET, QUIET, True),
        (replace(QUIET, sent=9), QUIET, False),
        (QUIET, replace(QUIET, sent=9), False),
        (replace(QUIET, received=7), QUIET, False),
        (QUIET, replace(QUIET, received=7), False),
        (replace(QUIET, sent=9), replace(QUIET, sent=9), False),
        (QUIET, replace(QUIET, sent=9, received=9), False),
        (replace(QUIET, sent=9, received=7), replace(QUIET, sent=9, received=9), False),
        (replace(QUIET, idle=False), QUIET, False),
        (QUIET, replace(QUIET, idle=False), False),
        (replace(QUIET, missing=("ce1 - msee1: active",)), QUIET, False),
        (QUIET, replace(QUIET, missing=("ce1 - msee1: active",)), False),
        (replace(QUIET, sent=0, received=0), replace(QUIET, sent=0, received=0), True),
    ],
    ids=[
        "quiet twice",
        "one was under way",
        "one is under way",
        "one had not arrived",
        "fewer received than before",
        "one takes its time",
        "one came and went between the looks",
        "two were under way and arrived",
        "was busy",
        "is busy",
        "was missing a session",
        "is missing a session",
        "nothing was ever sent",
    ],
)
def test_convergence_is_the_same_quiet_picture_twice(
    first: Observation, second: Observation, verdict: bool
) -> None:
    assert converged(first, second) is verdict


def test_a_look_that_counted_a_message_twice_cannot_deceive() -> None:
    """The looks are not snapshots: one UPDATE sent after its sender was asked and received
    before its receiver was, and one the other way round, make equal sums."""
    deceived = observe(PLAN, statuses(updates_sent=3, updates_received=3))
    later = observe(PLAN, statuses(updates_sent=4, updates_received=4))
    assert deceived.sent == deceived.received
    assert not converged(deceived, later)
