"""The Plan: every namespace, wire, address, route, filter and speaker of a lab, by value.

Nobody below this knows what a circuit is. A *namespace* is a network namespace, written
``node`` or ``node/vrf``; an interface is ``namespace:ifname``. Interface names are at most
15 characters (IFNAMSIZ), MTUs are bytes, all tuples are in build order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

from lab.bgp.route import Address, Prefix
from lab.bgp.speaker import SpeakerConfig
from lab.plan.tunnels import TunnelEnd

Interface = IPv4Interface | IPv6Interface


class Role(Enum):
    """What a node is; the picture and `inspect` speak of it."""

    HOST = "host"  # a machine on premises
    ROUTER = "router"  # an interior router of a zone
    EDGE_ROUTER = "edge-router"  # customer edge: terminates peerings
    SWITCH = "switch"  # the LAN of a zone
    FIREWALL = "firewall"
    VPN_DEVICE = "vpn-device"
    PROVIDER_EDGE = "provider-edge"  # PE
    MSEE = "msee"  # Microsoft Enterprise Edge router
    MICROSOFT_EDGE = "microsoft-edge"  # Microsoft's public network: regions' prefixes
    ER_GATEWAY = "er-gateway"  # one instance
    VPN_GATEWAY = "vpn-gateway"  # one instance
    VNET = "vnet"  # the virtual network's own forwarding
    VM = "vm"
    VIRTUAL_APPLIANCE = "virtual-appliance"  # a VM that ends tunnels


@dataclass(frozen=True, slots=True)
class Node:
    """A device as a person counts them.

    ``group``: where it stands, outermost first, for the picture; the first element is one
    of ``on-premises``, ``provider``, ``microsoft``, ``azure``; e.g. ``("on-premises",
    "seattle", "dmz")``, ``("azure", "vnet-corp")``, ``("provider", "er-seattle")``.
    """

    name: str
    role: Role
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """One routing table of a node: ``vrf`` None is its only or base one."""

    node: str
    vrf: str | None = None
    forwarding: bool = True

    @property
    def name(self) -> str:
        return self.node if self.vrf is None else f"{self.node}/{self.vrf}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a wire."""

    namespace: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.ifname}"


@dataclass(frozen=True, slots=True)
class Wire:
    """A veth pair. ``trunk``: it carries tagged sub-interfaces, not addresses of its own."""

    name: str
    a: Endpoint
    b: Endpoint
    mtu: int = 1500
    trunk: bool = False


@dataclass(frozen=True, slots=True)
class SubInterface:
    """The tagged sub-interface ``ifname`` in ``namespace`` on the trunk port ``port``.

    ``c_tag`` (1-4094) identifies the peering; ``s_tag`` (1-4094), when given, is the outer
    tag of the circuit. Both tags use ethertype 0x8100, as ExpressRoute Direct does. The two
    ends of one trunk find each other by equal tags.
    """

    namespace: str
    ifname: str
    port: Endpoint
    c_tag: int
    s_tag: int | None = None
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class Bridge:
    """A learning bridge; ``ports`` are interface names in the same namespace."""

    namespace: str
    ifname: str
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressAssignment:
    """``lo`` is a valid ``ifname``: a loopback address."""

    namespace: str
    ifname: str
    address: Interface


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """``next_hops`` several: ECMP. ``onlink``: reach them although no subnet covers them.
    No next hop at all: a blackhole. ``ifname``: out of that interface, needed for onlink.
    ``last_resort``: only while no other route to the prefix is there, BGP's included."""

    namespace: str
    prefix: Prefix
    next_hops: tuple[Address, ...]
    ifname: str | None = None
    onlink: bool = False
    last_resort: bool = False


class FilterAction(Enum):
    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class FilterRule:
    """Conditions on a forwarded packet, all of which must hold; empty is no condition.

    ``protocol``: ``tcp``, ``udp``, ``icmp`` (both versions), ``esp`` or None.
    ``destination_ports`` inclusive ranges, for tcp and udp. ``established``: only packets of
    a connection that the other rules let begin.
    """

    action: FilterAction
    comment: str
    in_interfaces: tuple[str, ...] = ()
    out_interfaces: tuple[str, ...] = ()
    sources: tuple[Prefix, ...] = ()
    destinations: tuple[Prefix, ...] = ()
    protocol: str | None = None
    destination_ports: tuple[tuple[int, int], ...] = ()
    established: bool = False


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """The forward chain of a namespace; counters are kept per rule."""

    namespace: str
    rules: tuple[FilterRule, ...]
    default: FilterAction = FilterAction.DROP


@dataclass(frozen=True, slots=True)
class Translation:
    """One address for another, both ways and without state: what leaves by the interface from
    ``inside`` comes from ``outside``, what enters by it for ``outside`` goes to ``inside``."""

    namespace: str
    ifname: str
    inside: IPv4Address
    outside: IPv4Address


@dataclass(frozen=True, slots=True)
class Speaker:
    """A BGP speaker in ``namespace``."""

    namespace: str
    config: SpeakerConfig


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something to try next: a command line without its `mseelab`, and what it shows."""

    command: str
    shows: str
    needs_tunnels: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the runtime builds, and nothing it has to work out.

    ``expected_down``: sessions, as (namespace, neighbour's name), whose two ends do not fit
    together: one is not configured, or they were made to differ on purpose; ``tunnels_down``: the
    names of tunnels whose ends cannot agree or have no way to each other. They stay down for as long
    as the plan is what it is, so nobody should wait for them.
    """

    name: str
    description: str = ""
    nodes: tuple[Node, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    wires: tuple[Wire, ...] = ()
    sub_interfaces: tuple[SubInterface, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    addresses: tuple[AddressAssignment, ...] = ()
    static_routes: tuple[StaticRoute, ...] = ()
    filters: tuple[PacketFilter, ...] = ()
    translations: tuple[Translation, ...] = ()
    tunnels: tuple[TunnelEnd, ...] = ()
    speakers: tuple[Speaker, ...] = ()
    suggestions: tuple[Suggestion, ...] = field(default=())
    expected_down: tuple[tuple[str, str], ...] = ()
    tunnels_down: tuple[str, ...] = ()

    def node(self, name: str) -> Node:
        """The node of that name; KeyError when there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def speaker(self, namespace: str) -> Speaker:
        """The speaker in that namespace; KeyError when there is none."""
        for speaker in self.speakers:
            if speaker.namespace == namespace:
                return speaker
        raise KeyError(namespace)
