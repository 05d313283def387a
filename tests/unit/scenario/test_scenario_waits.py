"""Waits come from the lab's timers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from running_builders import LAB_TIMERS, secured_plan

from lab.agent.bridge import ConnectRetry
from lab.bench.line import line_plan
from lab.bgp.speaker import Timers
from lab.plan.types import Plan
from lab.runtime.keeping import RETRY_S
from lab.scenario.kinds.base import LabTimer
from lab.scenario.kinds.session import SessionUp
from lab.scenario.kinds.tunnel import TunnelUp
from lab.scenario.waits import CONNECT_RETRY_S, MARGIN_S, TUNNEL_RETRY_S, waits_of

AZURE_TIMERS = Timers(keepalive=60, hold=180, restart=60)


def test_a_claim_may_take_as_long_as_a_session_takes_to_die_and_come_back() -> None:
    waits = waits_of(line_plan(2, timers=LAB_TIMERS))
    assert waits.claim.seconds == 10 + 5 + CONNECT_RETRY_S + MARGIN_S
    assert waits.tunnel.seconds == waits.claim.seconds + TUNNEL_RETRY_S


@pytest.mark.parametrize(
    ("timer", "seconds"), [(LabTimer.KEEPALIVE, 60), (LabTimer.HOLD, 180), (LabTimer.RESTART, 60)]
)
def test_an_absence_holds_for_a_timer_of_the_lab(timer: LabTimer, seconds: float) -> None:
    holding = waits_of(line_plan(2, timers=AZURE_TIMERS)).holding(timer)
    assert (holding.name, holding.seconds) == (timer.value, seconds)


def test_a_slow_host_gets_more_time_and_absences_stay_as_long_as_they_are() -> None:
    plan = line_plan(2, timers=LAB_TIMERS)
    slow = waits_of(plan, patience=2.5)
    assert slow.claim.seconds == 2.5 * waits_of(plan).claim.seconds
    assert slow.claim.name.startswith("2.5 times hold time 10 s")
    assert slow.holding(LabTimer.HOLD) == waits_of(plan).holding(LabTimer.HOLD)


def test_the_slowest_session_counts() -> None:
    quick, slow = line_plan(2, timers=LAB_TIMERS), line_plan(2, timers=AZURE_TIMERS)
    mixed = replace(quick, speakers=(quick.speakers[0], slow.speakers[1]))
    assert waits_of(mixed) == waits_of(slow)


def test_a_lab_without_sessions_waits_for_the_host_alone() -> None:
    waits = waits_of(Plan("none"))
    assert waits.claim.seconds == CONNECT_RETRY_S + MARGIN_S


def test_the_connect_retry_is_that_of_our_speakers() -> None:
    assert CONNECT_RETRY_S == ConnectRetry.LONGEST_S


def test_the_pause_between_two_tries_is_that_of_the_tunnels() -> None:
    assert TUNNEL_RETRY_S == RETRY_S
    assert waits_of(Plan("none")).holding(LabTimer.RETRY).seconds == RETRY_S


@pytest.mark.parametrize(("dpd", "noticed"), [(9, "hold time 10 s"), (45, "DPD timeout 45 s")])
def test_a_claim_about_a_tunnel_waits_until_a_silent_peer_is_noticed(dpd: int, noticed: str) -> None:
    plan = secured_plan()
    plan = replace(plan, tunnels=tuple(replace(end, dpd_timeout=dpd) for end in plan.tunnels))
    waits = waits_of(plan)
    assert waits.until(TunnelUp(node="vpn1", peer="vpngw-secure-0")) == waits.tunnel
    assert waits.tunnel.seconds == max(dpd, 10) + 5 + CONNECT_RETRY_S + TUNNEL_RETRY_S + MARGIN_S
    assert waits.tunnel.name.startswith(noticed)
    assert waits.until(SessionUp(node="vpn1", neighbor="vpngw-secure-0")) == waits.claim
    assert waits.claim.name.startswith("hold time 10 s")
