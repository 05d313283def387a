"""What the picture knows of a running lab: states by name, in the words of `inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ESTABLISHED = "established"
RUNNING = "running"
UP = "up"


@dataclass(frozen=True)
class Status:
    """States at one moment.

    ``sessions`` is keyed by namespace and peer address: each end of a session reports for
    itself, and a session is good when every end that reports is. A node or link that is
    not named is well; a session of which no end is named is not established.
    """

    nodes: Mapping[str, str] = field(default_factory=dict)
    sessions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def node_is_running(self, node: str) -> bool:
        return self.nodes.get(node, RUNNING) == RUNNING

    def link_is_up(self, link: str) -> bool:
        return self.links.get(link, UP) == UP

    def session_state(self, ends: tuple[tuple[str, str], ...]) -> str:
        """The state of a session by its ends: the first that is not established, if any."""
        reported = [self.sessions[end] for end in ends if end in self.sessions]
        troubled = [state for state in reported if state != ESTABLISHED]
        if troubled:
            return troubled[0]
        return ESTABLISHED if reported else "unknown"
