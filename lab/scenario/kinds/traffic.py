"""Packets: who reaches whom, by which wires, and what is seen there.

Looking is sending probes; judging is pure: what became of the probes in, a Sight out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from math import comb
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from lab.errors import InputError
from lab.model.addresses import address_parser, network_parser, wrong
from lab.model.fields import Address, Described, VlanId
from lab.plan.queries import owners
from lab.plan.types import Plan
from lab.probe.flows import (
    EPHEMERAL_PORT,
    SMALLEST,
    UNUSED_PORT,
    Flow,
    FlowResult,
    Outcome,
    Protocol,
    SeenPacket,
    WireProtocol,
)
from lab.scenario.kinds.base import Absence, Expectation, InterfaceName, NamespaceName, Sight
from lab.scenario.running import RunningLab
from lab.scenario.words import counted, listed

BRANCHES_TRIED = 8
"""Flows of a claim over UDP or TCP: where a way has two branches, all of them miss one of the two
once in 128 times. Pings have no ports and all take one branch."""
FALSE_ALARM = 1e-6
"""How often chance alone may break a claim about spreading."""
MOST_SHOWN = 4


def _parse_scope(value: Any) -> IPv4Network | IPv6Network:
    """A network; an address stands for itself alone."""
    if isinstance(value, str) and "/" not in value:
        value = ip_network(address_parser(4, 6)(value))
    scope: IPv4Network | IPv6Network = network_parser(4, 6)(value)
    return scope


Port = Annotated[int, Field(ge=1, le=65535)]
Size = Annotated[int, Field(ge=SMALLEST, le=65535)]
Scope = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(
        _parse_scope, json_schema_input_type=Annotated[str, Field(pattern=r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")]
    ),
]


class Reach(Expectation):
    """Probes arrive and are answered, each direction seen on its own."""

    source: NamespaceName
    destination: Address
    """An address of the lab."""
    source_address: Address | None = None
    """Another one than the kernel would choose."""
    protocol: Protocol = "icmp"
    port: Port | None = None
    """For udp and tcp; something need not listen, a refusal is an answer."""
    size: Size | None = None
    """Of the whole IP packet, in bytes. Probes are never fragmented."""

    def claim(self) -> str:
        return f"{self.source} reaches {self.destination}{_details(self)}"

    def look(self, lab: RunningLab) -> Sight:
        _check_owned(lab.plan, self.destination)
        return self.judge(lab.probe(_flows(self)))

    def judge(self, result: FlowResult) -> Sight:
        """All of the flows arrived at their destination and were answered."""
        return Sight(all(one.arrived and one.answer for one in result.outcomes), _seen(result))

    def broken_link(self, lab: RunningLab) -> str | None:
        return lab.trace(_flows(self)[0])


class NoReach(Absence):
    """No probe is answered."""

    source: NamespaceName
    destination: Address
    source_address: Address | None = None
    """Another one than the kernel would choose."""
    protocol: Protocol = "icmp"
    port: Port | None = None
    size: Size | None = None
    """Of the whole IP packet, in bytes. Probes are never fragmented."""
    lost: Literal["forward", "return"] | None = None
    """Which direction loses them: the probe does not arrive, or its answer does not."""

    def claim(self) -> str:
        where = {None: "", "forward": ": probes do not arrive", "return": ": answers do not come back"}
        return f"{self.source} does not reach {self.destination}{_details(self)}{where[self.lost]}"

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.probe(_flows(self)))

    def judge(self, result: FlowResult) -> Sight:
        """None of the flows was answered, and all were lost where they are said to be."""
        lost = {one.lost for one in result.outcomes}
        return Sight(lost == {self.lost} if self.lost else None not in lost, _seen(result))

    def broken_link(self, lab: RunningLab) -> str | None:
        """Nothing is broken when packets pass; when they are lost in the wrong place, that place."""
        return lab.trace(_flows(self)[0])


class Spread(Expectation):
    """Many flows share these wires, each flow on one of them (ECMP by 5-tuple)."""

    source: NamespaceName
    destination: Address
    over: Annotated[tuple[InterfaceName, ...], Field(min_length=1)]
    """Interfaces the flows' packets leave or enter by; one alone means: all go there."""
    flows: Annotated[int, Field(ge=8, le=1024, validate_default=True)] = 128
    """Over UDP, each from a port of its own."""

    @field_validator("over")
    @classmethod
    def _each_once(cls, over: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(over)) < len(over):
            raise wrong("the same interface twice", "name each once")
        return over

    @field_validator("flows")
    @classmethod
    def _enough(cls, flows: int, info: ValidationInfo) -> int:
        interfaces = len(info.data.get("over", ()))
        if interfaces > 1 and least_share(flows, interfaces) == 0:
            raise wrong(
                f"{flows} flows are too few for {interfaces} interfaces",
                "chance alone may leave one of them empty; take more",
            )
        return flows

    def claim(self) -> str:
        over = self.over[0] if len(self.over) == 1 else listed(self.over)
        how = "all go over" if len(self.over) == 1 else "share"
        return f"{self.flows} flows from {self.source} to {self.destination} {how} {over}"

    def look(self, lab: RunningLab) -> Sight:
        flows = _series(Flow(self.source, self.destination, protocol="udp"), self.flows)
        return self.judge(lab.probe(flows, self.over))

    def judge(self, result: FlowResult) -> Sight:
        """Each flow on exactly one of the interfaces, and each of them with its share."""
        carried = [_forward(result.wires[interface]) for interface in self.over]
        times = Counter(index for flows in carried for index in flows)
        nowhere = len(result.outcomes) - len(times)
        several = sum(count > 1 for count in times.values())
        enough = len(result.outcomes) if len(self.over) == 1 else least_share(self.flows, len(self.over))
        shares = [f"{len(flows)} by {interface}" for interface, flows in zip(self.over, carried, strict=True)]
        seen = f"{counted(len(result.outcomes), 'flow')}: {listed(shares)}"
        seen += f"; {several} by more than one" if several else ""
        seen += f"; {nowhere} by none of these, and {_strayed(result, times)}" if nowhere else ""
        holds = not several and not nowhere and all(len(flows) >= enough for flows in carried)
        return Sight(
            holds, seen if holds or several or nowhere else f"{seen}; at least {enough} each expected"
        )

    def broken_link(self, lab: RunningLab) -> str | None:
        """On a way that is whole: what the routers whose interfaces are named forward by."""
        broken = lab.trace(Flow(self.source, self.destination, protocol="udp"))
        return broken or "\n".join(self._forwarding(lab)) or None

    def _forwarding(self, lab: RunningLab) -> Iterator[str]:
        speakers = {speaker.namespace for speaker in lab.plan.speakers}
        for node in dict.fromkeys(interface.partition(":")[0] for interface in self.over):
            if node in speakers:
                why = lab.why(node, str(self.destination))
                yield f"{node} decided on {why['prefix'] or self.destination}: {why['fib']['explanation']}"


