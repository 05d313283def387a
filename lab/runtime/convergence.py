"""When has a lab converged? Pure: from the statuses of all speakers, twice.

Every planned session is established, end-of-RIB has arrived both ways, no speaker has
anything left to send or install, and no UPDATE is on its way. The last is decided without
waiting: over all sessions as many UPDATEs were received as were sent, twice in a row with
the same numbers. Between two such observations nothing can have happened (F. Mattern,
"Algorithms for distributed termination detection", 1987: the four counter method).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lab.plan.types import Plan

Statuses = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Observation:
    """One look at all speakers. ``missing``: what is not yet as planned, for a person.

    ``idle``: nobody has anything left to send or install, and no session is up at one end
    only. ``sent``, ``received``: UPDATEs of the sessions that are up.
    """

    missing: tuple[str, ...]
    idle: bool
    sent: int
    received: int


def expected_sessions(plan: Plan) -> set[tuple[str, str]]:
    """(namespace, neighbour) of every session that must come up."""
    planned = {
        (speaker.namespace, neighbor.name)
        for speaker in plan.speakers
        for neighbor in speaker.config.neighbors
    }
    return planned - set(plan.expected_down)


def observe(
    plan: Plan, statuses: Statuses, expected: Collection[tuple[str, str]] | None = None
) -> Observation:
    """``expected``: the sessions that must be up by now; all that can come up when left out."""
    missing: list[str] = []
    expected = expected_sessions(plan) if expected is None else expected
    established: Counter[frozenset[str]] = Counter()
    sent = received = 0
    for speaker in plan.speakers:
        status = statuses.get(speaker.namespace)
        if status is None:
            missing.append(f"{speaker.namespace}: BGP daemon does not answer")
            continue
        for session in status["sessions"]:
            if session["state"] == "established":
                established[frozenset((session["local_address"], session["peer_address"]))] += 1
                sent += session["updates_sent"]
                received += session["updates_received"]
            if (speaker.namespace, session["neighbor"]) not in expected:
                continue
            if session["state"] != "established":
                missing.append(f"{speaker.namespace} - {session['neighbor']}: {session['state']}")
            elif not session["end_of_rib"]:
                missing.append(f"{speaker.namespace} - {session['neighbor']}: no end-of-RIB yet")
    one_sided = any(ends % 2 for ends in established.values())
    idle = not one_sided and all(status["idle"] for status in statuses.values())
    return Observation(tuple(missing), idle, sent, received)


def settled(first: Observation, second: Observation) -> bool:
    """Nothing moves, whatever is missing. ``second`` was made after ``first`` was complete."""
    return first.idle and second.idle and first.sent == first.received == second.sent == second.received


def converged(first: Observation, second: Observation) -> bool:
    """Nothing moves and nothing is missing. ``second`` was made after ``first`` was complete."""
    return not first.missing and not second.missing and settled(first, second)
