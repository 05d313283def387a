"""The back ends there are, by name. Each is imported by the one lab that lives on it."""

from __future__ import annotations

from lab.runtime.backend import Backend
from lab.runtime.names import DOCKER


def backend_named(name: str, *, rootless: bool) -> Backend:
    """AUTO is the one that needs neither root nor an engine."""
    if name == DOCKER:
        from lab.runtime.docker.backend import Docker

        return Docker()
    from lab.runtime.local import Local

    return Local(rootless=rootless)
