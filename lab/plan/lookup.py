"""Finding an object of the topology by the name another one calls it by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from lab.plan.errors import PlanError


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def named(objects: Iterable[T], name: str, kind: str) -> T:
    """The object of that name. The loader has checked references; this answers for others."""
    known = tuple(objects)
    for found in known:
        if found.name == name:
            return found
    names = ", ".join(found.name for found in known) or "none"
    raise PlanError(f"there is no {kind} {name!r}", hint=f"defined: {names}")
