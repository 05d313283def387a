"""Whether a tunnel's two ends have a way to each other, by what BGP tells the routers they stand at.

A route filter without the gateway's region, or prefixes that Microsoft has not validated, leave a
tunnel without one. The speakers decide about the outer addresses alone, and without the sessions
that need a tunnel themselves. Packet filters are not judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import replace

from lab.bgp.engine import Engine
from lab.bgp.events import (
    Action,
    Advertise,
    Announced,
    EndOfRib,
    Event,
    Install,
    PeerUp,
    Uninstall,
    Withdraw,
    Withdrawn,
)
from lab.bgp.route import Address, Prefix
from lab.bgp.speaker import Neighbor, SpeakerConfig
from lab.plan.queries import connected_networks, owners
from lab.plan.tunnels import TunnelEnd
from lab.plan.types import Plan

Session = tuple[str, str]
"""One end: a namespace and what it calls its neighbour."""


def cut_off(plan: Plan, down: Collection[Session]) -> frozenset[str]:
    """The names of the tunnels with an end that has no way to its peer, while the sessions ``down``
    are so."""
    if not plan.tunnels:
        return frozenset()
    known = _Known(plan, frozenset(down))
    return frozenset(end.name for end in plan.tunnels if not known.leads(plan, end))


class _Known:
    """What the speakers know of the tunnels' outer addresses when nothing moves any more."""

    def __init__(self, plan: Plan, down: frozenset[Session]) -> None:
        outer = {end.remote_address for end in plan.tunnels}
        routers = {end.namespace for end in plan.tunnels}
        configs = {one.namespace: one.config for one in plan.speakers if one.namespace not in routers}
        self._engines = {name: Engine(_about(config, outer)) for name, config in configs.items()}
        self._identifiers = {name: config.bgp_identifier for name, config in configs.items()}
        self._far = _far_ends(configs, down)
        self._fib: dict[str, set[Prefix]] = {name: set() for name in configs}
        self._waiting: deque[tuple[str, list[Action]]] = deque(
            (name, engine.first_actions) for name, engine in self._engines.items()
        )
        for (name, neighbor), (far, _) in self._far.items():
            self._tell(name, PeerUp(neighbor, self._identifiers[far]), EndOfRib(neighbor))
        while self._waiting:
            name, actions = self._waiting.popleft()
            for action in actions:
                self._carry_out(name, action)

    def leads(self, plan: Plan, end: TunnelEnd) -> bool:
        """Whether the router that the end sends its outer packets to has a route for them."""
        hops = (
            hop
            for route in plan.static_routes
            if route.namespace == end.namespace and end.remote_address in route.prefix
            for hop in route.next_hops
        )
        return any(
            self._routes(plan, router, end.remote_address) for hop in hops for router in owners(plan, hop)
        )

    def _routes(self, plan: Plan, router: str, address: Address) -> bool:
        prefixes = {
            *self._fib.get(router, ()),
            *connected_networks(plan, router),
            *(route.prefix for route in plan.static_routes if route.namespace == router),
        }
        return any(address in prefix for prefix in prefixes)

    def _tell(self, name: str, *events: Event) -> None:
        self._waiting.append((name, self._engines[name].handle(*events)))

    def _carry_out(self, name: str, action: Action) -> None:
        match action:
            case Install(prefix):
                self._fib[name].add(prefix)
            case Uninstall(prefix):
                self._fib[name].discard(prefix)
            case Advertise(peer, attributes, nlri) if (name, peer) in self._far:
                far, neighbor = self._far[name, peer]
                self._tell(far, *(Announced(neighbor, one, attributes, (prefix,)) for prefix, one in nlri))
            case Withdraw(peer, nlri) if (name, peer) in self._far:
                far, neighbor = self._far[name, peer]
                self._tell(far, Withdrawn(neighbor, nlri))


def _about(config: SpeakerConfig, addresses: Collection[Address]) -> SpeakerConfig:
    """The speaker, with nothing of its own but what holds one of the addresses."""
    own = (one for one in config.originations if any(address in one.prefix for address in addresses))
    return replace(config, originations=tuple(own))


def _far_ends(configs: dict[str, SpeakerConfig], down: frozenset[Session]) -> dict[Session, Session]:
    ends = {(near.local_address, near.peer_address): end for end, near in _ends(configs) if end not in down}
    return {end: ends[pair[::-1]] for pair, end in ends.items() if pair[::-1] in ends}


def _ends(configs: dict[str, SpeakerConfig]) -> Iterator[tuple[Session, Neighbor]]:
    for name, config in configs.items():
        for near in config.neighbors:
            yield (name, near.name), near
