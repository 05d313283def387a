"""How many prefixes a session carries."""

from __future__ import annotations

from lab.scenario.chain import broken_session
from lab.scenario.kinds.base import Expectation, NamespaceName, Sight
from lab.scenario.kinds.session import is_complete, session_of, state_of
from lab.scenario.running import RunningLab
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
        return broken_session(lab, self.node, self.neighbor)

    def _wanted(self) -> dict[str, int]:
        wanted = {what: getattr(self, what) for what in COUNTS}
        return {what: number for what, number in wanted.items() if number is not None}
