"""virtualNetworks, virtualNetworkGateways, connections and VMs (ARM: Microsoft.Network)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from lab.model.appliances import NetworkVirtualAppliance
from lab.model.constants import DEFAULT_GATEWAY_ASN, ROUTING_WEIGHT_MAX
from lab.model.fields import (
    AsNumber,
    CommunityText,
    Described,
    Ipv4,
    Ipv6,
    Network,
    NodeName,
    ResourceName,
)
from lab.model.vpn import IpsecSettings


class AddressSpace(Described):
    address_prefixes: Annotated[tuple[Network, ...], Field(min_length=1)]


class Subnet(Described):
    name: ResourceName
    """GatewaySubnet, exactly so, is where gateways live."""
    address_prefixes: Annotated[tuple[Network, ...], Field(min_length=1, max_length=2)]
    """One prefix, or one of each address family."""
    route_table: ResourceName | None = None


class VirtualNetworkPeering(Described):
    """This network's half of a peering with another one."""

    name: ResourceName
    remote_virtual_network: NodeName
    allow_virtual_network_access: bool = True
    allow_forwarded_traffic: bool = False
    allow_gateway_transit: bool = False
    """On the hub: spokes may use the hub's gateway."""
    use_remote_gateways: bool = False
    """On the spoke: use the gateway of the remote network."""


class BgpCommunities(Described):
    virtual_network_community: CommunityText


class VirtualNetwork(Described):
    name: NodeName
    location: Annotated[str, Field(min_length=1)]
    """The Azure region, e.g. West US 2."""
    address_space: AddressSpace
    subnets: tuple[Subnet, ...] = ()
    virtual_network_peerings: tuple[VirtualNetworkPeering, ...] = ()
    bgp_communities: BgpCommunities | None = None


class GatewayType(Enum):
    EXPRESS_ROUTE = "ExpressRoute"
    VPN = "Vpn"


class GatewayIpConfiguration(Described):
    """One instance's addresses; left out, the lab chooses them in the GatewaySubnet."""

    name: ResourceName
    private_ip_address: Ipv4 | None = None
    public_ip_address: Ipv4 | None = None
    """VPN gateways: the address tunnels end on."""
    custom_bgp_ip_address: Ipv4 | None = None
    """VPN gateways: an APIPA address to speak BGP from with devices that have one themselves."""


class BgpSettings(Described):
    asn: AsNumber = DEFAULT_GATEWAY_ASN


GatewaySku = Literal[
    "Basic", "Standard", "HighPerformance", "UltraPerformance",
    "ErGw1AZ", "ErGw2AZ", "ErGw3AZ", "ErGwScale",
    "VpnGw1", "VpnGw2", "VpnGw3", "VpnGw4", "VpnGw5",
    "VpnGw1AZ", "VpnGw2AZ", "VpnGw3AZ", "VpnGw4AZ", "VpnGw5AZ",
]  # fmt: skip


class AutoScaleBounds(Described):
    min: Annotated[int, Field(ge=1, le=40)]
    """Scale units it has at least; they decide how many circuits it takes."""
    max: Annotated[int, Field(ge=1, le=40)]


class AutoScaleConfiguration(Described):
    bounds: AutoScaleBounds


class VirtualNetworkGateway(Described):
    """A gateway in a network's GatewaySubnet; always two instances here."""

    name: NodeName
    virtual_network: NodeName
    gateway_type: GatewayType
    vpn_type: Literal["RouteBased"] = "RouteBased"
    sku: GatewaySku
    auto_scale_configuration: AutoScaleConfiguration | None = None
    """Of an ErGwScale gateway; left out: one scale unit."""
    active_active: bool = False
    enable_bgp: bool = False
    enable_private_ip_address: bool = False
    """VPN gateways: tunnels may end on its instances' private addresses, too."""
    bgp_settings: BgpSettings = BgpSettings()
    ip_configurations: Annotated[tuple[GatewayIpConfiguration, ...], Field(max_length=2)] = ()

    @property
    def scale_units(self) -> int:
        """What a scalable gateway has at least."""
        configuration = self.auto_scale_configuration
        return configuration.bounds.min if configuration else 1


class ConnectionType(Enum):
    EXPRESS_ROUTE = "ExpressRoute"
    IPSEC = "IPsec"


class Connection(IpsecSettings):
    """Links a gateway to a circuit, or a VPN gateway to a VPN device by IPsec tunnels."""

    name: ResourceName
    connection_type: ConnectionType = ConnectionType.EXPRESS_ROUTE
    virtual_network_gateway1: NodeName
    peer: NodeName | None = None
    """The circuit's name, on a connection of type ExpressRoute."""
    routing_weight: Annotated[int, Field(ge=0, le=ROUTING_WEIGHT_MAX)] = 0
    """Among several circuits the highest weight wins, before AS path length."""
    authorization_key: UUID | None = None


class VirtualMachine(Described):
    name: NodeName
    virtual_network: NodeName
    subnet: ResourceName
    private_ip_address: Ipv4
    private_ipv6_address: Ipv6 | None = None
    public_ip_address: Ipv4 | None = None
    """Azure translates it, one to one; the machine knows its private address only."""
    enable_ip_forwarding: bool = False
    """Of its network interface: whether it may forward for others."""
    network_virtual_appliance: NetworkVirtualAppliance | None = None
    """What makes the machine the Azure end of IPsec tunnels."""


class Region(Described):
    """What Microsoft's public network holds of one region, advertised on Microsoft peering."""

    name: Annotated[str, Field(min_length=1)]
    """The Azure region, e.g. West US 2: decides the BGP community 12076:51nnn."""
    address_prefixes: Annotated[tuple[Network, ...], Field(min_length=1)]
    service_addresses: tuple[Ipv4, ...] = ()
    """Addresses that answer, standing for public services of the region."""


class MicrosoftNetwork(Described):
    regions: tuple[Region, ...] = ()
