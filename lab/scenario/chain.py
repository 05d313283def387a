"""The first broken link of the chain that a route depends on.

A route gets to a speaker through sessions, export policies and import policies, one after the
other. Searched from the speaker that lacks it outwards, the link nearest to it that does not
hold is the one to look at.
"""

from __future__ import annotations

from collections import deque
from ipaddress import IPv4Network, IPv6Network

from lab.bgp.speaker import Neighbor
from lab.plan.types import Plan
from lab.scenario.running import Json, RunningLab

Prefix = IPv4Network | IPv6Network


def broken_session(lab: RunningLab, node: str, neighbor: str) -> str | None:
    """What keeps the session down; None when nothing is found."""
    far = _waiting_too(lab.plan, node, neighbor)
    if far is not None:
        return f"{node} waits for {far} to begin the session, and {far} for {node}"
    findings = lab.diagnose(node, neighbor)
    return findings[0] if findings else None


def _waiting_too(plan: Plan, node: str, neighbor: str) -> str | None:
    """The speaker at the far end, when neither calls the other."""
    facing = far_side(plan, node, neighbor)
    if facing is None:
        return None
    ends = plan.speaker(node).config.neighbor(neighbor), plan.speaker(facing[0]).config.neighbor(facing[1])
    return facing[0] if all(end.passive for end in ends) else None


def far_side(plan: Plan, node: str, neighbor: str) -> tuple[str, str] | None:
    """The speaker at the other end of a session, and what it calls the session."""
    for session in plan.speaker(node).config.neighbors:
        if session.name == neighbor:
            far = _far_end(plan, session)
            facing = _facing(plan, far, session) if far is not None else None
            return (far, facing) if far is not None and facing is not None else None
    return None


def broken_route(lab: RunningLab, node: str, prefix: Prefix, peer: str | None = None) -> str | None:
    """Why a route does not arrive, from ``peer`` or at all; None when it has.

    Breadth first over the sessions: the speaker nearest to ``node`` that has the prefix and does
    not pass it on, or the nearest session that is down on the way to it.
    """
    if not any(speaker.namespace == node for speaker in lab.plan.speakers):
        return None
    received = [path for path in lab.why(node, str(prefix))["received"] if peer in (None, path["peer"])]
    if any(path["accepted"] for path in received):
        return None
    if received:
        return _refused(node, received[0])
    return _search(lab, node, prefix, peer)


def _search(lab: RunningLab, node: str, prefix: Prefix, peer: str | None) -> str:
    seen, waiting = {node}, deque([node])
    while waiting:
        here = waiting.popleft()
        established = {each["neighbor"]: each["state"] == "established" for each in lab.sessions(here)}
        for neighbor in lab.plan.speaker(here).config.neighbors:
            if neighbor.family.value != prefix.version or (
                here == node and peer not in (None, neighbor.name)
            ):
                continue
            if not established.get(neighbor.name, False):
                return broken_session(lab, here, neighbor.name) or _down(here, neighbor)
            far = _far_end(lab.plan, neighbor)
            if far is None or far in seen:
                continue
            seen.add(far)
            waiting.append(far)
            held_back = _held_back(lab, far, here, neighbor, prefix)
            if held_back is not None:
                return held_back
    return f"no speaker that {node} hears of has {prefix}"


def _held_back(lab: RunningLab, far: str, here: str, session: Neighbor, prefix: Prefix) -> str | None:
    """What the far end of a session that is up does with the prefix, if it has it."""
    there = lab.why(far, str(prefix))
    refused = [path for path in there["received"] if not path["accepted"]]
    if there["decision"] is None:
        return _refused(far, refused[0]) if refused else None
    ours = _facing(lab.plan, far, session)
    for export in there["exports"]:
        if export["peer"] == ours and not export["advertised"]:
            return f"{far} has {prefix} and does not advertise it to {here}: {export['explanation']}"
    return f"{far} advertises {prefix} to {here}, where it has not arrived"


def _refused(node: str, path: Json) -> str:
    return f"{node} has heard of it from {path['peer']}: {path['explanation']}"


def _down(here: str, neighbor: Neighbor) -> str:
    return f"the session of {here} with {neighbor.name} is not established"


def _far_end(plan: Plan, session: Neighbor) -> str | None:
    """The namespace of the speaker at the session's other end."""
    for speaker in plan.speakers:
        if any(_meets(session, each) for each in speaker.config.neighbors):
            return speaker.namespace
    return None


def _facing(plan: Plan, far: str, session: Neighbor) -> str | None:
    """What the far end calls the session."""
    for each in plan.speaker(far).config.neighbors:
        if _meets(session, each):
            return each.name
    return None


def _meets(one: Neighbor, other: Neighbor) -> bool:
    return one.local_address == other.peer_address and one.peer_address == other.local_address
