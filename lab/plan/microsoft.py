"""Questions about Microsoft's public network that more than one pass asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.model.azure import GatewayType, VirtualNetwork, VirtualNetworkGateway
from lab.model.topology import Topology
from lab.plan.azure import instances
from lab.plan.communities import azure_region
from lab.plan.errors import PlanError
from lab.plan.legs import Leg, legs
from lab.plan.lookup import named


def has_microsoft_network(topology: Topology) -> bool:
    """Whether anything in the topology reaches, or is, a public service of Microsoft's."""
    return bool(
        topology.microsoft_network.regions
        or microsoft_legs(topology)
        or any(gateway.gateway_type is GatewayType.VPN for gateway in topology.virtual_network_gateways)
        or public_networks(topology)
    )


def public_networks(topology: Topology) -> tuple[PublicNetwork, ...]:
    """The virtual networks that have machines with public addresses."""
    found = (
        PublicNetwork(vnet, tuple(_public_machines(topology, vnet))) for vnet in topology.virtual_networks
    )
    return tuple(network for network in found if network.machines)


@dataclass(frozen=True, slots=True)
class PublicNetwork:
    vnet: VirtualNetwork
    machines: tuple[tuple[IPv4Address, IPv4Address], ...]
    """Private and public address of each."""


def _public_machines(topology: Topology, vnet: VirtualNetwork) -> Iterator[tuple[IPv4Address, IPv4Address]]:
    for machine in topology.virtual_machines:
        if machine.virtual_network == vnet.name and machine.public_ip_address is not None:
            yield machine.private_ip_address, machine.public_ip_address


def microsoft_legs(topology: Topology) -> tuple[Leg, ...]:
    return tuple(leg for leg in legs(topology) if not leg.is_private)


@dataclass(frozen=True, slots=True)
class PublicInstance:
    """A VPN gateway instance with the public address its tunnels end on."""

    name: str
    address: IPv4Address


def public_instances(topology: Topology) -> tuple[PublicInstance, ...]:
    """Every VPN gateway instance that has a public address, in the file's order.

    Instance 0 always has one and instance 1 when the gateway is active-active or the file gives
    it one; an address the file leaves out comes from the prefixes of the network's region.
    """
    taken = set(_given_addresses(topology))
    found: list[PublicInstance] = []
    for gateway in topology.virtual_network_gateways:
        if gateway.gateway_type is not GatewayType.VPN:
            continue
        for index, name in enumerate(instances(gateway)):
            address = _given(gateway, index)
            if address is None and (index == 0 or gateway.active_active):
                address = _free_address(topology, gateway, taken)
                taken.add(address)
            if address is not None:
                found.append(PublicInstance(name, address))
    return tuple(found)


def _given(gateway: VirtualNetworkGateway, index: int) -> IPv4Address | None:
    configurations = gateway.ip_configurations
    return configurations[index].public_ip_address if index < len(configurations) else None


def _given_addresses(topology: Topology) -> Iterator[IPv4Address]:
    for region in topology.microsoft_network.regions:
        yield from region.service_addresses
    for gateway in topology.virtual_network_gateways:
        for configuration in gateway.ip_configurations:
            if configuration.public_ip_address is not None:
                yield configuration.public_ip_address
    for machine in topology.virtual_machines:
        if machine.public_ip_address is not None:
            yield machine.public_ip_address


def _free_address(topology: Topology, gateway: VirtualNetworkGateway, taken: set[IPv4Address]) -> IPv4Address:
    location = named(topology.virtual_networks, gateway.virtual_network, "virtual network").location
    for region in topology.microsoft_network.regions:
        same = azure_region(region.name) == azure_region(location)
        for prefix in region.address_prefixes if same else ():
            if isinstance(prefix, IPv4Network):
                return next(address for address in prefix.hosts() if address not in taken)
    raise PlanError(
        f"VPN gateway {gateway.name} has no public address, and {location} no prefixes to take one from",
        hint="give public_ip_address in its ip_configurations, or the region in microsoft_network",
    )
