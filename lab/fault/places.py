"""Where a fault is: links, daemons and tunnels of a plan, by the names people use."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lab.model.properties import closest
from lab.plan.tunnels import TunnelEnd, by_tunnel
from lab.plan.types import Endpoint, Plan, SubInterface, Wire

LISTED = 12
"""Names that a hint lists before it says how many more there are."""

Ends = tuple[Endpoint, Endpoint]


class MisfitError(Exception):
    """The plan has nothing of that name, or what has it is of another sort. ``parameter`` is which of
    the fault's is wrong."""

    def __init__(self, parameter: str, what: str, hint: str) -> None:
        super().__init__(what)
        self.parameter = parameter
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Link:
    """Two interfaces that face each other. ``wire``: as a port; else they are the ends of one tag on a
    wire or of one tunnel. ``tags``: what a trunk carries."""

    name: str
    ends: Ends
    wire: bool = False
    tunnel: bool = False
    tags: tuple[Ends, ...] = field(default=())

    @property
    def carriers(self) -> tuple[Endpoint, ...]:
        """The interfaces at which its IP packets come in."""
        inside = tuple(end for tag in self.tags for end in tag)
        return inside if self.wire and self.tags else self.ends


def link_of(plan: Plan, name: str) -> Link:
    """By the name of a wire or a tunnel, or of an interface at either end. Raises MisfitError."""
    known: dict[str, Link] = {}
    for link in _links(plan):
        for alias in (link.name, *map(str, link.ends)):
            known.setdefault(alias, link)
    if name in known:
        return known[name]
    raise _unknown("link", "link", name, known, "links", [wire.name for wire in plan.wires])


def toward(link: Link, interfaces: Collection[Endpoint], node: str | None) -> tuple[Endpoint, ...]:
    """Those of the interfaces that are at ``node``, or all of them. Raises MisfitError when none is."""
    if node is None:
        return tuple(interfaces)
    found = tuple(end for end in interfaces if node in (end.namespace, node_of(end.namespace)))
    if found:
        return found
    ends = dict.fromkeys(end.namespace for end in interfaces)
    raise MisfitError("toward", f"{link.name} does not lead to {node}", f"it leads to {' and '.join(ends)}")


def speaker_of(plan: Plan, name: str) -> str:
    """The namespace of a BGP speaker. Raises MisfitError."""
    known = [speaker.namespace for speaker in plan.speakers]
    if name in known:
        return name
    inside = [each for each in known if node_of(each) == name]
    if len(inside) == 1:
        return inside[0]
    if inside:
        raise MisfitError("node", f"{name} is several: say which VRF", f"there are: {', '.join(inside)}")
    raise _unknown("node", "BGP speaker", name, known, "speakers")


def tunnel_end_of(plan: Plan, node: str, tunnel: str) -> TunnelEnd:
    """The end at ``node`` of the tunnel of that name, or with that peer. Raises MisfitError."""
    ends = [end for end in plan.tunnels if end.namespace == node]
    if not ends:
        known = list(dict.fromkeys(end.namespace for end in plan.tunnels))
        raise _unknown("node", "end of a tunnel", node, known, "tunnels end at")
    by_name = {alias: end for end in ends for alias in (end.peer, end.name)}
    if tunnel in by_name:
        return by_name[tunnel]
    raise _unknown("tunnel", "tunnel", tunnel, by_name, f"tunnels of {node}")


def node_of(namespace: str) -> str:
    """The node a namespace belongs to."""
    return namespace.partition("/")[0]


def wires_at(plan: Plan, node: str) -> Iterator[Link]:
    """Every wire with an end at the node. Raises MisfitError when there is no such node."""
    known = [each.name for each in plan.nodes]
    if node not in known:
        raise _unknown("node", "node", node, known, "nodes")
    for wire in plan.wires:
        if node in (node_of(wire.a.namespace), node_of(wire.b.namespace)):
            yield _wire(plan, wire)


def _links(plan: Plan) -> Iterator[Link]:
    for wire in plan.wires:
        link = _wire(plan, wire)
        yield link
        for tag in link.tags:
            yield Link(f"{tag[0]} - {tag[1]}", tag)
    for name, (one, other) in by_tunnel(plan.tunnels).items():
        yield Link(name, (_inside(one), _inside(other)), tunnel=True)


def _wire(plan: Plan, wire: Wire) -> Link:
    return Link(wire.name, (wire.a, wire.b), wire=True, tags=tuple(_tags(plan, wire)))


def _tags(plan: Plan, wire: Wire) -> Iterator[Ends]:
    """The sub-interfaces of a trunk that face each other, because their tags are equal."""
    for one in plan.sub_interfaces:
        for other in plan.sub_interfaces:
            if (one.port, other.port) == (wire.a, wire.b) and _tag(one) == _tag(other):
                yield Endpoint(one.namespace, one.ifname), Endpoint(other.namespace, other.ifname)


def _tag(sub: SubInterface) -> tuple[int | None, int]:
    return sub.s_tag, sub.c_tag


def _inside(end: TunnelEnd) -> Endpoint:
    return Endpoint(end.namespace, end.ifname)


def _unknown(
    parameter: str,
    kind: str,
    name: str,
    known: Collection[str],
    where: str,
    listed: Collection[str] | None = None,
) -> MisfitError:
    near = closest(name, known)
    what = f"there is no {kind} {name!r}" + (f", did you mean {near!r}?" if near else "")
    names = list(known if listed is None else listed)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return MisfitError(parameter, what, f"{where}: {', '.join(names[:LISTED]) or 'none'}{more}")
