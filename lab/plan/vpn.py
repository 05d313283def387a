"""Questions about site-to-site VPN that more than one pass asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.model.appliances import ApplianceTunnel
from lab.model.azure import (
    Connection,
    ConnectionType,
    VirtualMachine,
    VirtualNetwork,
    VirtualNetworkGateway,
)
from lab.model.constants import APIPA
from lab.model.onprem import Site, VpnDevice
from lab.model.topology import Topology
from lab.model.vpn import LocalNetworkGateway, VpnDeviceTunnel
from lab.plan import names
from lab.plan.addresses import usable
from lab.plan.azure import instances, spaces
from lab.plan.errors import PlanError
from lab.plan.gateway_subnet import router_addresses, seats
from lab.plan.lookup import named
from lab.plan.microsoft import public_instances


@dataclass(frozen=True, slots=True)
class AzureEnd:
    """The outer side of a tunnel in Azure: an instance of a VPN gateway, or a virtual appliance.

    ``public`` is where the device finds it, and the identity it proves; ``address`` is what it has
    itself, another one behind Azure's translation. What it sends leaves by ``port``, to ``router``;
    None is Microsoft's edge, at the far end of a link without a subnet.
    """

    instance: str
    public: IPv4Address
    address: IPv4Address
    port: str
    router: IPv4Address | None

    @property
    def is_translated(self) -> bool:
        return self.public != self.address


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One Azure end, one VPN device, and the connection that joins them.

    ``gateway`` is None for a virtual appliance, whose tunnel is worded as the connection that a
    gateway would have. The BGP addresses are None without BGP. ``behind``: what is routed to the
    device beside what BGP says.
    """

    connection: Connection
    index: int
    azure: AzureEnd
    gateway: VirtualNetworkGateway | None
    vnet: VirtualNetwork
    asn: int
    bgp_address: IPv4Address | None
    site: Site
    device: VpnDevice
    device_bgp_address: IPv4Address | None
    behind: tuple[IPv4Network, ...]

    @property
    def name(self) -> str:
        return f"{self.connection.name}-{self.index}"

    @property
    def instance(self) -> str:
        return self.azure.instance

    @property
    def override(self) -> VpnDeviceTunnel:
        """Where the device differs on purpose."""
        for tunnel in self.device.tunnels:
            if tunnel.connection == self.connection.name:
                return tunnel
        return VpnDeviceTunnel(connection=self.connection.name)

    @property
    def has_apipa(self) -> bool:
        return self.device_bgp_address is not None and self.device_bgp_address in APIPA


def tunnels(topology: Topology) -> tuple[Tunnel, ...]:
    """One per connection of type IPsec and gateway instance with a public address, two to an
    active-active gateway, both up (learn.microsoft.com, about-active-active-gateways); and those of
    virtual appliances."""
    return (*_of_gateways(topology), *_of_appliances(topology))


def _of_gateways(topology: Topology) -> Iterator[Tunnel]:
    public = {instance.name: instance.address for instance in public_instances(topology)}
    for connection in topology.connections:
        if connection.connection_type is not ConnectionType.IPSEC:
            continue
        gateway = named(topology.virtual_network_gateways, connection.virtual_network_gateway1, "gateway")
        vnet = named(topology.virtual_networks, gateway.virtual_network, "virtual network")
        name = connection.local_network_gateway2 or ""
        far = named(topology.local_network_gateways, name, "local network gateway")
        site, device = _device(topology, far)
        speaker = far.bgp_settings.bgp_peering_address if far.bgp_settings and connection.enable_bgp else None
        for index, instance in enumerate(instances(gateway)):
            if instance not in public:
                continue
            seat = _seat(topology, vnet, instance)
            end = AzureEnd(instance, public[instance], public[instance], names.OUTSIDE_PORT, None)
            if connection.use_local_azure_ip_address:
                end = AzureEnd(instance, seat, seat, names.GATEWAY_PORT, _first_of_gateway_subnet(vnet))
            yield Tunnel(
                connection,
                index,
                end,
                gateway,
                vnet,
                gateway.bgp_settings.asn,
                _speaks_from(gateway, index, seat, device, speaker),
                site,
                device,
                speaker,
                far.local_network_address_space.address_prefixes,
            )


def _seat(topology: Topology, vnet: VirtualNetwork, instance: str) -> IPv4Address:
    address = seats(topology, vnet)[instance][0].ip
    assert isinstance(address, IPv4Address), "the GatewaySubnet's first prefix is IPv4"
    return address


def _first_of_gateway_subnet(vnet: VirtualNetwork) -> IPv4Address:
    address = router_addresses(vnet)[0].ip
    assert isinstance(address, IPv4Address), "the GatewaySubnet's first prefix is IPv4"
    return address


