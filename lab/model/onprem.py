"""The customer's side: sites, zones, edge routers, firewalls, hosts and their policies.

ARM has no words for these; the names are a network engineer's. The guidance they follow
(private peering into the core zone, Microsoft peering into the DMZ, a firewall between):
learn.microsoft.com, expressroute-circuit-peerings.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from lab.model.circuit import LinkPath, PeeringType
from lab.model.fields import (
    AsNumber,
    CommunityText,
    Described,
    Interface,
    Ipv4,
    Ipv4Prefix,
    Ipv6,
    Network,
    NodeName,
    ResourceName,
)
from lab.model.vpn import VpnDeviceTunnel


class TimersProfile(Enum):
    AZURE = "azure"
    """Keepalive 60 s, hold 180 s: what Azure uses."""
    LAB = "lab"
    """Keepalive 3 s, hold 10 s: the customer's practical minimum, for drills."""


class SessionTimers(Described):
    """One session's timers in seconds, instead of the profile's; the lower hold time wins."""

    keepalive: Annotated[int, Field(ge=1, le=21845)]
    """Between keepalives; a third of the agreed hold time at most (RFC 4271 section 4.4)."""
    hold: Annotated[int, Field(ge=0, le=65535)]
    """More than keepalive; 0 turns both off (RFC 4271 section 4.2)."""


class PrefixListRule(Described):
    action: Literal["permit", "deny"] = "permit"
    prefix: Network
    ge: Annotated[int, Field(ge=0, le=128)] | None = None
    le: Annotated[int, Field(ge=0, le=128)] | None = None


class PrefixList(Described):
    """First matching rule decides; what matches none is denied."""

    name: ResourceName
    rules: Annotated[tuple[PrefixListRule, ...], Field(min_length=1)]


class PolicyMatch(Described):
    """All that is given must hold; nothing given matches every route."""

    prefix_list: ResourceName | None = None
    communities: tuple[CommunityText, ...] = ()
    """At least one in common."""
    as_path_contains: tuple[AsNumber, ...] = ()
    """At least one of these in the AS path."""


class PolicySet(Described):
    local_preference: Annotated[int, Field(ge=0, le=4294967295)] | None = None
    med: Annotated[int, Field(ge=0, le=4294967295)] | None = None
    as_path_prepend: Annotated[tuple[AsNumber, ...], Field(max_length=32)] = ()
    communities: tuple[CommunityText, ...] = ()
    """Added to the route's own."""


class PolicyRule(Described):
    name: ResourceName | None = None
    action: Literal["permit", "deny"] = "permit"
    match: PolicyMatch = PolicyMatch()
    set: PolicySet = PolicySet()


class RoutingPolicy(Described):
    """A route map: the first rule that matches decides, what matches none is denied."""

    name: ResourceName
    rules: Annotated[tuple[PolicyRule, ...], Field(min_length=1)]


class Attachment(Described):
    """An edge router's end of one peering on one path."""

    circuit: NodeName
    peering_type: PeeringType
    path: LinkPath
    zone: NodeName
    import_policy: ResourceName | None = None
    """For routes from Microsoft; left out: all are accepted."""
    export_policy: ResourceName | None = None
    """For routes to Microsoft; left out: the zone's own prefixes are advertised."""
    permitted_remote_prefixes: tuple[Network, ...] = ()
    """When given, packets pass this peering only to and from these remote prefixes."""
    permitted_protocols: tuple[Literal["ike", "esp", "icmp"], ...] = ()
    """When given, only these pass it: IKE is UDP 500 and 4500, where ESP in UDP is too."""
    timers: SessionTimers | None = None
    vlan_id: Annotated[int, Field(ge=1, le=4094)] | None = None
    """Only to differ from the peering's tag on purpose."""
    address: Interface | None = None
    """Only to differ from the peering's first usable address on purpose."""
    asn: AsNumber | None = None
    """Only to differ from the peering's peer_asn on purpose."""
    shared_key: SecretStr | None = None
    """Only to differ from the peering's key on purpose."""
    provider_address_prefix: Ipv4Prefix | None = None
    """Layer 3 providers: the /30 between this router (first usable) and the provider edge."""


class Zone(Described):
    """A security zone: one LAN that the zone's routers share."""

    name: NodeName
    address_prefixes: Annotated[tuple[Network, ...], Field(min_length=1, max_length=2)]


class EdgeRouter(Described):
    """Terminates peerings; has one routing table (VRF) per zone it stands in."""

    name: NodeName
    attachments: Annotated[tuple[Attachment, ...], Field(min_length=1)]


class InteriorRouter(Described):
    """Serves LANs of a zone and announces them to the edge routers."""

    name: NodeName
    zone: NodeName
    address_prefixes: Annotated[tuple[Network, ...], Field(min_length=1)]
    """The LANs behind it; it takes the first usable address of each."""


class Host(Described):
    name: NodeName
    router: NodeName
    address: Ipv4
    ipv6_address: Ipv6 | None = None


class VpnDevice(Described):
    """The customer's IPsec device; its outer address lies in a LAN of its router."""

    name: NodeName
    router: NodeName
    address: Ipv4
    """The address tunnels end on: public, or private for those over private peering."""
    bgp_peering_address: Ipv4 | None = None
    """A loopback; the BGP sessions inside the tunnels run from it."""
    inside_zone: NodeName | None = None
    """The zone its inner interface stands in: what comes out of the tunnels enters there, and the
    device speaks BGP with the zone's routers. Left out: nothing lies behind the device."""
    maximum_paths: Annotated[int, Field(ge=1, le=8)] = 8
    """How many equal ways it uses at once; 1: no load balancing (ECMP)."""
    discard_routes: bool = True
    """Routes of last resort to nowhere for what lies behind its tunnels, so that it does not leave by
    another route, unencrypted, while they are down."""
    tunnels: tuple[VpnDeviceTunnel, ...] = ()
    """Only to differ from the connections to it on purpose."""


class FirewallRule(Described):
    """What may begin from one zone to another; answers pass by themselves."""

    name: ResourceName
    source_zone: NodeName
    destination_zone: NodeName
    source_prefixes: tuple[Network, ...] = ()
    destination_prefixes: tuple[Network, ...] = ()
    protocol: Literal["tcp", "udp", "icmp", "esp"] | None = None
    destination_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()


class Firewall(Described):
    """Stands between two zones and drops what no rule permits."""

    name: NodeName
    zones: Annotated[tuple[NodeName, ...], Field(min_length=2, max_length=2)]
    rules: tuple[FirewallRule, ...] = ()


class Site(Described):
    name: NodeName
    asn: AsNumber
    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]
    edge_routers: Annotated[tuple[EdgeRouter, ...], Field(min_length=1)]
    routers: tuple[InteriorRouter, ...] = ()
    hosts: tuple[Host, ...] = ()
    vpn_devices: tuple[VpnDevice, ...] = ()
    firewalls: tuple[Firewall, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    policies: tuple[RoutingPolicy, ...] = ()
