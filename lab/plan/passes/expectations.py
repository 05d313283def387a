"""Which sessions and tunnels cannot come up, because their two ends do not fit together.

A topology may make them differ on purpose, to see how that looks: another tag, address, AS number
or key at the customer's end, a peering that is disabled, a gateway with too many prefixes, a tunnel
whose ends cannot agree or have no way to each other. Whoever waits for a lab to converge must not
wait for those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from lab.bgp.route import Address
from lab.bgp.speaker import Neighbor
from lab.model.topology import Topology
from lab.plan.segments import segments
from lab.plan.tunnel_facts import at_odds, inner_sessions
from lab.plan.types import Endpoint, Plan, Speaker
from lab.plan.underlay import cut_off


def expect_sessions(topology: Topology, plan: Plan) -> Plan:
    down = tuple(_down(plan))
    dead = at_odds(plan) | cut_off(plan, down)
    inside = sorted(inner_sessions(plan, dead) - set(down))
    return replace(plan, expected_down=(*down, *inside), tunnels_down=tuple(sorted(dead)))


def _down(plan: Plan) -> Iterator[tuple[str, str]]:
    reach = _Reach(plan)
    for speaker in plan.speakers:
        for near in speaker.config.neighbors:
            others = (other for other in plan.speakers if other.namespace != speaker.namespace)
            if _is_held(speaker, near) or not any(_fits(reach, speaker, near, other) for other in others):
                yield speaker.namespace, near.name


def _is_held(speaker: Speaker, near: Neighbor) -> bool:
    """Whether the speaker has too many prefixes of its own for this session."""
    return near.excess(one.prefix for one in speaker.config.originations) is not None


def _fits(reach: _Reach, speaker: Speaker, near: Neighbor, other: Speaker) -> bool:
    """Whether the other speaker has the opposite end of this session."""
    return any(
        (near.local_address, near.peer_address) == (far.peer_address, far.local_address)
        and (near.peer_asn, far.peer_asn) == (other.config.asn, speaker.config.asn)
        and near.password == far.password
        and near.passive != far.passive
        and not _is_held(other, far)
        and reach.joined((speaker.namespace, near.local_address), (other.namespace, far.local_address))
        for far in other.config.neighbors
    )


class _Reach:
    """Which addresses share a segment."""

    def __init__(self, plan: Plan) -> None:
        self._segments = segments(plan)
        self._endpoints: dict[tuple[str, Address], list[Endpoint]] = {}
        for assigned in plan.addresses:
            endpoint = Endpoint(assigned.namespace, assigned.ifname)
            self._endpoints.setdefault((assigned.namespace, assigned.address.ip), []).append(endpoint)

    def joined(self, near: tuple[str, Address], far: tuple[str, Address]) -> bool:
        """Loopback addresses are reached by routing, which is not judged here."""
        ends = product(self._endpoints.get(near, ()), self._endpoints.get(far, ()))
        return any("lo" in (a.ifname, b.ifname) or self._segments[a] == self._segments[b] for a, b in ends)
