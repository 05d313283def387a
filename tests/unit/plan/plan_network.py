"""A plan brought to life without a kernel: real decisions, imagined wires.

Every speaker is the engine of ``lab.bgp``; sessions that the plan expects to come up carry its
UPDATEs until nobody has anything to say. Then packets can be followed, hop by hop and over every
equal-cost branch, through routes, segments and packet filters.
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
    EndOfRib,
    Install,
    PeerUp,
    Uninstall,
    Withdraw,
    Withdrawn,
)
from lab.bgp.route import Address, Prefix
from lab.plan.queries import own_addresses
from lab.plan.segments import segments
from lab.plan.types import Endpoint, FilterAction, FilterRule, Plan

HOPS = 20
Path = tuple[str, ...]


class Network:
    """A converged plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.engines = {speaker.namespace: Engine(speaker.config) for speaker in plan.speakers}
        self._fib: dict[str, dict[Prefix, tuple[Address, ...]]] = {}
        self._far = _sessions(plan)
        self._segments = segments(plan)
        self._tunnels = {(end.namespace, end.ifname): end for end in plan.tunnels}
        self._owners: dict[tuple[Endpoint, Address], Endpoint] = {}
        for assigned in plan.addresses:
            endpoint = Endpoint(assigned.namespace, assigned.ifname)
            self._owners[self._segments[endpoint], assigned.address.ip] = endpoint
        self._converge()

    # --- what speakers know ---

    def known(self, namespace: str, prefix: str) -> list[dict[str, Any]]:
        """Every candidate for the prefix, the best first."""
        return self.engines[namespace].routes(ip_network(prefix))

    def next_hops(self, namespace: str, prefix: str) -> tuple[str, ...]:
        """What BGP put into the FIB."""
        return tuple(map(str, self._fib.get(namespace, {}).get(ip_network(prefix), ())))

    def _converge(self) -> None:
        waiting: deque[tuple[str, list[Action]]] = deque()
        for (namespace, name), (far, _) in self._far.items():
            identifier = self.plan.speaker(far).config.bgp_identifier
            waiting.append(
                (namespace, self.engines[namespace].handle(PeerUp(name, identifier), EndOfRib(name)))
            )
        for _ in range(10_000):
            if not waiting:
                return
            namespace, actions = waiting.popleft()
            for action in actions:
                waiting.extend(self._carry_out(namespace, action))
        raise AssertionError("BGP does not converge")

    def _carry_out(self, namespace: str, action: Action) -> Iterator[tuple[str, list[Action]]]:
        match action:
            case Install(prefix, next_hops):
                self._fib.setdefault(namespace, {})[prefix] = next_hops
            case Uninstall(prefix):
                self._fib[namespace].pop(prefix, None)
            case Advertise(peer, attributes, nlri):
                far, name = self._far[namespace, peer]
                for prefix, path_id in nlri:
                    yield far, self.engines[far].handle(Announced(name, path_id, attributes, (prefix,)))
            case Withdraw(peer, nlri):
                far, name = self._far[namespace, peer]
                yield far, self.engines[far].handle(Withdrawn(name, nlri))
            case _:
                raise AssertionError(f"{namespace}: {action}")

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
        table: dict[Prefix, list[tuple[str | None, Address]]] = {}
        for prefix, next_hops in self._fib.get(namespace, {}).items():
            table[prefix] = [(self._port(namespace, hop), hop) for hop in next_hops]
        for route in self.plan.static_routes:
            if route.namespace == namespace:
                hops = [(route.ifname or self._port(namespace, hop), hop) for hop in route.next_hops]
                table[route.prefix] = hops or [(None, target)]
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


def _sessions(plan: Plan) -> dict[tuple[str, str], tuple[str, str]]:
    """Each end of the sessions that come up, with the other end."""
    ends = {
        (near.local_address, near.peer_address): (speaker.namespace, near.name)
        for speaker in plan.speakers
        for near in speaker.config.neighbors
        if (speaker.namespace, near.name) not in plan.expected_down
    }
    return {end: ends[pair[::-1]] for pair, end in ends.items()}
