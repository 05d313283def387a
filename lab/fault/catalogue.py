"""The faults there are: parameters, where they fit into a plan, and what they do there.

The first sentence under a class is what the fault emulates; ``mseelab fault list`` shows it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Self

from pydantic import Field, model_validator

from lab.errors import InputError
from lab.fault.effects import (
    Association,
    CarrierLost,
    DaemonHalted,
    Effect,
    Fault,
    Forgotten,
    Halt,
    Lost,
    Packets,
    PortDown,
    Protocol,
    Segmented,
)
from lab.fault.places import (
    Link,
    MisfitError,
    link_of,
    node_of,
    speaker_of,
    toward,
    tunnel_end_of,
    wires_at,
)
from lab.model.addresses import wrong
from lab.model.fields import Described
from lab.plan.types import Endpoint, Plan

LINK_PATTERN = r"^[a-zA-Z][A-Za-z0-9._/:-]*$"
NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,39}$"
NODE_PATTERN = r"^[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)?$"

LinkName = Annotated[
    str,
    Field(
        pattern=LINK_PATTERN,
        description="A link as `mseelab inspect` names it, or an interface at its end, NODE[/VRF]:INTERFACE; "
        "a tagged sub-interface means that tag alone, a tunnel's the inside of the tunnel.",
    ),
]
NodeOrVrf = Annotated[str, Field(pattern=NODE_PATTERN, description="NODE or NODE/VRF, such as msee1.")]
FaultName = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        description="A letter first, then lower-case letters, digits, hyphens and underscores; at most 40.",
    ),
]


class Carrier(Enum):
    """What a dead link looks like to its ends."""

    LOSE = "lose"
    """Both ports lose their carrier, as when a fibre is cut."""
    KEEP = "keep"
    """Both ports stay up, and nobody is told, as when a provider's network loses what it carries."""


class FaultKind(Described):
    """A fault's parameters."""

    @abstractmethod
    def effects(self, plan: Plan) -> Iterator[Effect]:
        """What it does in a lab of that plan, in order. Raises MisfitError for what is not there."""

    @abstractmethod
    def sentence(self) -> str:
        """What is wrong while it lasts, for people."""


class LinkDown(FaultKind):
    """A link is cut, and its ends see that or do not."""

    link: LinkName
    carrier: Carrier = Carrier.LOSE
    """`lose`: both ends see that the link is down. `keep`: packets are lost and nobody sees why."""
    toward: NodeOrVrf | None = None
    """The end that gets no more packets, when only one direction is lost; needs `carrier: keep`."""

    @model_validator(mode="after")
    def _one_way_is_silent(self) -> Self:
        if self.toward is not None and self.carrier is Carrier.LOSE:
            raise wrong("a carrier is lost at both ends, not toward one", "add carrier: keep")
        return self

    def effects(self, plan: Plan) -> Iterator[Effect]:
        link = link_of(plan, self.link)
        if self.carrier is Carrier.KEEP:
            yield from _lost(link, link.ends, self.toward, Packets())
        elif link.wire:
            yield from _cut(link, link.ends[:1])
        else:
            what = "a tunnel" if link.tunnel else "a tag"
            raise MisfitError("link", f"{what} has no carrier of its own", "carrier: keep loses its packets")

    def sentence(self) -> str:
        if self.carrier is Carrier.LOSE:
            return f"{self.link} is down"
        return f"{self.link} carries nothing{_toward(self.toward)}, and its ends are up"


class DaemonStop(FaultKind):
    """A routing or an IKE process stops, crashes or hangs, and nothing starts it again."""

    node: NodeOrVrf
    """Whose BGP speaker it is, or whose end of `tunnel`."""
    tunnel: Annotated[str, Field(min_length=1)] | None = None
    """The IKE daemon of this tunnel's end, by the name of the tunnel or of its peer; without it the
    BGP speaker."""
    how: Halt = Halt.STOP
    """`stop`: it takes leave of its peers. `kill`: it crashes. `freeze`: it hangs."""

    def effects(self, plan: Plan) -> Iterator[Effect]:
        if self.tunnel is None:
            yield DaemonHalted(speaker_of(plan, self.node), self.how)
        else:
            end = tunnel_end_of(plan, self.node, self.tunnel)
            yield DaemonHalted(end.namespace, self.how, end.name)

    def sentence(self) -> str:
        which = "BGP" if self.tunnel is None else f"IKE for {self.tunnel}"
        words = {Halt.STOP: "is stopped", Halt.KILL: "was killed", Halt.FREEZE: "hangs"}
        return f"{which} at {self.node} {words[self.how]}"


class NodeDown(FaultKind):
    """A device or a gateway instance loses its power: all its links, BGP and IKE."""

    node: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", description="A node with all its VRFs.")]

    def effects(self, plan: Plan) -> Iterator[Effect]:
        for link in wires_at(plan, self.node):
            yield from _cut(link, toward(link, link.ends, self.node))
        for end in plan.tunnels:
            if node_of(end.namespace) == self.node:
                yield DaemonHalted(end.namespace, Halt.KILL, end.name)
        for speaker in plan.speakers:
            if node_of(speaker.namespace) == self.node:
                yield DaemonHalted(speaker.namespace, Halt.KILL)

    def sentence(self) -> str:
        return f"{self.node} is down"