class Shows(Described):
    """What a packet on the wire must look like; all that is given."""

    protocol: WireProtocol | None = None
    source: Scope | None = None
    """A prefix or address."""
    destination: Scope | None = None
    """A prefix or address."""
    tags: tuple[VlanId, ...] | None = None
    """The VLAN tags, outer first; an empty list for none."""

    def fits(self, packet: SeenPacket) -> bool:
        return (
            self.protocol in (None, packet.protocol)
            and (self.source is None or packet.source in self.source)
            and (self.destination is None or packet.destination in self.destination)
            and self.tags in (None, packet.tags)
        )

    def __str__(self) -> str:
        return " ".join(self._words()) or "any packet"

    def _words(self) -> Iterator[str]:
        if self.protocol is not None:
            yield self.protocol
        if self.source is not None:
            yield f"from {_short(self.source)}"
        if self.destination is not None:
            yield f"to {_short(self.destination)}"
        if self.tags is not None:
            yield _tags(self.tags)


class OnWire(Expectation):
    """While probes go from source to destination, such packets of theirs pass the interface."""

    interface: InterfaceName
    source: NamespaceName
    destination: Address
    protocol: Protocol = "icmp"
    port: Port | None = None
    shows: Shows

    def claim(self) -> str:
        return f"on {self.interface}, probes {_probes(self)} show {self.shows}"

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.probe(_watched_flows(self), [self.interface]))

    def judge(self, result: FlowResult) -> Sight:
        packets = result.wires[self.interface]
        return Sight(any(map(self.shows.fits, packets)), _on_wire(packets))

    def broken_link(self, lab: RunningLab) -> str | None:
        return lab.trace(_watched_flows(self)[0])


class NotOnWire(Absence):
    """While probes go from source to destination, no such packet of theirs passes the interface."""

    interface: InterfaceName
    source: NamespaceName
    destination: Address
    protocol: Protocol = "icmp"
    port: Port | None = None
    shows: Shows

    def claim(self) -> str:
        return f"on {self.interface}, probes {_probes(self)} never show {self.shows}"

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.probe(_watched_flows(self), [self.interface]))

    def judge(self, result: FlowResult) -> Sight:
        packets = result.wires[self.interface]
        return Sight(not any(map(self.shows.fits, packets)), _on_wire(packets))

    def broken_link(self, lab: RunningLab) -> str | None:
        """Nothing is broken where a packet passes."""
        return None


# Flows.


def _flows(step: Reach | NoReach) -> Sequence[Flow]:
    port = step.port or UNUSED_PORT
    return _branches(
        Flow(
            step.source,
            step.destination,
            source_address=step.source_address,
            protocol=step.protocol,
            destination_port=port,
            size=step.size,
        )
    )


