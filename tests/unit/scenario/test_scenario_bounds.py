"""Bounds of interruptions come from the lab's timers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from running_builders import LAB_TIMERS
from scenario_builders import SESSION, loaded

from lab.bench.line import line_plan
from lab.bgp.speaker import Timers
from lab.plan.types import Plan
from lab.scenario.bounds import CLOCK_STEP_S, REACTION_S, Cause, at_least, at_most
from lab.scenario.waits import CONNECT_RETRY_S
from lab.timing import TUNNEL_RETRY_S

AZURE_TIMERS = Timers(keepalive=60, hold=180, restart=60)
LINE = line_plan(2, timers=LAB_TIMERS)


@pytest.mark.parametrize(
    ("causes", "least", "most"),
    [
        ([Cause.CARRIER], 0, 0),
        ([Cause.HOLD], 10 - 3 - CLOCK_STEP_S, 10),
        ([Cause.RESTART], 5, 5),
        ([Cause.HOLD, Cause.CONNECT_RETRY], 10 - 3 - CLOCK_STEP_S, 10 + CONNECT_RETRY_S),
    ],
)
def test_causes_come_one_after_the_other_and_from_above_with_a_reaction(
    causes: list[Cause], least: float, most: float
) -> None:
    assert at_least(LINE, causes).seconds == least
    assert at_most(LINE, causes).seconds == most + REACTION_S


def test_a_bound_says_what_it_is_made_of() -> None:
    bound = at_most(LINE, [Cause.HOLD, Cause.CONNECT_RETRY])
    assert bound.name == "hold time 10 s, connect retry 2 s, reaction 3 s"
    assert at_least(LINE, [Cause.HOLD]).name == "hold time 6 s"


def test_the_quickest_session_counts_from_below_and_the_slowest_from_above() -> None:
    slow = line_plan(2, timers=AZURE_TIMERS)
    mixed = replace(LINE, speakers=(LINE.speakers[0], slow.speakers[1]))
    assert at_least(mixed, [Cause.HOLD]) == at_least(LINE, [Cause.HOLD])
    assert at_most(mixed, [Cause.HOLD]) == at_most(slow, [Cause.HOLD])


def test_tunnels_have_timers_of_their_own() -> None:
    plan = loaded(SESSION).start.plan
    assert plan.tunnels
    slowest = max(end.dpd_timeout for end in plan.tunnels)
    assert at_most(plan, [Cause.DEAD_PEER_DETECTION]).seconds == slowest + REACTION_S
    assert at_most(plan, [Cause.RETRY]).seconds == TUNNEL_RETRY_S + REACTION_S


@pytest.mark.parametrize("cause", Cause)
def test_a_lab_without_anything_has_bounds_too(cause: Cause) -> None:
    assert 0 <= at_least(Plan("none"), [cause]).seconds <= at_most(Plan("none"), [cause]).seconds
