"""Questions about site-to-site VPN that more than one pass asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network

from lab.model.azure import (
    Connection,
    ConnectionType,
    VirtualNetwork,
    VirtualNetworkGateway,
)
from lab.model.constants import APIPA
from lab.model.onprem import Site, VpnDevice
from lab.model.topology import Topology
from lab.model.vpn import LocalNetworkGateway, VpnDeviceTunnel
from lab.plan.azure import instances, spaces
from lab.plan.errors import PlanError
from lab.plan.gateway_subnet import seats
from lab.plan.lookup import named
from lab.plan.microsoft import public_instances


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One gateway instance, one VPN device, and the connection that joins them."""

    connection: Connection
    gateway: VirtualNetworkGateway
    instance: str
    index: int
    public_address: IPv4Address
    local_gateway: LocalNetworkGateway
    site: Site
    device: VpnDevice

    @property
    def name(self) -> str:
        return f"{self.connection.name}-{self.index}"

    @property
    def override(self) -> VpnDeviceTunnel:
        """Where the device differs on purpose."""
        for tunnel in self.device.tunnels:
            if tunnel.connection == self.connection.name:
                return tunnel
        return VpnDeviceTunnel(connection=self.connection.name)

    @property
    def device_address(self) -> IPv4Address | None:
        """What the device speaks BGP from; None without BGP."""
        settings = self.local_gateway.bgp_settings
        return settings.bgp_peering_address if settings and self.connection.enable_bgp else None

    @property
    def has_apipa(self) -> bool:
        return self.device_address is not None and self.device_address in APIPA

    def gateway_address(self, topology: Topology) -> IPv4Address:
        """What the instance speaks BGP from: its address in the GatewaySubnet, or the one of APIPA that
        it has for devices with such an address themselves (learn.microsoft.com, bgp-howto)."""
        if self.has_apipa:
            custom = self.gateway.ip_configurations[self.index].custom_bgp_ip_address
            if custom is None:
                raise PlanError(
                    f"{self.device.name} has the address {self.device_address}, {self.instance} none like it",
                    hint="give the instance a custom_bgp_ip_address",
                )
            return custom
        vnet = named(topology.virtual_networks, self.gateway.virtual_network, "virtual network")
        address = seats(topology, vnet)[self.instance][0].ip
        assert isinstance(address, IPv4Address), "the GatewaySubnet's first prefix is IPv4"
        return address


def tunnels(topology: Topology) -> tuple[Tunnel, ...]:
    """One per connection of type IPsec and gateway instance with a public address: two to an
    active-active gateway, both up (learn.microsoft.com, about-active-active-gateways)."""
    return tuple(_tunnels(topology))


def _tunnels(topology: Topology) -> Iterator[Tunnel]:
    public = {instance.name: instance.address for instance in public_instances(topology)}
    for connection in topology.connections:
        if connection.connection_type is not ConnectionType.IPSEC:
            continue
        name = connection.virtual_network_gateway1
        gateway = named(topology.virtual_network_gateways, name, "gateway")
        far = named(
            topology.local_network_gateways, connection.local_network_gateway2 or "", "local network gateway"
        )
        site, device = _device(topology, far)
        for index, instance in enumerate(instances(gateway)):
            if instance in public:
                yield Tunnel(connection, gateway, instance, index, public[instance], far, site, device)


def _device(topology: Topology, far: LocalNetworkGateway) -> tuple[Site, VpnDevice]:
    for site in topology.on_premises:
        for device in site.vpn_devices:
            if device.address == far.gateway_ip_address:
                return site, device
    raise PlanError(
        f"local network gateway {far.name}: no VPN device has the address {far.gateway_ip_address}",
        hint="gateway_ip_address is the address of one of vpn_devices",
    )


def shared_key(topology: Topology, connection: Connection) -> str:
    """The connection's; when it has none, one made of its name, so that two compilations agree.

    Such a key guards nothing from somebody who has the file; inside a lab there is nobody else.
    """
    if connection.shared_key is not None:
        return connection.shared_key.get_secret_value()
    return sha256(f"mseelab:{topology.name}/{connection.name}".encode()).hexdigest()


def static_spaces(topology: Topology, tunnel: Tunnel) -> tuple[IPv4Network, ...]:
    """What the device routes into the tunnel because no BGP tells it: the network's address spaces."""
    vnet = named(topology.virtual_networks, tunnel.gateway.virtual_network, "virtual network")
    without_bgp = not tunnel.connection.enable_bgp
    return tuple(space for space in spaces(vnet) if without_bgp and isinstance(space, IPv4Network))


def vpn_speakers(topology: Topology, vnet: VirtualNetwork) -> tuple[str, ...]:
    """The instances of its VPN gateway that speak BGP through a tunnel."""
    found = (
        tunnel.instance
        for tunnel in tunnels(topology)
        if tunnel.gateway.virtual_network == vnet.name and tunnel.connection.enable_bgp
    )
    return tuple(dict.fromkeys(found))
