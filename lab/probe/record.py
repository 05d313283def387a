"""What the taps of one look have shown so far, flow by flow. Reads packets; asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.bgp.route import Address
from lab.errors import InputError
from lab.plan.queries import addresses_of, interfaces_of, own_addresses, owners
from lab.plan.types import Endpoint, Plan
from lab.probe.capture import Captured
from lab.probe.flows import Answer, Flow, FlowResult, IcmpError, Outcome, SeenPacket
from lab.probe.marks import Marks, Recognized, seen
from lab.probe.packets import decode, out_of_udp


class Watched(NamedTuple):
    """An interface somebody wants to know about.

    ``addressed``: frames for others pass it by, as those a switch sends to everybody do. A
    bridge's port has none of its own and takes them all.
    """

    name: str
    trunk: bool
    addressed: bool


class Record:
    """Of one look. Raises InputError for an interface that the plan does not have."""

    def __init__(self, plan: Plan, flows: Sequence[Flow], watching: Sequence[str], marks: Marks) -> None:
        self._flows = flows
        self._marks = marks
        self._owners = {
            destination: frozenset(owners(plan, destination))
            for destination in {flow.destination for flow in flows}
        }
        self._own = {source: own_addresses(plan, source) for source in {flow.source for flow in flows}}
        self._ends = {*self._own}.union(*self._owners.values())
        self._watched = {tuple(name.split(":", 1)): _watched(plan, name) for name in watching}
        self._wires: dict[str, list[SeenPacket]] = {name: [] for name in watching}
        self._arrived: set[int] = set()
        self._answers: dict[int, Answer] = {}
        self._errors: dict[int, IcmpError] = {}
        self._not_sent: dict[int, str] = {}

    def namespaces(self) -> list[str]:
        """Where packets must be captured, each once."""
        return sorted(self._ends.union(namespace for namespace, _ in self._watched))

    def unanswered(self) -> set[int]:
        """The flows of which nobody has said anything yet: more packets might help."""
        said = self._answers.keys() | self._errors.keys() | self._not_sent.keys()
        return set(range(len(self._flows))) - said

    def not_sent(self, reasons: dict[int, str]) -> None:
        self._not_sent.update(reasons)

    def see(self, namespace: str, one: Captured) -> None:
        """Take a packet into account."""
        watched = self._watched.get((namespace, one.ifname))
        if watched is not None and watched.addressed and not (one.to_us or one.packet.outbound):
            watched = None
        if watched is None and not (one.to_us and namespace in self._ends):
            return
        packet = decode(one.packet.data, one.link_type, trunk=watched is not None and watched.trunk)
        if packet is None:
            return
        ours = self._marks.recognize(packet)
        packet = packet if ours is not None else out_of_udp(packet)
        if watched is not None and (ours is not None or packet.protocol == "esp"):
            self._wires[watched.name].append(seen(packet, ours, outbound=one.packet.outbound))
        if ours is not None and one.to_us:
            self._received(namespace, packet.destination, ours)

    def _received(self, namespace: str, destination: Address, ours: Recognized) -> None:
        """An answer to a borrowed source address may pass its borrower, and is not for it."""
        flow = self._flows[ours.index]
        if not ours.returning:
            if namespace in self._owners[flow.destination]:
                self._arrived.add(ours.index)
        elif namespace == flow.source and destination in self._own[namespace]:
            if ours.answer is not None:
                self._answers[ours.index] = ours.answer
            if ours.error is not None:
                self._errors[ours.index] = ours.error

    def result(self) -> FlowResult:
        outcomes = tuple(
            Outcome(
                flow,
                arrived=index in self._arrived,
                answer=self._answers.get(index),
                error=self._errors.get(index),
                not_sent=self._not_sent.get(index),
            )
            for index, flow in enumerate(self._flows)
        )
        return FlowResult(outcomes, {name: tuple(packets) for name, packets in self._wires.items()})


def _watched(plan: Plan, name: str) -> Watched:
    namespace, _, ifname = name.partition(":")
    namespaces = [each.name for each in plan.namespaces]
    if namespace not in namespaces:
        raise InputError(f"{namespace} is not a node of this lab", hint=f"there are: {', '.join(namespaces)}")
    known = [*interfaces_of(plan, namespace), "lo"]
    if ifname not in known:
        raise InputError(f"{namespace} has no interface {ifname}", hint=f"it has: {', '.join(known)}")
    trunk = any(Endpoint(namespace, ifname) in (wire.a, wire.b) for wire in plan.wires if wire.trunk)
    return Watched(name, trunk, bool(addresses_of(plan, namespace, ifname)))
