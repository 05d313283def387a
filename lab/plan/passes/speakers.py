"""Who speaks BGP, in which AS, and what each originates. Sessions come in later passes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from lab.bgp.route import Asn
from lab.bgp.speaker import Origination, SpeakerConfig
from lab.model.azure import VirtualMachine, VirtualNetworkGateway
from lab.model.onprem import Site, VpnDevice
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.azure import er_gateway, instances, spaces, speaking_gateway, transit_spokes, vpn_gateway
from lab.plan.communities import of_region, of_virtual_network
from lab.plan.constants import BGP_IDENTIFIERS, MAXIMUM_PATHS, MSEE_ASN, OWN_WEIGHT
from lab.plan.edge_asn import edge_asn
from lab.plan.errors import PlanError
from lab.plan.facts import extend
from lab.plan.gateway_subnet import router_addresses
from lab.plan.legs import legs
from lab.plan.lookup import named
from lab.plan.types import Plan, Speaker
from lab.plan.vpn import appliances, static_spaces, tunnels


class Speaking(NamedTuple):
    """A namespace that speaks BGP, its AS, and what it originates with which weight."""

    namespace: str
    asn: Asn
    own: tuple[Origination, ...] = ()
    own_weight: int = 0
    maximum_paths: int = MAXIMUM_PATHS


def place_speakers(topology: Topology, plan: Plan) -> Plan:
    """Speakers in the order of their namespaces; identifiers count up in that order, so among
    equal routes the primary MSEE's is preferred to the secondary's."""
    speaking = {one.namespace: one for one in _speaking(topology)}
    ordered = [speaking[namespace.name] for namespace in plan.namespaces if namespace.name in speaking]
    return extend(plan, (_speaker(index, one) for index, one in enumerate(ordered)))


def _speaker(index: int, one: Speaking) -> Speaker:
    config = SpeakerConfig(
        name=one.namespace,
        asn=one.asn,
        bgp_identifier=BGP_IDENTIFIERS[index + 1],
        neighbors=(),
        originations=one.own,
        maximum_paths=one.maximum_paths,
        origination_weight=one.own_weight,
    )
    return Speaker(one.namespace, config)


def _speaking(topology: Topology) -> Iterator[Speaking]:
    for site in topology.on_premises:
        yield from _site(topology, site)
    yield from _circuits(topology)
    yield from _azure(topology)


def _routed_by(topology: Topology, device: VpnDevice) -> tuple[IPv4Network, ...]:
    """What the device has static routes into its tunnels for; its zone hears of it."""
    own = (tunnel for tunnel in tunnels(topology) if tunnel.device == device)
    return tuple(dict.fromkeys(space for tunnel in own for space in static_spaces(tunnel)))


def _site(topology: Topology, site: Site) -> Iterator[Speaking]:
    for edge in site.edge_routers:
        for zone in dict.fromkeys(attachment.zone for attachment in edge.attachments):
            yield Speaking(f"{edge.name}/{zone}", edge_asn(site, edge, zone))
    for router in site.routers:
        yield Speaking(router.name, Asn(site.asn), tuple(map(Origination, router.address_prefixes)))
    for device in site.vpn_devices:
        routed = tuple(map(Origination, _routed_by(topology, device)))
        yield Speaking(device.name, Asn(site.asn), routed, maximum_paths=device.maximum_paths)


def _circuits(topology: Topology) -> Iterator[Speaking]:
    for leg in legs(topology):
        if leg.is_routed:
            if leg.circuit.provider_asn is None:
                raise PlanError(
                    f"circuit {leg.circuit.name} is layer3 without provider_asn",
                    hint="give the provider's AS number, or connectivity: layer2",
                )
            yield Speaking(leg.provider_namespace, Asn(leg.circuit.provider_asn))
        yield Speaking(leg.msee_namespace, MSEE_ASN)
    yield Speaking(names.MICROSOFT_EDGE, MSEE_ASN, _public_prefixes(topology))


def _public_prefixes(topology: Topology) -> tuple[Origination, ...]:
    return tuple(
        Origination(prefix, of_region(region))
        for region in topology.microsoft_network.regions
        for prefix in region.address_prefixes
    )


def _azure(topology: Topology) -> Iterator[Speaking]:
    for vnet in topology.virtual_networks:
        gateway = speaking_gateway(topology, vnet)
        if gateway is not None:
            yield Speaking(vnet.name, Asn(gateway.bgp_settings.asn))
        for own in (er_gateway(topology, vnet), vpn_gateway(topology, vnet)):
            if own is not None:
                yield from _gateway(topology, own)
    for machine in appliances(topology):
        yield from _appliance(topology, machine)


def _appliance(topology: Topology, machine: VirtualMachine) -> Iterator[Speaking]:
    """It announces what it leads to: its network's address spaces."""
    vnet = named(topology.virtual_networks, machine.virtual_network, "virtual network")
    assert machine.network_virtual_appliance is not None, "that is what makes it one"
    own = tuple(Origination(space) for space in spaces(vnet) if space.version == 4)
    yield Speaking(machine.name, Asn(machine.network_virtual_appliance.bgp_settings.asn), own)


def _gateway(topology: Topology, gateway: VirtualNetworkGateway) -> Iterator[Speaking]:
    """Gateways announce address spaces, never subnets, and those of the networks that use them;
    IPv6 ones when the GatewaySubnet has IPv6."""
    vnet = named(topology.virtual_networks, gateway.virtual_network, "virtual network")
    versions = {router.version for router in router_addresses(vnet)}
    originations = tuple(
        Origination(space, of_virtual_network(network))
        for network in (vnet, *transit_spokes(topology, vnet))
        for space in spaces(network)
        if space.version in versions
    )
    for name in instances(gateway):
        yield Speaking(name, Asn(gateway.bgp_settings.asn), originations, OWN_WEIGHT)
