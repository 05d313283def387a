"""What the picture says of a Plan, before anything has a place: cards, wires, tunnels, sessions.

A *card* is a node; its *lanes* are the node's VRFs. The lines of a card are the few facts
a network engineer would write beside the box: the AS number, the one address that matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network

from lab.bgp.route import Prefix
from lab.bgp.speaker import Family, Neighbor
from lab.cli.picture.tunnels import Tunnel, inside, tunnels
from lab.plan.types import Endpoint, Namespace, Node, Plan, Role, Speaker

ROLE_WORDS: dict[Role, str] = {
    Role.HOST: "host",
    Role.ROUTER: "router",
    Role.EDGE_ROUTER: "customer edge",
    Role.SWITCH: "LAN",
    Role.FIREWALL: "firewall",
    Role.VPN_DEVICE: "VPN device",
    Role.PROVIDER_EDGE: "provider edge",
    Role.MSEE: "MSEE",
    Role.MICROSOFT_EDGE: "public edge",
    Role.ER_GATEWAY: "ExpressRoute gw",
    Role.VPN_GATEWAY: "VPN gateway",
    Role.VNET: "virtual network",
    Role.VM: "VM",
    Role.VIRTUAL_APPLIANCE: "virtual appliance",
}

_PRIVATE_USE = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_AZURE = {Role.ER_GATEWAY, Role.VPN_GATEWAY, Role.VIRTUAL_APPLIANCE, Role.VNET}
_PREFIXES_SHOWN = 2


class Domain(Enum):
    """Which routing domain a lane or session belongs to; it gives the colour."""

    PRIVATE = "private"
    MICROSOFT = "microsoft"
    VPN = "vpn"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lane:
    namespace: str
    label: str
    note: str
    address: str
    domain: Domain


@dataclass(frozen=True, slots=True)
class Card:
    node: Node
    role: str
    facts: tuple[str, ...]
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A wire between two nodes, by the namespaces it ends in."""

    name: str
    a: str
    b: str
    trunk: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One BGP session; ``ends`` are (namespace, peer address), as each end reports it."""

    a: str
    b: str
    ends: tuple[tuple[str, str], tuple[str, str]]
    asns: tuple[int, int]
    domain: Domain
    ipv6: bool
    hopeless: bool
    """Its two ends do not fit together; it is expected to stay down."""
    tunnel: str | None = None
    """The one it runs through."""

    @property
    def internal(self) -> bool:
        return self.asns[0] == self.asns[1]

    @property
    def name(self) -> str:
        """`ce1/core 192.168.1.1 - msee1/private 192.168.1.2`"""
        (a, b_address), (b, a_address) = self.ends
        return f"{a} {a_address} - {b} {b_address}"


class Facts:
    """A Plan indexed for questions."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._speakers = {speaker.namespace: speaker for speaker in plan.speakers}
        self._roles = {node.name: node.role for node in plan.nodes}
        self._known = {namespace.name for namespace in plan.namespaces}
        self._holders = {(a.namespace, str(a.address.ip)) for a in plan.addresses}
        self._paths = paths(plan)
        self._inside = inside(plan)
        self._namespaces: dict[str, list[Namespace]] = {node.name: [] for node in plan.nodes}
        for namespace in plan.namespaces:
            self._namespaces.setdefault(namespace.node, []).append(namespace)

    def cards(self) -> tuple[Card, ...]:
        return tuple(
            Card(node, self._role(node), self._facts(node), self._lanes(node)) for node in self.plan.nodes
        )

    def links(self) -> tuple[Link, ...]:
        """Wires between nodes; those inside a node are its own business."""
        return tuple(
            Link(wire.name, wire.a.namespace, wire.b.namespace, wire.trunk)
            for wire in self.plan.wires
            if node_of(wire.a.namespace) != node_of(wire.b.namespace)
        )

    def tunnels(self) -> tuple[Tunnel, ...]:
        return tunnels(self.plan)

    def sessions(self) -> tuple[Session, ...]:
        """Each session once, in the order of the speakers."""
        seen: dict[tuple[frozenset[str], bool], Session] = {}
        for speaker in self.plan.speakers:
            for neighbor in speaker.config.neighbors:
                session = self._session(speaker, neighbor)
                if session is not None:
                    seen.setdefault((frozenset((session.a, session.b)), session.ipv6), session)
        return tuple(seen.values())

    def _role(self, node: Node) -> str:
        path = self._paths.get(node.name)
        return f"PE · {path}" if path else ROLE_WORDS[node.role]

    def _session(self, speaker: Speaker, neighbor: Neighbor) -> Session | None:
        here, far = speaker.namespace, self._far(neighbor)
        if far is None:
            return None
        back = self._way_back(here, far, neighbor)
        down = {(here, neighbor.name)} | ({(far, back.name)} if back else set())
        own_address = back.peer_address if back else neighbor.local_address
        return Session(
            a=here,
            b=far,
            ends=((here, str(neighbor.peer_address)), (far, str(own_address))),
            asns=(speaker.config.asn, neighbor.peer_asn),
            domain=self._domain(here, far),
            ipv6=neighbor.family is Family.IPV6,
            hopeless=not down.isdisjoint(self.plan.expected_down),
            tunnel=self._inside.get((here, str(neighbor.peer_address))),
        )

    def _way_back(self, here: str, far: str, neighbor: Neighbor) -> Neighbor | None:
        """The other end's idea of the session; there is none when it is not configured."""
        speaker = self._speakers.get(far)
        return next(
            (
                back
                for back in (speaker.config.neighbors if speaker else ())
                if back.family is neighbor.family and self._far(back) == here
            ),
            None,
        )

    def _far(self, neighbor: Neighbor) -> str | None:
        """The namespace at the other end: by the neighbour's name, else by its address."""
        address = str(neighbor.peer_address)
        for name in (neighbor.name, neighbor.name.removesuffix("-ipv6")):
            if name in self._known:
                return name
            for namespace in self._namespaces.get(name, ()):
                if (namespace.name, address) in self._holders:
                    return namespace.name
        return next((name for name in sorted(self._known) if (name, address) in self._holders), None)

    def _domain(self, *ends: str) -> Domain:
        vpn = {Role.VPN_DEVICE, Role.VPN_GATEWAY, Role.VIRTUAL_APPLIANCE}
        if all(self._roles.get(node_of(end)) in vpn for end in ends):
            return Domain.VPN
        domains = [vrf_domain(end.partition("/")[2]) for end in ends]
        return next((domain for domain in domains if domain is not Domain.OTHER), Domain.OTHER)

    def _lanes(self, node: Node) -> tuple[Lane, ...]:
        return tuple(
            self._lane(namespace.name, namespace.vrf)
            for namespace in self._namespaces[node.name]
            if namespace.vrf is not None
        )

    def _lane(self, namespace: str, vrf: str) -> Lane:
        tagged = [sub for sub in self.plan.sub_interfaces if sub.namespace == namespace]
        names = [sub.ifname for sub in tagged]
        addresses = [
            a.address
            for a in self.plan.addresses
            if a.namespace == namespace and a.ifname in (names or [a.ifname])
        ]
        return Lane(
            namespace=namespace,
            label=vrf,
            note=f"VLAN {tagged[0].c_tag}" if tagged else "",
            address=next((str(a.ip) for a in sorted(addresses, key=lambda a: a.version)), ""),
            domain=vrf_domain(vrf),
        )

    def _facts(self, node: Node) -> tuple[str, ...]:
        asns = dict.fromkeys(
            self._speakers[space.name].config.asn
            for space in self._namespaces[node.name]
            if space.name in self._speakers
        )
        return tuple([f"AS {asn}" for asn in asns][:1] + self._addresses(node))

    def _addresses(self, node: Node) -> list[str]:
        match node.role:
            case Role.VPN_DEVICE | Role.VPN_GATEWAY | Role.VIRTUAL_APPLIANCE:
                return self._outer_address(node) or self._own_address(node)
            case Role.HOST | Role.VM | Role.ER_GATEWAY:
                return self._own_address(node)
            case Role.ROUTER:
                return some([str(prefix) for prefix in self._originated((node.name,))])
            case Role.SWITCH:
                return self._lan(node.name)[:1]
            case Role.VNET:
                return some(self._vnet_prefixes(node))
            case Role.MICROSOFT_EDGE:
                count = len(self._originated((node.name,)))
                return [f"{count} prefix{'es' if count > 1 else ''}"] if count else []
            case _:
                return []

    def _own_address(self, node: Node) -> list[str]:
        """The public address where there is one."""
        addresses = [
            a.address.ip
            for a in self.plan.addresses
            if node_of(a.namespace) == node.name and a.ifname != "lo" and a.address.version == 4
        ]
        public = [ip for ip in addresses if not any(ip in block for block in _PRIVATE_USE)]
        return [str(ip) for ip in (public or addresses)[:1]]

    def _outer_address(self, node: Node) -> list[str]:
        """What its tunnels end on, as their other ends know it."""
        return [str(end.identity) for end in self.plan.tunnels if end.namespace == node.name][:1]

    def _originated(self, nodes: tuple[str, ...]) -> list[Prefix]:
        origins = [
            origin.prefix
            for speaker in self.plan.speakers
            if node_of(speaker.namespace) in nodes
            for origin in speaker.config.originations
        ]
        return list(dict.fromkeys(origins))

    def _vnet_prefixes(self, vnet: Node) -> list[str]:
        """The address space, as somebody in Azure announces it; else the subnets."""
        subnets = self._subnets(vnet.name)
        azure = tuple(node.name for node in self.plan.nodes if node.role in _AZURE)
        spaces = [prefix for prefix in self._originated(azure) if any(covers(prefix, net) for net in subnets)]
        return [str(prefix) for prefix in spaces or subnets]

    def _subnets(self, vnet: str) -> list[Prefix]:
        """The networks of its bridges; of its wires when it has no bridges."""
        bridges = {(bridge.namespace, bridge.ifname) for bridge in self.plan.bridges}
        own = [a for a in self.plan.addresses if a.namespace == vnet]
        bridged = [a for a in own if (a.namespace, a.ifname) in bridges]
        return list(dict.fromkeys(a.address.network for a in bridged or own))

    def _lan(self, node: str) -> list[str]:
        """The IPv4 networks on the wires of a node, seen from the other ends or its own."""
        ends = [end for wire in self.plan.wires for end in _other_ends(node, wire.a, wire.b)]
        networks = [
            str(a.address.network)
            for a in self.plan.addresses
            if a.address.version == 4
            and (node_of(a.namespace) == node or Endpoint(a.namespace, a.ifname) in ends)
        ]
        return list(dict.fromkeys(networks))


