"""The IPsec tunnels of a Plan: each is a pipe, and the BGP session inside runs in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.plan.tunnels import TunnelEnd
from lab.plan.types import Plan


@dataclass(frozen=True, slots=True)
class Tunnel:
    """``ends`` are (namespace, tunnel), as each end reports it; ``outer`` their outer addresses."""

    name: str
    a: str
    b: str
    outer: tuple[str, str]
    hopeless: bool
    """Its two ends do not fit together, or have no way to each other."""

    @property
    def ends(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return (self.a, self.name), (self.b, self.name)


def tunnels(plan: Plan) -> tuple[Tunnel, ...]:
    """Each once, from the end that is named first."""
    first: dict[str, TunnelEnd] = {}
    for end in plan.tunnels:
        first.setdefault(end.name, end)
    return tuple(_tunnel(end, end.name in plan.tunnels_down) for end in first.values())


def _tunnel(end: TunnelEnd, hopeless: bool) -> Tunnel:
    outer = (str(end.local_address), str(end.remote_address))
    return Tunnel(end.name, end.namespace, end.peer, outer, hopeless)


def inside(plan: Plan) -> Mapping[tuple[str, str], str]:
    """The tunnels that BGP sessions run through, by namespace and peer address."""
    return {
        (end.namespace, str(end.inner_peer_address)): end.name
        for end in plan.tunnels
        if end.inner_peer_address is not None
    }
