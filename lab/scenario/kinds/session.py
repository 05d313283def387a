"""A BGP session is established, or is not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.errors import InputError
from lab.scenario.chain import broken_session
from lab.scenario.kinds.base import Absence, Expectation, NamespaceName, Sight
from lab.scenario.running import Json, RunningLab
from lab.scenario.words import counted, listed


class SessionUp(Expectation):
    """The session is established and its peer has sent all it has (RFC 4724, end-of-RIB)."""

    node: NamespaceName
    neighbor: str
    """As `mseelab show bgp` names it; the far namespace, with ``-ipv6`` over IPv6."""
    established_transitions: Annotated[int, Field(ge=1)] | None = None
    """How often it has become established since its speaker started; 1 for one that never broke
    (RFC 4273)."""

    def claim(self) -> str:
        times = self.established_transitions
        often = f", {times} time{'s' * (times != 1)} so far" if times else ""
        return f"the session of {self.node} with {self.neighbor} is established{often}"

    def look(self, lab: RunningLab) -> Sight:
        session = session_of(lab, self.node, self.neighbor)
        wanted = self.established_transitions
        if wanted is None:
            return Sight(is_complete(session), state_of(session))
        times = session.get("established_transitions")
        return Sight(is_complete(session) and times == wanted, f"{state_of(session)}, {times} so far")

    def broken_link(self, lab: RunningLab) -> str | None:
        return broken_session(lab, self.node, self.neighbor) or _past(lab, self.node, self.neighbor)


class NoSession(Absence):
    """The session is not established."""

    node: NamespaceName
    neighbor: str
    last_error: str | None = None
    """A text that the session's last error holds, such as ``(2,2)`` or ``Bad Peer AS``; without it
    there need be none."""

    def claim(self) -> str:
        error = f", its last error holding {self.last_error!r}" if self.last_error else ""
        return f"the session of {self.node} with {self.neighbor} is not established{error}"

    def look(self, lab: RunningLab) -> Sight:
        session = session_of(lab, self.node, self.neighbor)
        as_claimed = self.last_error is None or self.last_error in (session.get("last_error") or "")
        return Sight(session["state"] != "established" and as_claimed, state_of(session))

    def broken_link(self, lab: RunningLab) -> str | None:
        return _past(lab, self.node, self.neighbor) or broken_session(lab, self.node, self.neighbor)


def session_of(lab: RunningLab, node: str, neighbor: str) -> Json:
    """One session as its speaker tells it. Raises InputError when there is none of that name."""
    sessions = {each["neighbor"]: each for each in lab.sessions(node)}
    if neighbor not in sessions:
        raise InputError(f"{node} has no neighbor {neighbor}", hint=f"its neighbors: {listed(sessions)}")
    return sessions[neighbor]


def is_complete(session: Json) -> bool:
    return bool(session["state"] == "established" and session["end_of_rib"])


def state_of(session: Json) -> str:
    """Its state, and what explains it."""
    if session["state"] == "established":
        return "established" if session["end_of_rib"] else "established, no end-of-RIB yet"
    notes = ["held down"] if session.get("held_down") else []
    notes += [f"last error: {session['last_error']}"] if session.get("last_error") else []
    return ", ".join([session["state"], *notes])


def _past(lab: RunningLab, node: str, neighbor: str) -> str | None:
    """Of a session that is established: how it came to be so; None for one that is not."""
    session = session_of(lab, node, neighbor)
    if session["state"] != "established":
        return None
    times = session["established_transitions"]
    past = f"{neighbor} accepts {node} as its peer, and {node} accepts {neighbor}"
    if times > 1:
        past += f"; the session was lost {counted(times - 1, 'time')} and came back"
    return past if session["end_of_rib"] else f"{past}; {neighbor} has not sent its end-of-RIB"
