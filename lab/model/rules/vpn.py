"""Rules about site-to-site VPN: connections of type IPsec, their far ends and their policies."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from pydantic import SecretStr

from lab.model.as_numbers import is_reserved_on_vpn_gateways
from lab.model.azure import Connection, GatewayType
from lab.model.constants import (
    APIPA,
    APIPA_FOR_GATEWAYS,
    DEFAULT_GATEWAY_ASN,
    SHARED_KEY_ALPHABET,
    SHARED_KEY_MAX,
)
from lab.model.onprem import VpnDevice
from lab.model.problem import Finding, Loc
from lab.model.view import View, each
from lab.model.vpn import DhGroup, IpsecPolicy, LocalNetworkGateway

ONLY_IPSEC = (
    "local_network_gateway2", "shared_key", "authentication_type", "certificate_authentication",
    "enable_bgp", "connection_protocol", "connection_mode", "dpd_timeout_seconds", "ipsec_policies",
    "use_policy_based_traffic_selectors", "traffic_selector_policies", "use_local_azure_ip_address",
)  # fmt: skip
ONLY_EXPRESS_ROUTE = ("peer", "routing_weight", "authorization_key")


def connections_have_what_their_type_needs(view: View) -> Iterator[Finding]:
    """A connection has the far end of its type, and no property that only the other type has."""
    for loc, connection in view.circuit_connections():
        yield from _kind(loc, connection, "peer", "name the circuit", ONLY_IPSEC)
    for loc, connection in view.ipsec_connections():
        hint = "name the local network gateway that stands for the VPN device"
        yield from _kind(loc, connection, "local_network_gateway2", hint, ONLY_EXPRESS_ROUTE)


def _kind(
    loc: Loc, connection: Connection, needed: str, hint: str, foreign: tuple[str, ...]
) -> Iterator[Finding]:
    kind = connection.connection_type.value
    if getattr(connection, needed) is None:
        yield Finding((*loc, needed), f"missing; a connection of type {kind} has one", hint)
    for name in foreign:
        if name in connection.model_fields_set:
            yield Finding((*loc, name), f"is not for a connection of type {kind}", "remove it")


def ipsec_connections_link_vpn_gateways(view: View) -> Iterator[Finding]:
    """A tunnel ends on a gateway of type Vpn (vpn-gateway/vpn-gateway-about-vpngateways)."""
    for loc, connection in view.ipsec_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if gateway is not None and gateway.gateway_type is not GatewayType.VPN:
            what = f"{gateway.name} is of type {gateway.gateway_type.value}"
            yield Finding((*loc, "virtual_network_gateway1"), what, "name a gateway of type Vpn")


def one_connection_per_vpn_device(view: View) -> Iterator[Finding]:
    """A VPN gateway has one connection to a device: it tells them apart by where they end
    (vpn-gateway/vpn-gateway-vpn-faq)."""
    seen: dict[tuple[str, IPv4Address], str] = {}
    for loc, connection in view.ipsec_connections():
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if far is None:
            continue
        key = connection.virtual_network_gateway1, far.gateway_ip_address
        if key in seen:
            what = f"{seen[key]} connects {key[0]} and {key[1]} already"
            yield Finding((*loc, "local_network_gateway2"), what, "one connection per gateway and device")
        seen.setdefault(key, connection.name)


def shared_keys_are_azures(view: View) -> Iterator[Finding]:
    """A shared key has 1 to 128 printable ASCII characters, without space, hyphen and tilde
    (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, key in _shared_keys(view):
        text = key.get_secret_value()
        if not 1 <= len(text) <= SHARED_KEY_MAX:
            what = f"must have 1 to {SHARED_KEY_MAX} characters, has {len(text)}"
            yield Finding(loc, what, "leave it out, and the lab makes one")
        elif not SHARED_KEY_ALPHABET.issuperset(text):
            what = "has a character Azure does not take"
            yield Finding(loc, what, "printable ASCII characters except space, hyphen and tilde")


def _shared_keys(view: View) -> Iterator[tuple[Loc, SecretStr]]:
    for loc, connection in view.ipsec_connections():
        if connection.shared_key is not None:
            yield (*loc, "shared_key"), connection.shared_key
    for loc, _, appliance_tunnel in view.appliance_tunnels():
        if appliance_tunnel.shared_key is not None:
            yield (*loc, "shared_key"), appliance_tunnel.shared_key
    for loc, _, device in view.vpn_devices():
        for inner, tunnel in each((*loc, "tunnels"), device.tunnels):
            if tunnel.shared_key is not None:
                yield (*inner, "shared_key"), tunnel.shared_key


def bgp_is_set_up_at_both_ends(view: View) -> Iterator[Finding]:
    """A connection has BGP when its gateway and its local network gateway have it too
    (vpn-gateway/bgp-howto)."""
    for loc, connection in view.ipsec_connections():
        if not connection.enable_bgp:
            continue
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if gateway is not None and not gateway.enable_bgp:
            hint = f"give {gateway.name} enable_bgp: true"
            yield Finding((*loc, "enable_bgp"), f"{gateway.name} does not speak BGP", hint)
        if far is not None and far.bgp_settings is None:
            hint = f"give {far.name} bgp_settings with asn and bgp_peering_address"
            yield Finding((*loc, "enable_bgp"), f"{far.name} has no BGP speaker", hint)


def vpn_devices_speak_a_free_asn(view: View) -> Iterator[Finding]:
    """A VPN device's AS number is none that Azure or IANA reserves, nor the gateways' default
    (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, far in _local_gateways(view):
        if far.bgp_settings is None:
            continue
        asn = far.bgp_settings.asn
        if asn == DEFAULT_GATEWAY_ASN or is_reserved_on_vpn_gateways(asn):
            hint = "private and free: 64512 to 65514 and 65521 to 65534"
            yield Finding((*loc, "bgp_settings", "asn"), f"AS {asn} is reserved", hint)


def vpn_asns_differ(view: View) -> Iterator[Finding]:
    """The two ends of a session in a tunnel have different AS numbers (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, connection in view.ipsec_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if gateway is None or far is None or far.bgp_settings is None or not connection.enable_bgp:
            continue
        if far.bgp_settings.asn == gateway.bgp_settings.asn:
            what = f"{gateway.name} and {far.name} are both AS {gateway.bgp_settings.asn}"
            yield Finding((*loc, "local_network_gateway2"), what, "give one of them another AS number")


def bgp_peers_are_inside(view: View) -> Iterator[Finding]:
    """A BGP peer's address is not the public one the tunnels end on (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, far in _local_gateways(view):
        settings = far.bgp_settings
        if settings is not None and settings.bgp_peering_address == far.gateway_ip_address:
            what = f"{far.gateway_ip_address} is the device's public address"
            place = (*loc, "bgp_settings", "bgp_peering_address")
            yield Finding(place, what, "use a loopback's address")


def apipa_addresses_are_azures(view: View) -> Iterator[Finding]:
    """A gateway's own address of 169.254.0.0/16 is one of 169.254.21.0 to 169.254.22.255 and one
    instance's only, and a device that peers from there needs a gateway that does
    (vpn-gateway/bgp-howto)."""
    seen: dict[IPv4Address, str] = {}
    with_apipa: set[str] = set()
    for loc, gateway in view.gateways():
        for inner, instance in each((*loc, "ip_configurations"), gateway.ip_configurations):
            address = instance.custom_bgp_ip_address
            if address is None:
                continue
            with_apipa.add(gateway.name)
            place, owner = (*inner, "custom_bgp_ip_address"), f"{gateway.name} {instance.name}"
            if not any(address in network for network in APIPA_FOR_GATEWAYS):
                hint = "choose from 169.254.21.0 to 169.254.22.255"
                yield Finding(place, f"{address} is no address for a gateway's BGP", hint)
            if address in seen:
                yield Finding(place, f"{address} is the address of {seen[address]}", "choose another one")
            seen.setdefault(address, owner)
    yield from _devices_with_apipa(view, with_apipa)


def _devices_with_apipa(view: View, with_apipa: set[str]) -> Iterator[Finding]:
    for loc, connection in view.ipsec_connections():
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if far is None or far.bgp_settings is None or far.bgp_settings.bgp_peering_address not in APIPA:
            continue
        gateway = connection.virtual_network_gateway1
        if gateway in view.gateway and gateway not in with_apipa:
            what = (
                f"{far.name} peers from {far.bgp_settings.bgp_peering_address}, {gateway} has no such address"
            )
            hint = f"give each instance of {gateway} a custom_bgp_ip_address"
            yield Finding((*loc, "local_network_gateway2"), what, hint)


def policies_fit_together(view: View) -> Iterator[Finding]:
    """In a custom policy GCM is the encryption and the integrity or neither, and there is a key
    exchange (vpn-gateway/ipsec-ike-policy-howto, RFC 7296)."""
    for loc, policy in _policies(view):
        encryption, integrity = policy.ipsec_encryption.value, policy.ipsec_integrity.value
        if ("GCM" in encryption or "GCM" in integrity) and encryption != integrity:
            what = f"{integrity} does not go with ipsec_encryption {encryption}"
            yield Finding((*loc, "ipsec_integrity"), what, "with GCM both are the same")
        if policy.dh_group is DhGroup.NONE:
            hint = "DHGroup14, ECP256 or ECP384, say"
            yield Finding((*loc, "dh_group"), "IKEv2 needs a key exchange", hint)


def _policies(view: View) -> Iterator[tuple[Loc, IpsecPolicy]]:
    for loc, connection in view.ipsec_connections():
        yield from each((*loc, "ipsec_policies"), connection.ipsec_policies)
    for loc, _, appliance_tunnel in view.appliance_tunnels():
        yield from each((*loc, "ipsec_policies"), appliance_tunnel.ipsec_policies)
    for loc, _, device in view.vpn_devices():
        for inner, tunnel in each((*loc, "tunnels"), device.tunnels):
            yield from each((*inner, "ipsec_policies"), tunnel.ipsec_policies)


def basic_gateways_are_basic(view: View) -> Iterator[Finding]:
    """A gateway of SKU Basic has neither BGP nor custom policies (vpn-gateway/about-gateway-skus)."""
    for loc, connection in view.ipsec_connections():
        gateway = view.gateway.get(connection.virtual_network_gateway1)
        if gateway is None or gateway.sku != "Basic":
            continue
        for name in ("enable_bgp", "ipsec_policies"):
            if getattr(connection, name):
                yield Finding((*loc, name), f"{gateway.name} is of SKU Basic", "use VpnGw1AZ or larger")


def routes_come_from_somewhere(view: View) -> Iterator[Finding]:
    """Without BGP the local network gateway says what lies behind the tunnels
    (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, connection in view.ipsec_connections():
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if far is None or connection.enable_bgp or far.local_network_address_space.address_prefixes:
            continue
        hint = f"give {far.name} a local_network_address_space, or the connection enable_bgp: true"
        yield Finding((*loc, "enable_bgp"), f"nothing is routed to {far.name}", hint)


def selectors_have_prefixes(view: View) -> Iterator[Finding]:
    """Policy-based selectors are the local network gateway's prefixes with the network's
    (vpn-gateway/vpn-gateway-connect-multiple-policybased-rm-ps)."""
    for loc, connection in view.ipsec_connections():
        far = view.local_gateway.get(connection.local_network_gateway2 or "")
        if far is None or not connection.use_policy_based_traffic_selectors:
            continue
        if not connection.traffic_selector_policies and not far.local_network_address_space.address_prefixes:
            what = f"{far.name} has no prefixes to make selectors of"
            hint = f"give {far.name} a local_network_address_space"
            yield Finding((*loc, "use_policy_based_traffic_selectors"), what, hint)


def local_gateways_stand_for_devices(view: View) -> Iterator[Finding]:
    """A local network gateway is a VPN device of the lab, with its AS number and address for BGP."""
    devices = {device.address: (site, device) for _, site, device in view.vpn_devices()}
    for loc, far in _local_gateways(view):
        if far.gateway_ip_address not in devices:
            known = ", ".join(map(str, devices)) or "none"
            what = f"no VPN device has the address {far.gateway_ip_address}"
            yield Finding((*loc, "gateway_ip_address"), what, f"addresses of vpn_devices: {known}")
        elif far.bgp_settings is not None:
            site, device = devices[far.gateway_ip_address]
            yield from _same_speaker((*loc, "bgp_settings"), far, site.asn, device)


def _same_speaker(loc: Loc, far: LocalNetworkGateway, asn: int, device: VpnDevice) -> Iterator[Finding]:
    assert far.bgp_settings is not None
    if far.bgp_settings.asn != asn:
        yield Finding((*loc, "asn"), f"{device.name} is AS {asn}", "make them equal")
    if far.bgp_settings.bgp_peering_address != device.bgp_peering_address:
        what = f"{device.name} peers from {device.bgp_peering_address or 'no address'}"
        hint = f"make it equal to the bgp_peering_address of {device.name}"
        yield Finding((*loc, "bgp_peering_address"), what, hint)


def device_tunnels_are_the_devices(view: View) -> Iterator[Finding]:
    """A device differs only about connections that end on it."""
    ends = {
        connection.name: far.gateway_ip_address
        for _, connection in view.ipsec_connections()
        if (far := view.local_gateway.get(connection.local_network_gateway2 or "")) is not None
    }
    appliance_ends = {tunnel.name: tunnel.vpn_device for _, _, tunnel in view.appliance_tunnels()}
    for loc, _, device in view.vpn_devices():
        for inner, tunnel in each((*loc, "tunnels"), device.tunnels):
            end = ends.get(tunnel.connection)
            if end is not None and end != device.address:
                what = f"{tunnel.connection} ends on {end}, not on {device.name}"
                yield Finding((*inner, "connection"), what, "connections of its own only")
            owner = appliance_ends.get(tunnel.connection, device.name)
            if owner != device.name:
                what = f"{tunnel.connection} ends on {owner}, not on {device.name}"
                yield Finding((*inner, "connection"), what, "connections of its own only")


def _local_gateways(view: View) -> Iterator[tuple[Loc, LocalNetworkGateway]]:
    return each(("local_network_gateways",), view.topology.local_network_gateways)
