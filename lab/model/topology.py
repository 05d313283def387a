"""The whole of one topology file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.model.appliances import RouteTable
from lab.model.azure import (
    Connection,
    MicrosoftNetwork,
    VirtualMachine,
    VirtualNetwork,
    VirtualNetworkGateway,
)
from lab.model.circuit import ExpressRouteCircuit, RouteFilter
from lab.model.fields import Described, NodeName
from lab.model.onprem import Site, TimersProfile
from lab.model.vpn import LocalNetworkGateway


class Topology(Described):
    """An ExpressRoute deployment: circuits, Azure's side and the customer's sites."""

    name: NodeName
    description: str = ""
    timers: TimersProfile = TimersProfile.LAB
    waived_rules: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Rules, such as A-5, whose breaches are warnings here, for drills."""
    express_route_circuits: tuple[ExpressRouteCircuit, ...] = ()
    route_filters: tuple[RouteFilter, ...] = ()
    virtual_networks: tuple[VirtualNetwork, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    virtual_network_gateways: tuple[VirtualNetworkGateway, ...] = ()
    local_network_gateways: tuple[LocalNetworkGateway, ...] = ()
    connections: tuple[Connection, ...] = ()
    virtual_machines: tuple[VirtualMachine, ...] = ()
    microsoft_network: MicrosoftNetwork = MicrosoftNetwork()
    on_premises: tuple[Site, ...] = ()