def _watched_flows(step: OnWire | NotOnWire) -> Sequence[Flow]:
    port = step.port or UNUSED_PORT
    return _branches(Flow(step.source, step.destination, protocol=step.protocol, destination_port=port))


def _branches(flow: Flow) -> Sequence[Flow]:
    """Over UDP and TCP several, because each may take another branch."""
    return [flow] if flow.protocol == "icmp" else _series(flow, BRANCHES_TRIED)


def _series(flow: Flow, count: int) -> Sequence[Flow]:
    """The same from consecutive ports: always the same ones, so that a look can be repeated."""
    return [replace(flow, source_port=EPHEMERAL_PORT + number) for number in range(count)]


def _check_owned(plan: Plan, destination: Address) -> None:
    if not owners(plan, destination):
        raise InputError(
            f"{destination} is nobody's address in this lab", hint="`mseelab plan` lists addresses"
        )


def least_share(flows: int, interfaces: int) -> int:
    """The fewest flows an interface has to carry, so that chance alone breaks the claim less often
    than ``FALSE_ALARM``; at most half of a fair share.

    The kernel's hash puts each flow on each of n interfaces with probability 1/n, so the number
    on one of them is binomial, and the probability that any has less than its least is at most n
    times that of one. 128 flows over two interfaces: 32 each, and 4 in 10^9.
    """
    share = flows // (2 * interfaces)
    while share > 0 and interfaces * _fewer_than(share, flows, interfaces) >= FALSE_ALARM:
        share -= 1
    return share


def _fewer_than(share: int, flows: int, interfaces: int) -> float:
    """The probability that one interface gets less than ``share`` of the flows."""
    ways = sum(comb(flows, number) * (interfaces - 1) ** (flows - number) for number in range(share))
    return float(ways / interfaces**flows)


def _forward(packets: Sequence[SeenPacket]) -> set[int]:
    """The flows that have packets among these, not counting answers."""
    return {packet.flow for packet in packets if packet.flow is not None and not packet.returning}


# Words.


def _details(step: Reach | NoReach) -> str:
    words = _by(step.protocol, step.port)
    if step.source_address is not None:
        words += f" from {step.source_address}"
    if step.size is not None:
        words += f" with {step.size} bytes"
    return words


def _by(protocol: Protocol, port: int | None) -> str:
    if protocol == "icmp":
        return ""
    return f" by {protocol} port {port or UNUSED_PORT}"


def _probes(step: OnWire | NotOnWire) -> str:
    return f"from {step.source} to {step.destination}{_by(step.protocol, step.port)}"


def _seen(result: FlowResult) -> str:
    """What became of the flows, what is alike counted once: the most frequent first."""
    fates = Counter(_fate(outcome) for outcome in result.outcomes)
    if len(fates) == 1:
        return next(iter(fates))
    return "; ".join(f"{counted(count, 'flow')}: {fate}" for fate, count in fates.most_common(MOST_SHOWN))


def _strayed(result: FlowResult, carried: Container[int]) -> str:
    """What became of the flows that were not carried: by which answer does not matter."""
    others = tuple(outcome for index, outcome in enumerate(result.outcomes) if index not in carried)
    if all(outcome.arrived and outcome.answer for outcome in others):
        return "answered"
    return _seen(replace(result, outcomes=others))


def _fate(outcome: Outcome) -> str:
    if outcome.not_sent is not None:
        return f"{outcome.flow.source} could not send: {outcome.not_sent}"
    if outcome.answer is not None:
        answered = f"answered ({outcome.answer.value})"
        return answered if outcome.arrived else f"{answered}, but not by {outcome.flow.destination}'s node"
    returned = f"; {outcome.error}" if outcome.error is not None else ""
    if outcome.arrived:
        return f"the probe arrived, its answer did not come back{returned}"
    return f"the probe did not arrive{returned}"


def _on_wire(packets: Sequence[SeenPacket]) -> str:
    if not packets:
        return "none of their packets"
    kinds = Counter(_packet(packet) for packet in packets)
    shown = "; ".join(kind for kind, _ in kinds.most_common(MOST_SHOWN))
    more = len(kinds) - MOST_SHOWN
    return f"{shown}; and {counted(more, 'other')}" if more > 0 else shown


def _packet(packet: SeenPacket) -> str:
    return f"{packet.protocol} from {packet.source} to {packet.destination} {_tags(packet.tags)}"


def _tags(tags: Sequence[int]) -> str:
    return (
        f"with {'tag' if len(tags) == 1 else 'tags'} {' '.join(map(str, tags))}" if tags else "without tags"
    )


def _short(scope: IPv4Network | IPv6Network) -> str:
    return str(scope.network_address) if scope.prefixlen == scope.max_prefixlen else str(scope)
