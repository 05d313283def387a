"""Rules about connections, which link a network to a circuit: what Azure refuses to make."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from lab.model.azure import Connection, GatewayType, VirtualNetwork, VirtualNetworkGateway
from lab.model.circuit import ExpressRouteCircuit, PeeringType
from lab.model.gateway_skus import gateway_skus
from lab.model.limits import limits
from lab.model.problem import Finding, Loc
from lab.model.regions import region_key
from lab.model.view import View, each, peering_of


def connections_link_express_route_gateways(view: View) -> Iterator[Finding]:
    """A circuit is linked to a gateway of type ExpressRoute
    (expressroute/expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if gateway is not None and gateway.gateway_type is not GatewayType.EXPRESS_ROUTE:
            what = f"{gateway.name} is of type {gateway.gateway_type.value}"
            hint = "a connection to a circuit needs a gateway of type ExpressRoute"
            yield Finding((*loc, "virtual_network_gateway1"), what, hint)


def connected_circuits_have_private_peering(view: View) -> Iterator[Finding]:
    """A network is linked to a circuit's private peering (expressroute/expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        circuit = view.circuit.get(connection.peer or "")
        if circuit is not None and peering_of(circuit, PeeringType.PRIVATE) is None:
            hint = f"give {circuit.name} a peering of type {PeeringType.PRIVATE.value}"
            yield Finding((*loc, "peer"), f"{circuit.name} has no private peering", hint)


def connected_circuits_are_in_service(view: View) -> Iterator[Finding]:
    """A circuit is linked when it is active: Enabled, and Provisioned by the provider
    (expressroute/expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        circuit = view.circuit.get(connection.peer or "")
        if circuit is not None and not circuit.in_service:
            states = f"{circuit.circuit_provisioning_state}, {circuit.service_provider_provisioning_state}"
            hint = "make it Enabled and Provisioned, or remove the connection"
            yield Finding((*loc, "peer"), f"{circuit.name} is not active: {states}", hint)


def one_connection_per_circuit(view: View) -> Iterator[Finding]:
    """A gateway has one connection to a circuit (expressroute/expressroute-howto-linkvnet-cli)."""
    seen: dict[tuple[str, str], str] = {}
    for loc, connection in view.circuit_connections():
        if connection.peer is None:
            continue
        key = connection.virtual_network_gateway1, connection.peer
        if key in seen:
            what = f"{seen[key]} connects {key[0]} and {key[1]} already"
            yield Finding((*loc, "peer"), what, "one connection per gateway and circuit")
        seen.setdefault(key, connection.name)


def circuits_have_room_for_their_networks(view: View) -> Iterator[Finding]:
    """At most 10 networks are linked to a Local or Standard circuit, to a Premium one 20 to 100 by its
    bandwidth (azure-resource-manager/management/azure-subscription-service-limits)."""
    linked: dict[str, int] = {}
    for loc, connection in view.circuit_connections():
        circuit = view.circuit.get(connection.peer or "")
        if circuit is None:
            continue
        linked[circuit.name] = linked.get(circuit.name, 0) + 1
        bandwidth = circuit.service_provider_properties.bandwidth_in_mbps
        most = limits().links_of(circuit.sku.tier, bandwidth)
        if linked[circuit.name] > most:
            what = f"network {linked[circuit.name]} on {circuit.name}, which takes {most}"
            hint = f"its limit as a {circuit.sku.tier.value} circuit of {bandwidth} Mbps"
            yield Finding((*loc, "peer"), what, hint)


def few_address_spaces_when_linked(view: View) -> Iterator[Finding]:
    """When a connection is made, the network and those that use its gateway have at most 200 address
    spaces together
    (training/modules/design-implement-azure-expressroute/7-connect-expressroute-circuit-virtual-network).
    Afterwards, by a change to a lab that runs, they may grow to 1,000: with more the running lab takes
    the connection down."""
    most = limits().address_spaces_at_creation
    for loc, connection in view.circuit_connections():
        vnet = view.network_of(connection)
        if vnet is None:
            continue
        sharing = [vnet, *_users_of_gateway(view, vnet)]
        count = sum(len(one.address_space.address_prefixes) for one in sharing)
        if count > most:
            what = f"{vnet.name} and what uses its gateway have {count} address spaces, {most} may be linked"
            hint = "start with fewer and add the others to the running lab, or waived_rules: [A-6]"
            yield Finding((*loc, "virtual_network_gateway1"), what, hint)


def _users_of_gateway(view: View, hub: VirtualNetwork) -> Iterator[VirtualNetwork]:
    for _, vnet, half in view.vnet_peerings():
        if half.use_remote_gateways and half.remote_virtual_network == hub.name and vnet is not hub:
            yield vnet


def networks_have_room_for_their_circuits(view: View) -> Iterator[Finding]:
    """A network has at most four circuits of one peering location, and as many in all as its
    gateway's SKU takes (expressroute/expressroute-about-virtual-network-gateways)."""
    for _, gateway in view.gateways():
        if gateway.sku not in gateway_skus(GatewayType.EXPRESS_ROUTE):
            continue
        linked = [
            (loc, view.circuit[connection.peer])
            for loc, connection in view.connections_of(gateway.name)
            if connection.peer is not None and connection.peer in view.circuit
        ]
        yield from _too_many(gateway, linked)
        yield from _too_many_of_a_location(gateway, linked)


_Linked = list[tuple[Loc, ExpressRouteCircuit]]


def _too_many(gateway: VirtualNetworkGateway, linked: _Linked) -> Iterator[Finding]:
    most = gateway_skus(GatewayType.EXPRESS_ROUTE)[gateway.sku].most_circuits(gateway.scale_units)
    for loc, circuit in linked[most:]:
        what = f"{circuit.name} is one circuit too many on {gateway.name}"
        yield Finding((*loc, "peer"), what, f"with its SKU, {gateway.sku}, it takes {most}")


def _too_many_of_a_location(gateway: VirtualNetworkGateway, linked: _Linked) -> Iterator[Finding]:
    most, seen = limits().circuits_of_one_location, dict[str, int]()
    for loc, circuit in linked:
        place = circuit.service_provider_properties.peering_location
        seen[region_key(place)] = seen.get(region_key(place), 0) + 1
        if seen[region_key(place)] > most:
            what = f"{circuit.name} is circuit {seen[region_key(place)]} of {place} on {gateway.name}"
            yield Finding((*loc, "peer"), what, f"{most} of one peering location at most, whatever the SKU")


def authorization_keys_are_unique(view: View) -> Iterator[Finding]:
    """A key is that of one authorization (expressroute/expressroute-howto-linkvnet-cli)."""
    seen: dict[UUID, str] = {}
    for loc, circuit in view.circuits():
        for inner, authorization in each((*loc, "authorizations"), circuit.authorizations):
            key = authorization.authorization_key
            if key in seen:
                what = f"is the key of {seen[key]} too"
                yield Finding((*inner, "authorization_key"), what, "each authorization has its own")
            seen.setdefault(key, f"{authorization.name} on {circuit.name}")


def authorization_keys_are_the_circuits(view: View) -> Iterator[Finding]:
    """A connection redeems an authorization of its circuit
    (expressroute/expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        circuit = view.circuit.get(connection.peer or "")
        if circuit is None or connection.authorization_key is None:
            continue
        if connection.authorization_key not in {one.authorization_key for one in circuit.authorizations}:
            names = ", ".join(one.name for one in circuit.authorizations) or "none"
            what = f"is not the key of an authorization of {circuit.name}"
            yield Finding((*loc, "authorization_key"), what, f"its authorizations: {names}")


def an_authorization_is_for_one_connection(view: View) -> Iterator[Finding]:
    """An authorization is redeemed once (expressroute/expressroute-howto-linkvnet-cli)."""
    seen: dict[UUID, Connection] = {}
    for loc, connection in view.circuit_connections():
        key = connection.authorization_key
        if key is None:
            continue
        if key in seen:
            what = f"is the key that {seen[key].name} has redeemed"
            yield Finding((*loc, "authorization_key"), what, "make an authorization for each connection")
        seen.setdefault(key, connection)