def paths(plan: Plan) -> dict[str, str]:
    """Which of a circuit's two paths a provider edge is on: the first is the primary."""
    pairs: dict[tuple[str, ...], list[str]] = {}
    for node in plan.nodes:
        if node.role is Role.PROVIDER_EDGE:
            pairs.setdefault(node.group, []).append(node.name)
    return {
        name: path
        for pair in pairs.values()
        for name, path in zip(pair, ("primary", "secondary"), strict=False)
    }


def _other_ends(node: str, a: Endpoint, b: Endpoint) -> list[Endpoint]:
    return [far for near, far in ((a, b), (b, a)) if node_of(near.namespace) == node]


def node_of(namespace: str) -> str:
    return namespace.partition("/")[0]


def covers(outer: Prefix, inner: Prefix) -> bool:
    """``inner`` lies in ``outer``, and ``outer`` is not simply everything."""
    same_family = outer.version == inner.version and outer.prefixlen > 0
    return same_family and outer.prefixlen <= inner.prefixlen and inner.network_address in outer


def some(prefixes: list[str]) -> list[str]:
    """The first few, IPv4 before IPv6, and how many more."""
    ordered = sorted(prefixes, key=lambda prefix: ":" in prefix)
    if len(ordered) <= _PREFIXES_SHOWN + 1:
        return ordered
    return [*ordered[:_PREFIXES_SHOWN], f"+ {len(ordered) - _PREFIXES_SHOWN} more"]


def vrf_domain(vrf: str) -> Domain:
    lowered = vrf.lower()
    return next((d for d in (Domain.PRIVATE, Domain.MICROSOFT) if d.value in lowered), Domain.OTHER)
