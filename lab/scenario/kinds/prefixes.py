"""How many prefixes a session carries."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenario.chain import broken_session, far_side
from lab.scenario.kinds.base import Expectation, NamespaceName, Sight
from lab.scenario.kinds.session import is_complete, session_of, state_of
from lab.scenario.running import Json, RunningLab
from lab.scenario.words import listed

COUNTS = {
    "received": "prefixes_received",
    "accepted": "prefixes_accepted",
    "advertised": "prefixes_advertised",
}
"""Our properties, and the counters of a speaker's session."""


class PrefixCount(Expectation):
    """How many prefixes a session carries that is established; what is left out does not matter."""

    node: NamespaceName
    neighbor: str
    received: int | None = None
    """From the peer, before import policy."""
    accepted: int | None = None
    """From the peer, after import policy."""
    advertised: int | None = None
    """To the peer."""

    def claim(self) -> str:
        wanted = listed(f"{number} {what}" for what, number in self._wanted().items())
        return f"{self.node} counts prefixes with {self.neighbor}: {wanted}"

    def look(self, lab: RunningLab) -> Sight:
        session = session_of(lab, self.node, self.neighbor)
        if not is_complete(session):
            return Sight(False, f"the session is {state_of(session)}")
        found = {what: session[counter] for what, counter in COUNTS.items()}
        holds = all(found[what] == number for what, number in self._wanted().items())
        return Sight(holds, listed(f"{number} {what}" for what, number in found.items()))

    def broken_link(self, lab: RunningLab) -> str | None:
        return broken_session(lab, self.node, self.neighbor) or "\n".join(self._told(lab)) or None

    def _told(self, lab: RunningLab) -> Iterator[str]:
        """What each side of the session has told the other, for the directions claimed."""
        far = far_side(lab.plan, self.node, self.neighbor)
        if far is None:
            return
        here, there = session_of(lab, self.node, self.neighbor), session_of(lab, *far)
        if self.received is not None or self.accepted is not None:
            yield _direction(far[0], there, self.node, here)
        if self.advertised is not None:
            yield _direction(self.node, here, far[0], there)

    def _wanted(self) -> dict[str, int]:
        wanted = {what: getattr(self, what) for what in COUNTS}
        return {what: number for what, number in wanted.items() if number is not None}


def _direction(sender: str, sent: Json, receiver: str, got: Json) -> str:
    return (
        f"{sender} advertises {sent['prefixes_advertised']} to {receiver}, "
        f"which received {got['prefixes_received']} and accepted {got['prefixes_accepted']}"
    )
