"""The whole of one scenario file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.model.fields import Described, NodeName
from lab.scenario.kinds.tunnel import NoTunnel, TunnelUp
from lab.scenario.step import Patch, Step

MAX_STEPS = 200
"""Ours: each may bring the lab to another topology, which is compiled when the file is read."""


class Scenario(Described):
    """A topology, and ordered steps on the lab that runs it."""

    name: NodeName
    description: str = ""
    topology: Annotated[str, Field(min_length=1)]
    """The name of a shipped topology, or a file; its path is seen from this file's folder."""
    patch: Annotated[Patch, Field(repr=False)] = {}
    """Changes of the topology before it is brought up: mappings are merged, entries of a list
    are found by their name (or peering_type), null removes, anything else replaces."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    """What is done and claimed, in order."""

    @property
    def needs_tunnels(self) -> bool:
        """Whether a step is about a tunnel, so that a host without any can say nothing of the others."""
        return any(isinstance(step.what, TunnelUp | NoTunnel) for step in self.steps)
