"""A plan brought to life without a kernel: real decisions, imagined wires.

Every speaker is the engine of ``lab.bgp``; sessions that the plan expects to come up carry its
UPDATEs until nobody has anything to say. Then prefixes can be announced and withdrawn anywhere, and
packets be followed, hop by hop and over every equal-cost branch, through routes, segments and packet
filters. A session that was dropped for too many prefixes stays down until ``retry``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from lab.bgp.engine import Engine
from lab.bgp.events import (
    Action,
    Advertise,
    Announced,
    CloseSession,
    EndOfRib,
    Event,
    HoldSession,
    Install,
    Originate,
    PeerDown,
    PeerUp,
    ReleaseSession,
    Uninstall,
    Withdraw,
    Withdrawn,
    WithdrawOrigination,
)
from lab.bgp.route import Address, Asn, Prefix, parse_community
from lab.bgp.speaker import Origination
from lab.plan.queries import own_addresses
from lab.plan.segments import segments
from lab.plan.types import Endpoint, FilterAction, FilterRule, Plan

HOPS = 20
Path = tuple[str, ...]
Session = tuple[str, str]
"""One end: a namespace and what it calls its neighbour."""


class Network:
    """A plan at rest."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.engines = {speaker.namespace: Engine(speaker.config) for speaker in plan.speakers}
        self.dropped: dict[Session, str] = {}
        """Sessions that an end dropped, and why; until ``retry``."""
        self.held: dict[Session, str] = {}
        """Sessions that an end keeps down, and why."""
        self._up: set[Session] = set()
        self._waiting: deque[tuple[str, list[Action]]] = deque()
        self._fib: dict[str, dict[Prefix, tuple[Address, ...]]] = {}
        self._far = _sessions(plan)
        self._segments = segments(plan)
        self._tunnels = {(end.namespace, end.ifname): end for end in plan.tunnels}
        self._owners: dict[tuple[Endpoint, Address], Endpoint] = {}
        for assigned in plan.addresses:
            endpoint = Endpoint(assigned.namespace, assigned.ifname)
            self._owners[self._segments[endpoint], assigned.address.ip] = endpoint
        for namespace, engine in self.engines.items():
            self._waiting.append((namespace, engine.first_actions))
        self.retry()

    # --- what happens ---

    def originate(
        self,
        namespace: str,
        *prefixes: str,
        as_path: tuple[int, ...] = (),
        communities: tuple[str, ...] = (),
    ) -> None:
        """The speaker announces these, as if an AS behind it had."""
        tags, path = frozenset(map(parse_community, communities)), tuple(map(Asn, as_path))
        own = (Origination(ip_network(one), tags, path) for one in prefixes)
        self._tell(namespace, *map(Originate, own))
        self._settle()

    def withdraw(self, namespace: str, *prefixes: str) -> None:
        self._tell(namespace, *(WithdrawOrigination(ip_network(one)) for one in prefixes))
        self._settle()

    def retry(self) -> None:
        """Whatever is down and not kept down is tried again."""
        self._settle()
        for end in self._far:
            self._connect(end)
        self._settle()

    # --- what speakers know ---

    def up(self, namespace: str, name: str) -> bool:
        """Whether the session is established."""
        return (namespace, name) in self._up

    def known(self, namespace: str, prefix: str) -> list[dict[str, Any]]:
        """Every candidate for the prefix, the best first."""
        return self.engines[namespace].routes(ip_network(prefix))

    def refused(self, namespace: str, prefix: str) -> list[tuple[str, str]]:
        """Who announced the prefix without success, and how import refused it."""
        received: Any = self.engines[namespace].why(ip_network(prefix))["received"]
        return [(path["peer"], path["explanation"]) for path in received if not path["accepted"]]

    def told(self, namespace: str, name: str) -> list[str]:
        """The prefixes this speaker announces to that neighbour."""
        return [str(route["prefix"]) for route in self.engines[namespace].adj_rib_out(name)]

    def next_hops(self, namespace: str, prefix: str) -> tuple[str, ...]:
        """What BGP put into the FIB."""
        return tuple(map(str, self._fib.get(namespace, {}).get(ip_network(prefix), ())))

    # --- sessions ---

    def _settle(self) -> None:
        for _ in range(10_000):
            if not self._waiting:
                return
            namespace, actions = self._waiting.popleft()
            for action in actions:
                self._carry_out(namespace, action)
        raise AssertionError("BGP does not converge")

    def _tell(self, namespace: str, *events: Event) -> None:
        self._waiting.append((namespace, self.engines[namespace].handle(*events)))

    def _carry_out(self, namespace: str, action: Action) -> None:
        match action:
            case Install(prefix, next_hops):
                self._fib.setdefault(namespace, {})[prefix] = next_hops
            case Uninstall(prefix):
                self._fib[namespace].pop(prefix, None)
            case CloseSession(peer, reason=reason):
                self.dropped[namespace, peer] = reason
                self._disconnect((namespace, peer))
            case HoldSession(peer, reason=reason):
                self.held[namespace, peer] = reason
                self._disconnect((namespace, peer))
            case ReleaseSession(peer):
                del self.held[namespace, peer]
            case Advertise(peer) | Withdraw(peer) if (namespace, peer) in self._up:
                self._deliver(self._far[namespace, peer], action)

    def _deliver(self, end: Session, action: Advertise | Withdraw) -> None:
        far, name = end
        if isinstance(action, Withdraw):
            self._tell(far, Withdrawn(name, action.nlri))
            return
        by_path_id: dict[int, list[Prefix]] = {}
        for prefix, path_id in action.nlri:
            by_path_id.setdefault(path_id, []).append(prefix)
        for path_id, prefixes in by_path_id.items():
            self._tell(far, Announced(name, path_id, action.attributes, tuple(prefixes)))

    def _connect(self, end: Session) -> None:
        ends = (end, self._far[end])
        if end in self._up or any(one in self.held for one in ends):
            return
        self._up.update(ends)
        for (namespace, name), (far, _) in (ends, ends[::-1]):
            self.dropped.pop((namespace, name), None)
            identifier = self.plan.speaker(far).config.bgp_identifier
            self._tell(namespace, PeerUp(name, identifier), EndOfRib(name))

    def _disconnect(self, end: Session) -> None:
        if end in self._up:
            for namespace, name in (end, self._far[end]):
                self._up.remove((namespace, name))
                self._tell(namespace, PeerDown(name))

    # --- where packets go ---

    def reaches(self, source: str, destination: str) -> bool:
        """Whether a packet arrives on every branch."""
        return all(path[-1] == "arrived" for path in self.paths(source, destination))

    def paths(self, source: str, destination: str) -> list[Path]:
        """The namespaces a packet passes on each equal-cost branch, and what became of it.

        As its source it has the sender's address on the interface it leaves by.
        """
        target = ip_address(destination)
        port, _ = self._lookup(source, target)[0]
        if port is None:
            return [(source, "no route")]
        return list(self._follow((source,), None, self._sender(source, port, target), target))

    def _sender(self, source: str, port: str | None, target: Address) -> Address:
        if port is not None and (source, port) in self._tunnels:
            inner = self._tunnels[source, port].inner_address
            assert inner is not None
            return inner
        return next(
            one.address.ip
            for one in self.plan.addresses
            if (one.namespace, one.ifname, one.address.version) == (source, port, target.version)
        )

    def _follow(self, path: Path, came_in: str | None, source: Address, target: Address) -> Iterator[Path]:
        here = path[-1]
        if target in own_addresses(self.plan, here):
            yield (*path, "arrived")
        elif came_in is not None and not self._forwards(here):
            yield (*path, "does not forward")
        elif len(path) > HOPS:
            yield (*path, "loop")
        else:
            for port, next_hop in self._lookup(here, target):
                if port is None:
                    yield (*path, "no route")
                elif came_in is not None and not self._permits(here, (came_in, port), source, target):
                    yield (*path, "filtered")
                else:
                    yield from self._send(path, port, next_hop, source, target)

    def _send(
        self, path: Path, port: str, next_hop: Address, source: Address, target: Address
    ) -> Iterator[Path]:
        if (path[-1], port) in self._tunnels:
            far = self._tunnels[path[-1], port]
            back = next(end.ifname for end in self.plan.tunnels if end.namespace == far.peer)
            yield from self._follow((*path, far.peer), back, source, target)
            return
        arrival = self._owners.get((self._segments[Endpoint(path[-1], port)], next_hop))
        if arrival is None:
            yield (*path, f"nobody is {next_hop}")
        else:
            yield from self._follow((*path, arrival.namespace), arrival.ifname, source, target)

    def _forwards(self, name: str) -> bool:
        return next(one.forwarding for one in self.plan.namespaces if one.name == name)

    def _lookup(self, namespace: str, target: Address) -> list[tuple[str | None, Address]]:
        """Interface and next hop of each branch of the longest match."""
        static = [route for route in self.plan.static_routes if route.namespace == namespace]
        table: dict[Prefix, list[tuple[str | None, Address]]] = {
            route.prefix: [(None, target)] for route in static if route.last_resort
        }
        for prefix, next_hops in self._fib.get(namespace, {}).items():
            table[prefix] = [(self._port(namespace, hop), hop) for hop in next_hops]
        for one in static:
            if not one.last_resort:
                hops = [(one.ifname or self._port(namespace, hop), hop) for hop in one.next_hops]
                table[one.prefix] = hops or [(None, target)]
        for end in self.plan.tunnels:
            if end.namespace == namespace:
                peer = () if end.inner_peer_address is None else (ip_network(end.inner_peer_address),)
                for route in (*peer, *end.routes):
                    table.setdefault(route, [(end.ifname, target)])
        for assigned in self.plan.addresses:
            if assigned.namespace == namespace and assigned.ifname != "lo":
                table[assigned.address.network] = [(assigned.ifname, target)]
        matching = [prefix for prefix in table if prefix.version == target.version and target in prefix]
        if not matching:
            return [(None, target)]
        return table[max(matching, key=lambda prefix: prefix.prefixlen)]

    def _port(self, namespace: str, next_hop: Address) -> str | None:
        for one in self.plan.addresses:
            if one.namespace == namespace and one.ifname != "lo" and next_hop in one.address.network:
                return one.ifname
        for end in self.plan.tunnels:
            if end.namespace == namespace and next_hop == end.inner_peer_address:
                return end.ifname
        return None

    def _permits(self, namespace: str, ports: tuple[str, str], source: Address, target: Address) -> bool:
        for found in self.plan.filters:
            if found.namespace == namespace:
                rules = (rule.action for rule in found.rules if _applies(rule, ports, source, target))
                return next(rules, found.default) is FilterAction.ACCEPT
        return True


def _applies(rule: FilterRule, ports: tuple[str, str], source: Address, target: Address) -> bool:
    """Any protocol, and nothing is established."""
    return (
        not rule.established
        and (not rule.in_interfaces or ports[0] in rule.in_interfaces)
        and (not rule.out_interfaces or ports[1] in rule.out_interfaces)
        and (not rule.sources or any(source in prefix for prefix in rule.sources))
        and (not rule.destinations or any(target in prefix for prefix in rule.destinations))
    )


def _sessions(plan: Plan) -> dict[Session, Session]:
    """Each end of the sessions that come up, with the other end."""
    ends = {
        (near.local_address, near.peer_address): (speaker.namespace, near.name)
        for speaker in plan.speakers
        for near in speaker.config.neighbors
        if (speaker.namespace, near.name) not in plan.expected_down
    }
    return {end: ends[pair[::-1]] for pair, end in ends.items()}