def _speaks_from(
    gateway: VirtualNetworkGateway,
    index: int,
    seat: IPv4Address,
    device: VpnDevice,
    speaker: IPv4Address | None,
) -> IPv4Address | None:
    """What the instance speaks BGP from: its address in the GatewaySubnet, or the one of APIPA that
    it has for devices with such an address themselves (learn.microsoft.com, bgp-howto)."""
    if speaker is None or speaker not in APIPA:
        return None if speaker is None else seat
    custom = gateway.ip_configurations[index].custom_bgp_ip_address
    if custom is None:
        raise PlanError(
            f"{device.name} has the address {speaker}, {gateway.name}-{index} none like it",
            hint="give the instance a custom_bgp_ip_address",
        )
    return custom


def _device(topology: Topology, far: LocalNetworkGateway) -> tuple[Site, VpnDevice]:
    for site in topology.on_premises:
        for device in site.vpn_devices:
            if device.address == far.gateway_ip_address:
                return site, device
    raise PlanError(
        f"local network gateway {far.name}: no VPN device has the address {far.gateway_ip_address}",
        hint="gateway_ip_address is the address of one of vpn_devices",
    )


def appliances(topology: Topology) -> tuple[VirtualMachine, ...]:
    """The virtual machines that end tunnels."""
    return tuple(one for one in topology.virtual_machines if one.network_virtual_appliance is not None)


def _of_appliances(topology: Topology) -> Iterator[Tunnel]:
    for machine in appliances(topology):
        appliance = machine.network_virtual_appliance
        assert appliance is not None, "that is what makes it one"
        vnet = named(topology.virtual_networks, machine.virtual_network, "virtual network")
        end = _outside_of(machine, vnet)
        settings = appliance.bgp_settings
        for tunnel in appliance.tunnels:
            site, device = _device_called(topology, tunnel.vpn_device)
            yield Tunnel(
                _as_connection(machine, tunnel),
                0,
                end,
                None,
                vnet,
                settings.asn,
                settings.bgp_peering_address,
                site,
                device,
                device.bgp_peering_address,
                (),
            )


def _outside_of(machine: VirtualMachine, vnet: VirtualNetwork) -> AzureEnd:
    if machine.public_ip_address is None:
        raise PlanError(
            f"{machine.name} ends tunnels and has no public address",
            hint="give it a public_ip_address out of its region's prefixes",
        )
    private, router = machine.private_ip_address, subnet_router(vnet, machine)
    return AzureEnd(machine.name, machine.public_ip_address, private, names.HOST_PORT, router)


def subnet_router(vnet: VirtualNetwork, machine: VirtualMachine) -> IPv4Address:
    """The default gateway of the machine: the first usable address of its subnet."""
    subnet = named(vnet.subnets, machine.subnet, f"subnet of {vnet.name}")
    router = next(usable(prefix, 1).ip for prefix in subnet.address_prefixes if prefix.version == 4)
    assert isinstance(router, IPv4Address), "chosen so"
    return router


def _as_connection(machine: VirtualMachine, tunnel: ApplianceTunnel) -> Connection:
    return Connection(
        name=tunnel.name,
        connection_type=ConnectionType.IPSEC,
        virtual_network_gateway1=machine.name,
        shared_key=tunnel.shared_key,
        enable_bgp=True,
        connection_mode=tunnel.connection_mode,
        dpd_timeout_seconds=tunnel.dpd_timeout_seconds,
        ipsec_policies=tunnel.ipsec_policies,
    )


def _device_called(topology: Topology, name: str) -> tuple[Site, VpnDevice]:
    for site in topology.on_premises:
        for device in site.vpn_devices:
            if device.name == name:
                return site, device
    raise PlanError(f"there is no VPN device {name!r}", hint="vpn_devices of on_premises")


def static_spaces(tunnel: Tunnel) -> tuple[IPv4Network, ...]:
    """What the device routes into the tunnel because no BGP tells it: the network's address spaces."""
    without_bgp = not tunnel.connection.enable_bgp
    return tuple(space for space in spaces(tunnel.vnet) if without_bgp and isinstance(space, IPv4Network))


def vpn_speakers(topology: Topology, vnet: VirtualNetwork) -> tuple[str, ...]:
    """The instances of its VPN gateway that speak BGP through a tunnel."""
    found = (
        tunnel.instance
        for tunnel in tunnels(topology)
        if tunnel.gateway is not None and tunnel.vnet == vnet and tunnel.connection.enable_bgp
    )
    return tuple(dict.fromkeys(found))