class DropProtocol(FaultKind):
    """A firewall or a provider drops one kind of packets on a link, and says nothing."""

    link: LinkName
    protocol: Protocol
    """`ike`: UDP 500, and of UDP 4500 what is not ESP. `esp`: IP protocol 50, and ESP in UDP 4500.
    `bgp`: TCP 179. `icmp`: ICMP and ICMPv6, but not neighbour discovery."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Of `udp` and `tcp`: the port, at either end; without it every port."""
    toward: NodeOrVrf | None = None
    """The end that does not get them, when only one direction is lost."""

    @model_validator(mode="after")
    def _ports_are_of_udp_and_tcp(self) -> Self:
        if self.port is not None and self.protocol not in (Protocol.UDP, Protocol.TCP):
            raise wrong(f"a port without udp or tcp: {self.protocol.value}", "say protocol: udp or tcp")
        return self

    def effects(self, plan: Plan) -> Iterator[Effect]:
        link = link_of(plan, self.link)
        yield from _lost(link, link.carriers, self.toward, Packets(self.protocol, self.port))

    def sentence(self) -> str:
        port = "" if self.port is None else f" port {self.port}"
        return f"{self.link} drops {self.protocol.value}{port}{_toward(self.toward)}"


class Mtu(FaultKind):
    """A link carries only small packets and drops the others without an ICMP message: a black hole."""

    link: LinkName
    mtu: Annotated[int, Field(ge=68, le=9000)]
    """The longest IP packet that gets through, in bytes."""
    toward: NodeOrVrf | None = None
    """The end that does not get long packets, when only one direction is lost."""

    def effects(self, plan: Plan) -> Iterator[Effect]:
        link = link_of(plan, self.link)
        if not link.tunnel:
            yield from (Segmented(end) for end in link.carriers)
        yield from _lost(link, link.carriers, self.toward, Packets(longer_than=self.mtu))

    def sentence(self) -> str:
        return f"{self.link} loses packets longer than {self.mtu} bytes{_toward(self.toward)}"


class DeleteSa(FaultKind):
    """One end of a tunnel loses its security associations, once; there is nothing to clear."""

    node: NodeOrVrf
    """Which end of the tunnel."""
    tunnel: Annotated[str, Field(min_length=1)]
    """By its name or that of its peer."""
    association: Association = Association.IKE
    """`ike`: the IKE association with all its children. `child`: the ESP associations alone."""
    told: bool = False
    """Whether the peer is told by a DELETE; if not, it finds out by itself."""

    @model_validator(mode="after")
    def _children_are_not_forgotten(self) -> Self:
        if self.association is Association.CHILD and not self.told:
            hint = "add told: true, or forget the IKE association with them"
            raise wrong("an IKE daemon cannot forget ESP associations alone and say nothing", hint)
        return self

    def effects(self, plan: Plan) -> Iterator[Effect]:
        end = tunnel_end_of(plan, self.node, self.tunnel)
        yield Forgotten(end.namespace, end.name, self.association, self.told)

    def sentence(self) -> str:
        what = {Association.IKE: "IKE", Association.CHILD: "ESP"}[self.association]
        how = "and tells its peer" if self.told else "and tells nobody"
        return f"{self.node} deletes the {what} associations of {self.tunnel} {how}"


class FaultSpec(Described):
    """Exactly one kind of fault, and the name it is cleared by."""

    name: FaultName | None = None
    """What it is cleared by; the kind's own name when left out."""

    link_down: LinkDown | None = None
    daemon_stop: DaemonStop | None = None
    node_down: NodeDown | None = None
    drop_protocol: DropProtocol | None = None
    mtu: Mtu | None = None
    delete_sa: DeleteSa | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self._given()
        if not given:
            raise wrong("says no fault", f"add one of {', '.join(KINDS)}")
        if len(given) > 1:
            raise wrong(f"has {len(given)} faults: {', '.join(given)}", "one fault a step: make another step")
        return self

    @property
    def kind(self) -> str:
        return self._given()[0]

    @property
    def what(self) -> FaultKind:
        value: FaultKind = getattr(self, self.kind)
        return value

    @property
    def lasts(self) -> bool:
        """Whether there is something to clear."""
        return not isinstance(self.what, DeleteSa)

    def fault(self, plan: Plan) -> Fault:
        """The fault in a lab of that plan. Raises InputError for what is not there."""
        try:
            effects = tuple(dict.fromkeys(self.what.effects(plan)))
        except MisfitError as error:
            raise InputError(f"{self.kind}: {error.what}", hint=error.hint) from None
        parameters = self.what.model_dump(mode="json", exclude_none=True)
        return Fault(self.kind, parameters, self.what.sentence(), effects, self.name)

    def _given(self) -> list[str]:
        return [name for name in KINDS if getattr(self, name) is not None]


KINDS = tuple(name for name in FaultSpec.model_fields if name != "name")
"""All kinds, by the property they are written as."""


def _cut(link: Link, ports: tuple[Endpoint, ...]) -> Iterator[Effect]:
    """The ports are set down; what is tagged on the link loses its carrier with them."""
    yield from map(PortDown, ports)
    for tag in link.tags:
        yield from map(CarrierLost, tag)


def _lost(link: Link, ends: tuple[Endpoint, ...], node: str | None, packets: Packets) -> Iterator[Effect]:
    for end in toward(link, ends, node):
        yield Lost(end, packets, link.tunnel)


def _toward(node: str | None) -> str:
    return "" if node is None else f" toward {node}"
