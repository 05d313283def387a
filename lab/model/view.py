"""A Topology as the rules look at it: every object with its place, and objects by name.

Lookups by name give the first of a name; that names are unique is a rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from lab.model.appliances import ApplianceTunnel
from lab.model.azure import (
    Connection,
    ConnectionType,
    VirtualMachine,
    VirtualNetwork,
    VirtualNetworkGateway,
    VirtualNetworkPeering,
)
from lab.model.circuit import ExpressRouteCircuit, Peering, PeeringType, RouteFilter
from lab.model.onprem import Attachment, EdgeRouter, Host, Site, VpnDevice
from lab.model.prefixes import AnyNetwork
from lab.model.problem import Loc
from lab.model.topology import Topology

T = TypeVar("T")


class Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def each(loc: Loc, items: Iterable[T]) -> Iterator[tuple[Loc, T]]:
    """The entries of a list with their places."""
    return (((*loc, index), item) for index, item in enumerate(items))


def by_name(items: Iterable[N]) -> dict[str, N]:
    found: dict[str, N] = {}
    for item in items:
        found.setdefault(item.name, item)
    return found


class View:
    """Walks and lookups over one topology."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.circuit = by_name(topology.express_route_circuits)
        self.route_filter = by_name(topology.route_filters)
        self.vnet = by_name(topology.virtual_networks)
        self.gateway = by_name(topology.virtual_network_gateways)
        self.local_gateway = by_name(topology.local_network_gateways)

    def circuits(self) -> Iterator[tuple[Loc, ExpressRouteCircuit]]:
        return each(("express_route_circuits",), self.topology.express_route_circuits)

    def peerings(self) -> Iterator[tuple[Loc, ExpressRouteCircuit, Peering]]:
        for loc, circuit in self.circuits():
            for inner, peering in each((*loc, "peerings"), circuit.peerings):
                yield inner, circuit, peering

    def filtered_peerings(self) -> Iterator[tuple[Loc, ExpressRouteCircuit, Peering, RouteFilter]]:
        """Those with a route filter, and that one."""
        for loc, circuit, peering in self.peerings():
            if peering.route_filter in self.route_filter:
                yield loc, circuit, peering, self.route_filter[peering.route_filter]

    def vnets(self) -> Iterator[tuple[Loc, VirtualNetwork]]:
        return each(("virtual_networks",), self.topology.virtual_networks)

    def address_spaces(self) -> Iterator[tuple[Loc, VirtualNetwork, AnyNetwork]]:
        for loc, vnet in self.vnets():
            space = (*loc, "address_space", "address_prefixes")
            for inner, prefix in each(space, vnet.address_space.address_prefixes):
                yield inner, vnet, prefix

    def vnet_peerings(self) -> Iterator[tuple[Loc, VirtualNetwork, VirtualNetworkPeering]]:
        for loc, vnet in self.vnets():
            for inner, peering in each((*loc, "virtual_network_peerings"), vnet.virtual_network_peerings):
                yield inner, vnet, peering

    def gateways(self) -> Iterator[tuple[Loc, VirtualNetworkGateway]]:
        return each(("virtual_network_gateways",), self.topology.virtual_network_gateways)

    def gateways_of(self, vnet: str) -> list[VirtualNetworkGateway]:
        return [
            gateway for gateway in self.topology.virtual_network_gateways if gateway.virtual_network == vnet
        ]

    def connections(self) -> Iterator[tuple[Loc, Connection]]:
        return each(("connections",), self.topology.connections)

    def circuit_connections(self) -> Iterator[tuple[Loc, Connection]]:
        return self._connections_of_type(ConnectionType.EXPRESS_ROUTE)

    def ipsec_connections(self) -> Iterator[tuple[Loc, Connection]]:
        return self._connections_of_type(ConnectionType.IPSEC)

    def _connections_of_type(self, kind: ConnectionType) -> Iterator[tuple[Loc, Connection]]:
        return ((loc, found) for loc, found in self.connections() if found.connection_type is kind)

    def connections_of(self, gateway: str) -> Iterator[tuple[Loc, Connection]]:
        """Those to circuits."""
        return (
            (loc, one) for loc, one in self.circuit_connections() if one.virtual_network_gateway1 == gateway
        )

    def network_of(self, connection: Connection) -> VirtualNetwork | None:
        """The network the connection links to its circuit."""
        gateway = self.gateway.get(connection.virtual_network_gateway1)
        return self.vnet.get(gateway.virtual_network) if gateway else None

    def vms(self) -> Iterator[tuple[Loc, VirtualMachine]]:
        return each(("virtual_machines",), self.topology.virtual_machines)

    def appliance_tunnels(self) -> Iterator[tuple[Loc, VirtualMachine, ApplianceTunnel]]:
        for loc, vm in self.vms():
            appliance = vm.network_virtual_appliance
            place = (*loc, "network_virtual_appliance", "tunnels")
            for inner, tunnel in each(place, appliance.tunnels if appliance is not None else ()):
                yield inner, vm, tunnel

    def sites(self) -> Iterator[tuple[Loc, Site]]:
        return each(("on_premises",), self.topology.on_premises)

    def edge_routers(self) -> Iterator[tuple[Loc, Site, EdgeRouter]]:
        for loc, site in self.sites():
            for inner, router in each((*loc, "edge_routers"), site.edge_routers):
                yield inner, site, router

    def attachments(self) -> Iterator[tuple[Loc, Site, Attachment]]:
        for loc, site, router in self.edge_routers():
            for inner, attachment in each((*loc, "attachments"), router.attachments):
                yield inner, site, attachment

    def machines(self) -> Iterator[tuple[Loc, Site, Host | VpnDevice]]:
        """Hosts and VPN devices: what stands in a LAN of an interior router."""
        for loc, site in self.sites():
            for inner, host in each((*loc, "hosts"), site.hosts):
                yield inner, site, host
            for inner, device in each((*loc, "vpn_devices"), site.vpn_devices):
                yield inner, site, device

    def vpn_devices(self) -> Iterator[tuple[Loc, Site, VpnDevice]]:
        for loc, site in self.sites():
            for inner, device in each((*loc, "vpn_devices"), site.vpn_devices):
                yield inner, site, device


def peering_of(circuit: ExpressRouteCircuit | None, kind: PeeringType) -> Peering | None:
    """The circuit's peering of that type."""
    peerings = circuit.peerings if circuit else ()
    return next((peering for peering in peerings if peering.peering_type is kind), None)
