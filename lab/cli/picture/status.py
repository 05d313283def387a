"""What the picture knows of a running lab: states by name, in the words of `inspect`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ESTABLISHED = "established"
RUNNING = "running"
UP = "up"

Ends = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Status:
    """States at one moment.

    ``sessions`` is keyed by namespace and peer address, ``tunnels`` by namespace and tunnel: each
    end of a session or tunnel reports for itself, and it is good when every end that reports is. A
    node or link that is not named is well; a session or tunnel of which no end is named is not
    established.
    """

    nodes: Mapping[str, str] = field(default_factory=dict)
    sessions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    tunnels: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def node_is_running(self, node: str) -> bool:
        return self.nodes.get(node, RUNNING) == RUNNING

    def link_is_up(self, link: str) -> bool:
        return self.links.get(link, UP) == UP

    def session_state(self, ends: Ends) -> str:
        return _worst(self.sessions, ends)

    def tunnel_state(self, ends: Ends) -> str:
        return _worst(self.tunnels, ends)


def _worst(states: Mapping[tuple[str, str], str], ends: Ends) -> str:
    """By its ends: the first that is not established, if any."""
    reported = [states[end] for end in ends if end in states]
    troubled = [state for state in reported if state != ESTABLISHED]
    if troubled:
        return troubled[0]
    return ESTABLISHED if reported else "unknown"
