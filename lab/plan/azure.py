"""Questions about the Azure side of a topology that more than one pass asks."""

from __future__ import annotations

from dataclasses import dataclass

from lab.bgp.route import Prefix
from lab.model.azure import (
    Connection,
    ConnectionType,
    GatewayType,
    Subnet,
    VirtualNetwork,
    VirtualNetworkGateway,
    VirtualNetworkPeering,
)
from lab.model.circuit import ExpressRouteCircuit, PeeringType
from lab.model.constants import GATEWAY_SUBNET
from lab.model.topology import Topology
from lab.plan.errors import PlanError
from lab.plan.legs import Leg, legs
from lab.plan.lookup import named


def instances(gateway: VirtualNetworkGateway) -> tuple[str, str]:
    """A gateway is two machines, whatever ``active_active`` says."""
    return f"{gateway.name}-0", f"{gateway.name}-1"


def gateways(
    topology: Topology, vnet: VirtualNetwork, kind: GatewayType
) -> tuple[VirtualNetworkGateway, ...]:
    return tuple(
        gateway
        for gateway in topology.virtual_network_gateways
        if gateway.virtual_network == vnet.name and gateway.gateway_type is kind
    )


def er_gateway(topology: Topology, vnet: VirtualNetwork) -> VirtualNetworkGateway | None:
    """A virtual network has at most one."""
    return next(iter(gateways(topology, vnet, GatewayType.EXPRESS_ROUTE)), None)


def vpn_gateway(topology: Topology, vnet: VirtualNetwork) -> VirtualNetworkGateway | None:
    """A virtual network has at most one."""
    return next(iter(gateways(topology, vnet, GatewayType.VPN)), None)


def gateway_subnet(vnet: VirtualNetwork) -> Subnet:
    for subnet in vnet.subnets:
        if subnet.name == GATEWAY_SUBNET:
            return subnet
    raise PlanError(
        f"virtual network {vnet.name} has a gateway but no {GATEWAY_SUBNET}",
        hint=f"add a subnet named exactly {GATEWAY_SUBNET}, /27 or larger",
    )


def circuit_connections(topology: Topology) -> tuple[Connection, ...]:
    return tuple(
        connection
        for connection in topology.connections
        if connection.connection_type is ConnectionType.EXPRESS_ROUTE
    )


@dataclass(frozen=True, slots=True)
class LinkedLeg:
    """A leg of private peering whose circuit is connected to a gateway; ``order`` counts the
    gateway's circuits from 0."""

    connection: Connection
    leg: Leg
    order: int


def linked_legs(topology: Topology, gateway: VirtualNetworkGateway) -> tuple[LinkedLeg, ...]:
    """The private legs of every circuit the gateway is connected to, in the connections' order."""
    connections = [
        connection
        for connection in circuit_connections(topology)
        if connection.virtual_network_gateway1 == gateway.name
    ]
    return tuple(
        LinkedLeg(connection, leg, order)
        for order, connection in enumerate(connections)
        for leg in _private_legs(topology, connection)
    )


def gateways_on(topology: Topology, circuit: ExpressRouteCircuit) -> tuple[str, ...]:
    """The gateway instances connected to the circuit."""
    return tuple(
        instance
        for connection in circuit_connections(topology)
        if connection.peer == circuit.name
        for gateway in topology.virtual_network_gateways
        if gateway.name == connection.virtual_network_gateway1
        for instance in instances(gateway)
    )


def _private_legs(topology: Topology, connection: Connection) -> tuple[Leg, ...]:
    circuit = named(topology.express_route_circuits, connection.peer or "", "circuit")
    found = tuple(leg for leg in legs(topology) if leg.circuit == circuit and leg.is_private)
    if not found:
        raise PlanError(
            f"connection {connection.name} links circuit {circuit.name}, which has no private peering",
            hint=f"give the circuit a peering of type {PeeringType.PRIVATE.value}",
        )
    return found


@dataclass(frozen=True, slots=True)
class PeeredPair:
    """Two virtual networks with a peering from each to the other; one half alone connects nothing."""

    a: VirtualNetwork
    b: VirtualNetwork
    a_half: VirtualNetworkPeering
    b_half: VirtualNetworkPeering

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions both have address spaces in."""
        return tuple(sorted(_versions(self.a) & _versions(self.b)))


def peered_pairs(topology: Topology) -> tuple[PeeredPair, ...]:
    """Every connected pair once, in the file's order."""
    found: list[PeeredPair] = []
    vnets = topology.virtual_networks
    for index, a in enumerate(vnets):
        for b in vnets[index + 1 :]:
            a_half, b_half = _half(a, b), _half(b, a)
            if a_half is not None and b_half is not None:
                found.append(PeeredPair(a, b, a_half, b_half))
    return tuple(found)


def transit_spokes(topology: Topology, hub: VirtualNetwork) -> tuple[VirtualNetwork, ...]:
    """The networks that use this one's gateway: *use remote gateways* on their half of the peering
    and *allow gateway transit* on the hub's (virtual-network-peering-overview)."""
    found: list[VirtualNetwork] = []
    for pair in peered_pairs(topology):
        if pair.a == hub and pair.a_half.allow_gateway_transit and pair.b_half.use_remote_gateways:
            found.append(pair.b)
        if pair.b == hub and pair.b_half.allow_gateway_transit and pair.a_half.use_remote_gateways:
            found.append(pair.a)
    return tuple(found)


def transit_hub(topology: Topology, spoke: VirtualNetwork) -> VirtualNetwork | None:
    """The network whose gateways this one uses."""
    for hub in topology.virtual_networks:
        if own_speaking_gateway(topology, hub) is not None and spoke in transit_spokes(topology, hub):
            return hub
    return None


def own_speaking_gateway(topology: Topology, vnet: VirtualNetwork) -> VirtualNetworkGateway | None:
    """The gateway of this network that its router is one AS with: of two, the ExpressRoute gateway."""
    return er_gateway(topology, vnet) or vpn_gateway(topology, vnet)


def speaking_gateway(topology: Topology, vnet: VirtualNetwork) -> VirtualNetworkGateway | None:
    """That gateway, of this network or of the hub whose gateways it uses."""
    hub = transit_hub(topology, vnet)
    own = own_speaking_gateway(topology, vnet)
    return own if own is not None or hub is None else own_speaking_gateway(topology, hub)


def peers_of(topology: Topology, vnet: VirtualNetwork) -> tuple[VirtualNetwork, ...]:
    """The networks on the other side of its connected peerings."""
    pairs = peered_pairs(topology)
    return tuple(pair.b if pair.a == vnet else pair.a for pair in pairs if vnet in (pair.a, pair.b))


def system_spaces(topology: Topology, vnet: VirtualNetwork) -> tuple[Prefix, ...]:
    """The address spaces the network routes by itself: its own and its peers'."""
    return tuple(space for network in (vnet, *peers_of(topology, vnet)) for space in spaces(network))


def spaces(vnet: VirtualNetwork) -> tuple[Prefix, ...]:
    return vnet.address_space.address_prefixes


def _half(vnet: VirtualNetwork, remote: VirtualNetwork) -> VirtualNetworkPeering | None:
    for peering in vnet.virtual_network_peerings:
        if peering.remote_virtual_network == remote.name:
            return peering
    return None


def _versions(vnet: VirtualNetwork) -> set[int]:
    return {space.version for space in spaces(vnet)}
