"""Which data plane carries a lab's tunnels, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from lab.errors import BackendError
from lab.plan.tunnels import Proposals, TunnelEnd
from lab.runtime import netns, xfrm
from lab.runtime.dataplane import DataPlane
from lab.runtime.kernel import Kernel
from lab.runtime.names import AUTO
from lab.runtime.userspace import Userspace

PLANES: tuple[DataPlane, ...] = (Kernel(), Userspace())
"""The preferred one first."""

Obstacles = Mapping[str, str | None]
"""What keeps each data plane, by name, from carrying tunnels here; None where nothing does."""

Refusal = Callable[[str], str | None]
"""What the kernel says to an association of an ESP proposal; None when it takes it."""


@dataclass(frozen=True)
class Choice:
    """``plane`` is None where there is none. ``ends`` are those of the plan without the proposals that
    ``left_out`` tells of, a sentence each."""

    plane: DataPlane | None
    why: str
    ends: tuple[TunnelEnd, ...] = ()
    left_out: tuple[str, ...] = ()


def choose(
    asked: str, obstacles: Obstacles, ends: tuple[TunnelEnd, ...], refusal: Refusal | None = None
) -> Choice:
    """The first that can, or the one that was asked for. Raises BackendError when that one cannot."""
    found = dict(obstacles)
    within_reach: tuple[TunnelEnd, ...] = ends
    left_out: tuple[str, ...] = ()
    if ends and found[Kernel.name] is None and asked in (AUTO, Kernel.name):
        within_reach, left_out = _within_reach(ends, refusal or _refusal_in_scratch())
        found[Kernel.name] = _left_without(within_reach)
    plane = _first(found) if asked == AUTO else _named(asked, found)
    why = _why(plane, found) if asked == AUTO else "as asked"
    if plane is None or plane.name != Kernel.name:
        return Choice(plane, why, ends)
    return Choice(plane, why, within_reach, left_out)


def _first(obstacles: Obstacles) -> DataPlane | None:
    return next((plane for plane in PLANES if obstacles[plane.name] is None), None)


def _named(name: str, obstacles: Obstacles) -> DataPlane:
    if (obstacle := obstacles[name]) is not None:
        hint = "`mseelab doctor` shows what this host can do"
        raise BackendError(f"no data plane {name!r} here: {obstacle}", hint=hint)
    return next(plane for plane in PLANES if plane.name == name)


def _why(plane: DataPlane | None, obstacles: Obstacles) -> str:
    if plane is None:
        return _all_of(obstacles)
    return obstacles[Kernel.name] or "it has ESP and xfrm interfaces"


def _all_of(obstacles: Obstacles) -> str:
    """Each by the name of its data plane, or once when it is the same."""
    texts = {text for text in obstacles.values() if text is not None}
    return (
        texts.pop() if len(texts) == 1 else "; ".join(f"{name}: {text}" for name, text in obstacles.items())
    )


# What the kernel can do of what a plan wants.


def _refusal_in_scratch() -> Refusal:
    scratch = netns.create("scratch", forwarding=False)

    def refusal(proposal: str) -> str | None:
        try:
            xfrm.try_association(scratch, proposal)
        except OSError as error:
            return os.strerror(error.errno or 0)
        return None

    return refusal


def _within_reach(
    ends: tuple[TunnelEnd, ...], refusal: Refusal
) -> tuple[tuple[TunnelEnd, ...], tuple[str, ...]]:
    """The ends without the ESP proposals that the kernel refuses, and what to say of these."""
    refused = {proposal: why for proposal in _proposed(ends) if (why := refusal(proposal)) is not None}
    without = tuple(
        replace(end, offered=_without(end.offered, refused), accepted=_without(end.accepted, refused))
        for end in ends
    )
    return without, tuple(f"{proposal} ({why})" for proposal, why in refused.items())


def _proposed(ends: tuple[TunnelEnd, ...]) -> Iterator[str]:
    both = (proposals for end in ends for proposals in (end.offered, end.accepted))
    yield from dict.fromkeys(proposal for proposals in both for proposal in proposals.esp)


def _without(proposals: Proposals, refused: Mapping[str, str]) -> Proposals:
    return replace(proposals, esp=tuple(each for each in proposals.esp if each not in refused))


def _left_without(ends: tuple[TunnelEnd, ...]) -> str | None:
    for end in ends:
        if not end.offered.esp or not end.accepted.esp:
            return f"this kernel has none of the ESP proposals of {end.namespace} for tunnel {end.name}"
    return None
