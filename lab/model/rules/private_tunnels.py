"""Rules about tunnels over private peering, between private addresses
(vpn-gateway/site-to-site-vpn-private-peering)."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import Connection, GatewayType, VirtualNetworkGateway
from lab.model.constants import APIPA
from lab.model.problem import Finding, Loc
from lab.model.view import View


def private_addresses_are_zone_redundant_vpn_gateways(view: View) -> Iterator[Finding]:
    """Private addresses for tunnels are for VPN gateways of SKUs VpnGw1AZ to VpnGw5AZ
    (vpn-gateway/site-to-site-vpn-private-peering)."""
    for loc, gateway in view.gateways():
        if not gateway.enable_private_ip_address:
            continue
        place = (*loc, "enable_private_ip_address")
        if gateway.gateway_type is not GatewayType.VPN:
            yield Finding(place, f"{gateway.name} ends no tunnels", "remove it, or gateway_type: Vpn")
        elif not gateway.sku.endswith("AZ"):
            yield Finding(place, f"{gateway.sku} has no private addresses for tunnels", "VpnGw1AZ or larger")


def private_tunnels_are_offered(view: View) -> Iterator[Finding]:
    """A connection that uses the gateway's private addresses needs a gateway that has them enabled
    (vpn-gateway/site-to-site-vpn-private-peering)."""
    for loc, _, gateway in _private_tunnels(view):
        if not gateway.enable_private_ip_address:
            what = f"{gateway.name} has no private addresses for tunnels"
            yield Finding(loc, what, f"give {gateway.name} enable_private_ip_address: true")


def private_tunnels_have_a_circuit(view: View) -> Iterator[Finding]:
    """Tunnels over private peering need a circuit that is linked to the gateway's network
    (vpn-gateway/site-to-site-vpn-private-peering)."""
    linked = {
        gateway.virtual_network
        for _, one in view.circuit_connections()
        if (gateway := view.gateway.get(one.virtual_network_gateway1)) is not None
    }
    for loc, _, gateway in _private_tunnels(view):
        if gateway.virtual_network not in linked:
            hint = "give it an ExpressRoute gateway, and that a connection to a circuit"
            yield Finding(loc, f"{gateway.virtual_network} is linked to no circuit", hint)


def private_tunnels_speak_bgp_from_elsewhere(view: View) -> Iterator[Finding]:
    """What runs inside a tunnel does not run to the address the tunnel ends on: over private peering
    both ends speak BGP from addresses of 169.254.0.0/16."""
    for loc, connection, gateway in _private_tunnels(view):
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if far is None or far.bgp_settings is None or not connection.enable_bgp:
            continue
        if far.bgp_settings.bgp_peering_address not in APIPA:
            what = f"{gateway.name} would speak BGP from the addresses its tunnels end on"
            hint = f"169.254.0.0/16: bgp_peering_address of {far.name}, the instances' custom_bgp_ip_address"
            yield Finding(loc, what, hint)


def _private_tunnels(view: View) -> Iterator[tuple[Loc, Connection, VirtualNetworkGateway]]:
    for loc, connection in view.ipsec_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if connection.use_local_azure_ip_address and gateway is not None:
            yield (*loc, "use_local_azure_ip_address"), connection, gateway
