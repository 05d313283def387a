"""Network virtual appliances and the route tables that lead to them (ARM: Microsoft.Network).

An appliance is a virtual machine with software of the customer's choice; ARM has words for its
network interface and none for what runs in it. Route tables: learn.microsoft.com/azure,
virtual-network/virtual-networks-udr-overview; the enumeration is the API's
(Azure/azure-rest-api-specs, routeTable.json 2023-05-01).
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from pydantic import Field, SecretStr

from lab.model.fields import Described, Ipv4, Ipv4Prefix, NodeName, ResourceName
from lab.model.vpn import ConnectionMode, DpdTimeout, IpsecPolicies, LocalBgpSettings


class RouteNextHopType(Enum):
    """Azure has Internet, VirtualNetworkGateway and VnetLocal too, the lab has not."""

    VIRTUAL_APPLIANCE = "VirtualAppliance"
    NONE = "None"
    """What goes there is dropped."""


class Route(Described):
    """A user-defined route: of equal prefixes it wins over those of BGP and of the system."""

    name: ResourceName
    address_prefix: Ipv4Prefix
    next_hop_type: RouteNextHopType
    next_hop_ip_address: Ipv4 | None = None
    """With VirtualAppliance: the private address of a machine with enable_ip_forwarding."""


class RouteTable(Described):
    """What subnets that name it route beside what the network routes by itself."""

    name: ResourceName
    routes: tuple[Route, ...] = ()


class ApplianceTunnel(Described):
    """A tunnel from the appliance's public address to a VPN device, with BGP inside."""

    name: ResourceName
    """Among the names of connections: a VPN device's ``tunnels`` may name it as one."""
    vpn_device: NodeName
    """It has a bgp_peering_address."""
    shared_key: SecretStr | None = None
    """As a connection's. Left out: the lab makes one."""
    connection_mode: ConnectionMode = ConnectionMode.DEFAULT
    dpd_timeout_seconds: DpdTimeout = 45
    ipsec_policies: IpsecPolicies = ()
    """Left out: what Azure's default policy has."""


class NetworkVirtualAppliance(Described):
    """What runs in a virtual machine that ends tunnels: IPsec, and BGP in them. It announces its
    network's IPv4 address spaces."""

    bgp_settings: LocalBgpSettings
    tunnels: Annotated[tuple[ApplianceTunnel, ...], Field(min_length=1)]
