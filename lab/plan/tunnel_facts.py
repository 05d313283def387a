"""Questions about a plan's tunnels and the BGP sessions inside them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lab.plan.tunnels import TunnelEnd, by_tunnel, can_come_up
from lab.plan.types import Plan


def at_odds(plan: Plan) -> frozenset[str]:
    """The names of those whose two ends cannot agree."""
    return frozenset(name for name, pair in by_tunnel(plan.tunnels).items() if not can_come_up(*pair))


def count_of_tunnels(plan: Plan) -> int:
    """Those that can come up."""
    return len({end.name for end in plan.tunnels}.difference(plan.tunnels_down))


def inner_sessions(plan: Plan, names: Collection[str] | None = None) -> frozenset[tuple[str, str]]:
    """(namespace, neighbour) of the sessions inside those tunnels, or inside all of them."""
    inside = {
        (end.namespace, end.inner_peer_address) for end in plan.tunnels if names is None or end.name in names
    }
    return frozenset(
        (speaker.namespace, neighbor.name)
        for speaker in plan.speakers
        for neighbor in speaker.config.neighbors
        if (speaker.namespace, neighbor.peer_address) in inside
    )


def begins_inside(plan: Plan, end: TunnelEnd) -> bool:
    """Whether the router of this end begins the BGP session inside the tunnel."""
    return any(
        neighbor.peer_address == end.inner_peer_address and not neighbor.passive
        for speaker in plan.speakers
        if speaker.namespace == end.namespace
        for neighbor in speaker.config.neighbors
    )


def sessions_at_tunnels(plan: Plan) -> frozenset[tuple[str, str]]:
    """All sessions of the routers tunnels end on, by either end: what need not be up before a tunnel."""
    routers = {end.namespace for end in plan.tunnels}
    return frozenset(
        (speaker.namespace, neighbor.name)
        for speaker in plan.speakers
        for neighbor in speaker.config.neighbors
        if speaker.namespace in routers or neighbor.name in routers
    )


def without_tunnels(plan: Plan) -> Plan:
    """The plan where there is no data plane for IPsec: the sessions inside stay down."""
    missing = tuple(sorted(inner_sessions(plan) - set(plan.expected_down)))
    return replace(
        plan,
        tunnels=(),
        tunnels_down=(),
        expected_down=(*plan.expected_down, *missing),
        suggestions=tuple(one for one in plan.suggestions if not one.needs_tunnels),
    )
