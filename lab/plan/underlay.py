"""Whether a tunnel's two ends have a way to each other, by what the plan's routers know and let pass.

A route filter without the gateway's region, prefixes that Microsoft has not validated, or a packet
filter that drops IKE leave a tunnel without one. The speakers decide about the outer addresses alone,
and without the sessions that need a tunnel themselves; then the first message of IKE is followed, and
its answer. Of several equal ways one that leads there is enough: which of them a kernel takes is not
judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

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
from lab.plan.filtering import Forwarded, refusal
from lab.plan.queries import own_addresses
from lab.plan.segments import segments
from lab.plan.tunnels import Initiation, TunnelEnd, by_tunnel
from lab.plan.types import Endpoint, Plan

IKE_PORT = 500

Session = tuple[str, str]
"""One end: a namespace and what it calls its neighbour."""
Fibs = dict[str, dict[Prefix, tuple[Address, ...]]]
"""What the speakers installed, by namespace."""


def cut_off(plan: Plan, down: Collection[Session]) -> frozenset[str]:
    """The names of the tunnels whose ends have no way to each other, while the sessions ``down``
    are so."""
    if not plan.tunnels:
        return frozenset()
    ways = _Ways(plan, _Known(plan, frozenset(down)).fibs)
    return frozenset(
        name for name, (one, other) in by_tunnel(plan.tunnels).items() if not _meet(ways, one, other)
    )


def _meet(ways: _Ways, one: TunnelEnd, other: TunnelEnd) -> bool:
    """Whether what one of them begins gets there, and the answer back."""
    return any(
        near.initiation is not Initiation.NEVER
        and ways.leads(near, far)
        and ways.leads(far, near, is_answer=True)
        for near, far in ((one, other), (other, one))
    )


@dataclass(frozen=True, slots=True)
class _Packet:
    source: Address
    destination: Address
    is_answer: bool


class _Ways:
    """Where the plan's routers send packets."""

    def __init__(self, plan: Plan, fibs: Fibs) -> None:
        self._plan = plan
        self._fibs = fibs
        self._segments = segments(plan)

    def leads(self, start: TunnelEnd, end: TunnelEnd, *, is_answer: bool = False) -> bool:
        """Whether IKE of one end reaches the other."""
        packet = _Packet(start.local_address, start.remote_address, is_answer)
        return self._leads(packet, start.namespace, None, end, frozenset())

    def _leads(
        self,
        packet: _Packet,
        here: str,
        came_in: str | None,
        end: TunnelEnd,
        before: frozenset[str],
    ) -> bool:
        if came_in is not None:
            packet = self._entered(packet, here, came_in)
        if packet.destination in own_addresses(self._plan, here):
            return (here, packet.destination) == (end.namespace, end.local_address)
        if here in before:
            return False
        return any(
            self._leads(
                self._left(packet, here, goes_out), owner.namespace, owner.ifname, end, before | {here}
            )
            for goes_out, next_hop in self._branches(here, packet.destination)
            if came_in is None or self._passes(packet, here, came_in, goes_out)
            for owner in self._owners(Endpoint(here, goes_out), next_hop)
        )

    def _branches(self, here: str, destination: Address) -> Iterator[tuple[str, Address]]:
        """Interfaces and next hops of the longest prefix; of equal ones a static route wins over BGP,
        unless it is the last resort, and a network of the router's own over both."""
        found = [(prefix, hops) for prefix, hops in self._routes(here, destination) if destination in prefix]
        if found:
            _, branches = max(found, key=lambda route: route[0].prefixlen)
            yield from branches

    def _routes(
        self, here: str, destination: Address
    ) -> Iterator[tuple[Prefix, tuple[tuple[str, Address], ...]]]:
        for assigned in self._plan.addresses:
            if assigned.namespace == here and assigned.ifname != "lo":
                yield assigned.address.network, ((assigned.ifname, destination),)
        static = [route for route in self._plan.static_routes if route.namespace == here]
        for route in static:
            if not route.last_resort:
                given = route.ifname
                ports = ((given or self._port_to(here, hop), hop) for hop in route.next_hops)
                yield route.prefix, tuple((port, hop) for port, hop in ports if port)
        for prefix, hops in self._fibs.get(here, {}).items():
            ports = ((self._port_to(here, hop), hop) for hop in hops)
            yield prefix, tuple((port, hop) for port, hop in ports if port)
        yield from ((route.prefix, ()) for route in static if route.last_resort)

    def _port_to(self, here: str, hop: Address) -> str | None:
        for assigned in self._plan.addresses:
            if assigned.namespace == here and assigned.ifname != "lo" and hop in assigned.address.network:
                return assigned.ifname
        return None

    def _owners(self, port: Endpoint, address: Address) -> Iterator[Endpoint]:
        """Who has the address in the port's segment."""
        for one in self._plan.addresses:
            endpoint = Endpoint(one.namespace, one.ifname)
            if one.address.ip == address and self._segments[endpoint] == self._segments.get(port):
                yield endpoint

    def _passes(self, packet: _Packet, here: str, came_in: str, goes_out: str) -> bool:
        filters = (one for one in self._plan.filters if one.namespace == here)
        source, destination = packet.source, packet.destination
        forwarded = Forwarded(came_in, goes_out, source, destination, "udp", IKE_PORT, known=packet.is_answer)
        return refusal(filters, forwarded) is None

    def _entered(self, packet: _Packet, here: str, port: str) -> _Packet:
        for one in self._plan.translations:
            if (one.namespace, one.ifname, one.outside) == (here, port, packet.destination):
                return replace(packet, destination=one.inside)
        return packet

    def _left(self, packet: _Packet, here: str, port: str) -> _Packet:
        for one in self._plan.translations:
            if (one.namespace, one.ifname, one.inside) == (here, port, packet.source):
                return replace(packet, source=one.outside)
        return packet


class _Known:
    """What the speakers know of the tunnels' outer addresses when nothing moves any more."""

    def __init__(self, plan: Plan, down: frozenset[Session]) -> None:
        outer = {end.remote_address for end in plan.tunnels}
        routers = {end.namespace for end in plan.tunnels}
        configs = {one.namespace: one.config for one in plan.speakers if one.namespace not in routers}
        self._engines = {name: Engine(_about(config, outer)) for name, config in configs.items()}
        self._identifiers = {name: config.bgp_identifier for name, config in configs.items()}
        self._far = _far_ends(configs, down)
        self.fibs: Fibs = {name: {} for name in configs}
        self._waiting: deque[tuple[str, list[Action]]] = deque(
            (name, engine.first_actions) for name, engine in self._engines.items()
        )
        for (name, neighbor), (far, _) in self._far.items():
            self._tell(name, PeerUp(neighbor, self._identifiers[far]), EndOfRib(neighbor))
        while self._waiting:
            name, actions = self._waiting.popleft()
            for action in actions:
                self._carry_out(name, action)

    def _tell(self, name: str, *events: Event) -> None:
        self._waiting.append((name, self._engines[name].handle(*events)))

    def _carry_out(self, name: str, action: Action) -> None:
        match action:
            case Install(prefix, next_hops):
                self.fibs[name][prefix] = next_hops
            case Uninstall(prefix):
                self.fibs[name].pop(prefix, None)
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
