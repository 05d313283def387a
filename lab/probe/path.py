"""The way of a flow, hop by hop, by the kernels' own tables: there, and back for its answers.

Each node is asked which route it takes, whether the link is up and whether the next hop answers
to ARP; the plan knows whose address a next hop is and what its filters drop. Where a node has
several next hops, all of them are followed: some flow takes each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from itertools import permutations

from lab.bgp.route import Address
from lab.plan.filtering import Forwarded, refusal
from lab.plan.segments import segments
from lab.plan.types import Endpoint, Plan
from lab.probe import hop
from lab.probe.child import in_child
from lab.probe.flows import Flow
from lab.probe.hop import Branch, Hop
from lab.probe.joining import join
from lab.probe.sending import source_address
from lab.runtime.control import Control

Ask = Callable[[str, Address], Hop]
"""Which way a namespace sends packets to an address."""

DROPS = {
    "blackhole": "throws packets to {} away: its route is a blackhole",
    "prohibit": "refuses packets to {}: its route prohibits them",
    "unreachable": "has no route to {}",
}


def trace(control: Control, plan: Plan, flow: Flow) -> str | None:
    """The first broken link of the flow's way, there and back; None when it is whole.

    Raises InputError for a node that the lab does not have.
    """

    def ask(namespace: str, destination: Address) -> Hop:
        def join_and_ask() -> hop.Json:
            join(control, namespace)
            return hop.ask(str(destination))

        return hop.hop_of(in_child(join_and_ask))

    def join_and_choose() -> str | None:
        join(control, flow.source)
        try:
            return str(source_address(flow.destination))
        except OSError:
            return None

    if flow.source_address is None and (chosen := in_child(join_and_choose)) is not None:
        flow = replace(flow, source_address=ip_address(chosen))
    return broken_link(plan, flow, ask)


def broken_link(plan: Plan, flow: Flow, ask: Ask) -> str | None:
    """The same for a flow whose source address is known, if its node has a way at all."""
    if flow.source_address is None:
        found = ask(flow.source, flow.destination)
        broken = next((branch.broken for branch in found.branches if branch.broken), None)
        if broken is not None:
            return f"{flow.source}: {broken}"
        return _thrown_away(flow.source, flow.destination, found)
    ports = flow.protocol != "icmp"
    there = Way(
        plan,
        ask,
        flow.source_address,
        flow.destination,
        flow.protocol,
        flow.destination_port if ports else None,
        flow.size,
    )
    if broken := there.follow(flow.source):
        return broken
    back = Way(
        plan,
        ask,
        flow.destination,
        flow.source_address,
        "tcp" if flow.protocol == "tcp" else "icmp",
        flow.source_port if flow.protocol == "tcp" else None,
        passed_before=frozenset(there.passed),
    )
    for end in sorted(there.ends):
        if broken := back.follow(end):
            return f"on the way back, {broken}"
    strays = sorted(back.ends - {flow.source})
    return f"answers end in {strays[0]}, which has {flow.source_address}" if strays else None


@dataclass
class Way:
    """One direction. ``passed`` are the nodes that forwarded, ``ends`` those at whose own address
    it ended; ``passed_before`` those that know the connection by its first direction."""

    plan: Plan
    ask: Ask
    source: Address
    destination: Address
    protocol: str
    destination_port: int | None
    size: int | None = None
    passed_before: frozenset[str] = frozenset()
    passed: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._segments = segments(self.plan)
        self._forwarding = {one.name for one in self.plan.namespaces if one.forwarding}
        self._done: set[tuple[str, str | None]] = set()
        self._through = {
            Endpoint(near.namespace, near.ifname): Endpoint(far.namespace, far.ifname)
            for near, far in permutations(self.plan.tunnels, 2)
            if near.name == far.name
        }

    def follow(self, here: str, came_in: str | None = None, before: tuple[str, ...] = ()) -> str | None:
        """The first broken link from ``here`` on, over every branch."""
        if here in before:
            return f"routing loop: {' - '.join((*before[before.index(here) :], here))}"
        if (here, came_in) in self._done:
            return None
        self._done.add((here, came_in))
        found = self.ask(here, self.destination)
        if found.kind == "local":
            self.ends.add(here)
            return None
        if came_in is not None and here not in self._forwarding:
            return f"{here} does not forward"
        if thrown_away := _thrown_away(here, self.destination, found):
            return thrown_away
        for branch in found.branches:
            if broken := self._take(branch, here, came_in, before):
                one_of = f" (by {branch.next_hop}, one of {len(found.branches)} next hops of {here})"
                return broken + (one_of if len(found.branches) > 1 else "")
        return None

    def _take(self, branch: Branch, here: str, came_in: str | None, before: tuple[str, ...]) -> str | None:
        if came_in is not None:
            if dropped := self._dropped(here, came_in, branch.interface):
                return dropped
            self.passed.add(here)
        if branch.broken is not None:
            return f"{here}: {branch.broken}"
        if self.size is not None and self.size > branch.mtu:
            return f"{here}: {self.size} bytes do not fit through {branch.interface} (MTU {branch.mtu})"
        owner = self._owner(Endpoint(here, branch.interface), ip_address(branch.next_hop))
        if owner is None:
            return f"{here}: {branch.next_hop} on {branch.interface} is nobody's address"
        return self.follow(owner.namespace, owner.ifname, (*before, here))

    def _dropped(self, here: str, came_in: str, goes_out: str) -> str | None:
        packet = Forwarded(
            came_in,
            goes_out,
            self.source,
            self.destination,
            self.protocol,
            self.destination_port,
            known=here in self.passed_before,
        )
        why = refusal((one for one in self.plan.filters if one.namespace == here), packet)
        return f"dropped by the filter of {here}: {why}" if why else None

    def _owner(self, port: Endpoint, address: Address) -> Endpoint | None:
        """Whose address it is in the segment of the port; a tunnel leads to its other end."""
        if port in self._through:
            return self._through[port]
        for one in self.plan.addresses:
            endpoint = Endpoint(one.namespace, one.ifname)
            if one.address.ip == address and self._segments.get(endpoint) == self._segments.get(port):
                return endpoint
        return None


def _thrown_away(here: str, destination: Address, found: Hop) -> str | None:
    return f"{here} {DROPS[found.kind].format(destination)}" if found.kind in DROPS else None
