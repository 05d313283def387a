"""Rules about virtual network gateways and their connections.

Pages named in docstrings are those of learn.microsoft.com/azure/expressroute.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.model.azure import GatewayType, Subnet, VirtualNetwork, VirtualNetworkGateway
from lab.model.circuit import PeeringType
from lab.model.constants import EXPRESS_ROUTE_SKUS, GATEWAY_SUBNET
from lab.model.problem import Finding, Loc
from lab.model.rules.networks import azure_address
from lab.model.view import View, each, peering_of


def gateways_have_a_subnet(view: View) -> Iterator[Finding]:
    """It is called GatewaySubnet, exactly (expressroute-about-virtual-network-gateways)."""
    for loc, gateway in view.gateways():
        vnet = view.vnet.get(gateway.virtual_network)
        if vnet is None or gateway_subnet(vnet) is not None:
            continue
        near = [subnet.name for subnet in vnet.subnets if subnet.name.lower() == GATEWAY_SUBNET.lower()]
        hint = (
            f"write {GATEWAY_SUBNET}, not {near[0]}"
            if near
            else f"add a subnet called {GATEWAY_SUBNET}, a /27"
        )
        yield Finding((*loc, "virtual_network"), f"{vnet.name} has no IPv4 {GATEWAY_SUBNET}", hint)


def gateway_subnet(vnet: VirtualNetwork) -> Subnet | None:
    """Where the network's gateways live; they have IPv4 addresses."""
    for subnet in vnet.subnets:
        if subnet.name == GATEWAY_SUBNET and any(prefix.version == 4 for prefix in subnet.address_prefixes):
            return subnet
    return None


def one_gateway_of_each_type(view: View) -> Iterator[Finding]:
    """At most one ExpressRoute and one VPN gateway (expressroute-about-virtual-network-gateways)."""
    seen: dict[tuple[str, GatewayType], str] = {}
    for loc, gateway in view.gateways():
        key = gateway.virtual_network, gateway.gateway_type
        if key in seen:
            what = f"{gateway.virtual_network} has {seen[key]} of type {gateway.gateway_type.value} already"
            yield Finding((*loc, "virtual_network"), what, "a network has at most one gateway of each type")
        seen.setdefault(key, gateway.name)


def skus_fit_the_type(view: View) -> Iterator[Finding]:
    """Each type has its SKUs (expressroute-about-virtual-network-gateways,
    vpn-gateway/about-gateway-skus)."""
    for loc, gateway in view.gateways():
        express_route = gateway.gateway_type is GatewayType.EXPRESS_ROUTE
        if (gateway.sku in EXPRESS_ROUTE_SKUS) == express_route:
            continue
        skus = (
            ", ".join(EXPRESS_ROUTE_SKUS)
            if express_route
            else "Basic, VpnGw1 to VpnGw5, VpnGw1AZ to VpnGw5AZ"
        )
        what = f"{gateway.sku} is no SKU of type {gateway.gateway_type.value}"
        yield Finding((*loc, "sku"), what, f"its SKUs: {skus}")


def vpn_gateways_have_public_addresses(view: View) -> Iterator[Finding]:
    """Tunnels end on them: one, or one of each instance when active-active
    (vpn-gateway/about-active-active-gateways)."""
    for loc, gateway in view.gateways():
        if gateway.gateway_type is not GatewayType.VPN:
            continue
        wanted = 2 if gateway.active_active else 1
        public = [each_.public_ip_address for each_ in gateway.ip_configurations if each_.public_ip_address]
        if len(public) < wanted:
            mode = "an active-active" if gateway.active_active else "a"
            what = f"{mode} VPN gateway needs {wanted} with a public_ip_address, has {len(public)}"
            hint = "such as {name: instance-0, public_ip_address: 52.175.253.112}"
            yield Finding((*loc, "ip_configurations"), what, hint)


def public_addresses_are_unique(view: View) -> Iterator[Finding]:
    """On Microsoft's public network an address is one machine's."""
    seen: dict[IPv4Address, str] = {}
    for loc, address, owner in _public_addresses(view):
        if address in seen:
            yield Finding(loc, f"{address} is an address of {seen[address]}", "choose another one")
        seen.setdefault(address, owner)


def _public_addresses(view: View) -> Iterator[tuple[Loc, IPv4Address, str]]:
    for loc, network in each(("microsoft_network", "regions"), view.topology.microsoft_network.regions):
        for inner, service in each((*loc, "service_addresses"), network.service_addresses):
            yield inner, service, network.name
    for loc, _, step, address, owner in _instance_addresses(view):
        if step == "public_ip_address":
            yield loc, address, owner


def _instance_addresses(
    view: View,
) -> Iterator[tuple[Loc, VirtualNetworkGateway, str, IPv4Address, str]]:
    for outer, gateway in view.gateways():
        for inner, instance in each((*outer, "ip_configurations"), gateway.ip_configurations):
            for step in ("private_ip_address", "public_ip_address"):
                address = getattr(instance, step)
                if address is not None:
                    yield (*inner, step), gateway, step, address, f"{gateway.name} {instance.name}"


def gateway_addresses_fit_their_subnet(view: View) -> Iterator[Finding]:
    """Inside the GatewaySubnet, not one of the five that Azure reserves
    (virtual-network/virtual-networks-faq), and one instance's only."""
    seen: dict[tuple[str, IPv4Address], str] = {}
    for loc, gateway, step, address, owner in _instance_addresses(view):
        if step != "private_ip_address":
            continue
        vnet = view.vnet.get(gateway.virtual_network)
        subnet = gateway_subnet(vnet) if vnet else None
        if subnet is not None:
            yield from azure_address(loc, address, subnet)
        key = gateway.virtual_network, address
        if key in seen:
            yield Finding(loc, f"{address} is the address of {seen[key]}", "each instance has its own")
        seen.setdefault(key, owner)


def connections_link_express_route_gateways(view: View) -> Iterator[Finding]:
    """A circuit is linked to a gateway of type ExpressRoute (expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if gateway is not None and gateway.gateway_type is not GatewayType.EXPRESS_ROUTE:
            what = f"{gateway.name} is of type {gateway.gateway_type.value}"
            hint = "a connection to a circuit needs a gateway of type ExpressRoute"
            yield Finding((*loc, "virtual_network_gateway1"), what, hint)


def connected_circuits_have_private_peering(view: View) -> Iterator[Finding]:
    """Without it there is nothing to link a network to (expressroute-howto-linkvnet-cli)."""
    for loc, connection in view.circuit_connections():
        circuit = view.circuit.get(connection.peer or "")
        if circuit is not None and peering_of(circuit, PeeringType.PRIVATE) is None:
            hint = f"give {circuit.name} a peering of type {PeeringType.PRIVATE.value}"
            yield Finding((*loc, "peer"), f"{circuit.name} has no private peering", hint)


def one_connection_per_circuit(view: View) -> Iterator[Finding]:
    """One connection object per gateway and circuit (expressroute-howto-linkvnet-cli)."""
    seen: dict[tuple[str, str], str] = {}
    for loc, connection in view.circuit_connections():
        if connection.peer is None:
            continue
        key = connection.virtual_network_gateway1, connection.peer
        if key in seen:
            what = f"{seen[key]} connects {key[0]} and {key[1]} already"
            yield Finding((*loc, "peer"), what, "one connection per gateway and circuit")
        seen.setdefault(key, connection.name)
