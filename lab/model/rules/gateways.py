"""Rules about virtual network gateways and the subnet they live in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.model.as_numbers import is_reserved_on_vpn_gateways
from lab.model.azure import GatewayType, Subnet, VirtualNetwork, VirtualNetworkGateway
from lab.model.constants import DEFAULT_GATEWAY_ASN, GATEWAY_SUBNET, RESERVED_FIRST_ADDRESSES
from lab.model.gateway_skus import gateway_skus
from lab.model.limits import limits
from lab.model.problem import Finding, Loc
from lab.model.rules.networks import azure_address
from lab.model.view import View, each

INSTANCES = 2
"""Of a gateway, and MSEEs of a circuit."""


def gateways_have_a_subnet(view: View) -> Iterator[Finding]:
    """A network with a gateway has a subnet called GatewaySubnet, exactly
    (expressroute/expressroute-about-virtual-network-gateways)."""
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
    """A network has at most one ExpressRoute and one VPN gateway
    (expressroute/expressroute-about-virtual-network-gateways)."""
    seen: dict[tuple[str, GatewayType], str] = {}
    for loc, gateway in view.gateways():
        key = gateway.virtual_network, gateway.gateway_type
        if key in seen:
            what = f"{gateway.virtual_network} has {seen[key]} of type {gateway.gateway_type.value} already"
            yield Finding((*loc, "virtual_network"), what, "a network has at most one gateway of each type")
        seen.setdefault(key, gateway.name)


def skus_fit_the_type(view: View) -> Iterator[Finding]:
    """A gateway's SKU is one of its type (expressroute/expressroute-about-virtual-network-gateways,
    vpn-gateway/about-gateway-skus)."""
    for loc, gateway in view.gateways():
        skus = gateway_skus(gateway.gateway_type)
        if gateway.sku not in skus:
            what = f"{gateway.sku} is no SKU of type {gateway.gateway_type.value}"
            yield Finding((*loc, "sku"), what, f"its SKUs: {', '.join(skus)}")


def vpn_gateways_have_public_addresses(view: View) -> Iterator[Finding]:
    """The first instance of a VPN gateway has a public address, and the second when it is active-active
    (vpn-gateway/about-active-active-gateways)."""
    for loc, gateway in view.gateways():
        if gateway.gateway_type is not GatewayType.VPN:
            continue
        wanted = 2 if gateway.active_active else 1
        first = gateway.ip_configurations[:wanted]
        if sum(entry.public_ip_address is not None for entry in first) < wanted:
            what = "a VPN gateway needs a public_ip_address in its first entry"
            if gateway.active_active:
                what = "an active-active VPN gateway needs two entries with a public_ip_address"
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
    for loc, vm in view.vms():
        if vm.public_ip_address is not None:
            yield (*loc, "public_ip_address"), vm.public_ip_address, vm.name


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
    """A gateway's private address lies in the GatewaySubnet, is none of the five that Azure keeps
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


def express_route_gateways_speak_azures_asn(view: View) -> Iterator[Finding]:
    """The AS number of an ExpressRoute gateway is 65515
    (expressroute/use-s2s-vpn-as-backup-for-expressroute-privatepeering)."""
    for loc, gateway in view.gateways():
        asn = gateway.bgp_settings.asn
        if gateway.gateway_type is GatewayType.EXPRESS_ROUTE and asn != DEFAULT_GATEWAY_ASN:
            hint = f"leave bgp_settings out: it is {DEFAULT_GATEWAY_ASN} always"
            yield Finding((*loc, "bgp_settings", "asn"), f"{asn} is no ExpressRoute gateway's", hint)


def vpn_gateways_speak_a_free_asn(view: View) -> Iterator[Finding]:
    """A VPN gateway's AS number is none that Azure or IANA reserves (vpn-gateway/vpn-gateway-vpn-faq)."""
    for loc, gateway in view.gateways():
        asn = gateway.bgp_settings.asn
        if gateway.gateway_type is GatewayType.VPN and is_reserved_on_vpn_gateways(asn):
            hint = "65515 is the default; 64512 to 65514 and 65521 to 65534 are free to use"
            yield Finding((*loc, "bgp_settings", "asn"), f"AS {asn} is reserved", hint)


def gateway_subnets_have_room(view: View) -> Iterator[Finding]:
    """The GatewaySubnet has room for two instances of each gateway and two MSEEs of each connected
    circuit, beside the five addresses that Azure keeps (virtual-network/virtual-networks-faq)."""
    for loc, vnet, subnet in _gateway_subnets(view):
        gateways = view.gateways_of(vnet.name)
        circuits = {
            connection.peer for gateway in gateways for _, connection in view.connections_of(gateway.name)
        }
        wanted = INSTANCES * (len(gateways) + len(circuits)) if gateways else 0
        for inner, prefix in each((*loc, "address_prefixes"), subnet.address_prefixes):
            if prefix.num_addresses - RESERVED_FIRST_ADDRESSES - 1 < wanted:
                longest = prefix.max_prefixlen - (wanted + RESERVED_FIRST_ADDRESSES).bit_length()
                what = f"{prefix} is too small for {wanted} addresses of gateways and MSEEs"
                yield Finding(inner, what, f"a /{longest} or larger; /27 is recommended")


def coexisting_gateways_fit_together(view: View) -> Iterator[Finding]:
    """An ExpressRoute and a VPN gateway in one network need a GatewaySubnet of /27 or larger, and
    the VPN gateway another SKU than Basic
    (expressroute/how-to-configure-coexisting-gateway-portal)."""
    longest = limits().coexistence_prefix_length
    for loc, vnet, subnet in _gateway_subnets(view):
        gateways = view.gateways_of(vnet.name)
        if {gateway.gateway_type for gateway in gateways} != set(GatewayType):
            continue
        yield from _longer_than(longest, loc, subnet, f"{vnet.name} has an ExpressRoute and a VPN gateway")
    for loc, gateway in view.gateways():
        kinds = {one.gateway_type for one in view.gateways_of(gateway.virtual_network)}
        if gateway.sku == "Basic" and kinds == set(GatewayType):
            hint = "VpnGw1 or a larger one"
            yield Finding((*loc, "sku"), "a Basic gateway does not go with an ExpressRoute gateway", hint)


def many_circuits_need_a_large_subnet(view: View) -> Iterator[Finding]:
    """A gateway with 16 circuits needs a GatewaySubnet of /26 or larger
    (expressroute/expressroute-about-virtual-network-gateways)."""
    for loc, vnet, subnet in _gateway_subnets(view):
        circuits = sum(
            1 for gateway in view.gateways_of(vnet.name) for _ in view.connections_of(gateway.name)
        )
        if circuits >= limits().many_circuits:
            longest = limits().many_circuits_prefix_length
            yield from _longer_than(longest, loc, subnet, f"{vnet.name} has {circuits} circuits")


def _gateway_subnets(view: View) -> Iterator[tuple[Loc, VirtualNetwork, Subnet]]:
    for loc, vnet in view.vnets():
        for inner, subnet in each((*loc, "subnets"), vnet.subnets):
            if subnet.name == GATEWAY_SUBNET:
                yield inner, vnet, subnet


def _longer_than(longest: int, loc: Loc, subnet: Subnet, why: str) -> Iterator[Finding]:
    for inner, prefix in each((*loc, "address_prefixes"), subnet.address_prefixes):
        if prefix.version == 4 and prefix.prefixlen > longest:
            yield Finding(inner, f"{prefix} is too small: {why}", f"a /{longest} or larger")


def scale_units_are_a_scalable_gateways(view: View) -> Iterator[Finding]:
    """Only ErGwScale has scale units (expressroute/expressroute-about-virtual-network-gateways)."""
    for loc, gateway in view.gateways():
        configuration, place = gateway.auto_scale_configuration, (*loc, "auto_scale_configuration")
        sku = gateway_skus(gateway.gateway_type).get(gateway.sku)
        if configuration is None or sku is None:
            continue
        if not sku.scalable:
            yield Finding(place, f"{gateway.sku} has one size", "remove it, or sku: ErGwScale")
        elif configuration.bounds.min > configuration.bounds.max:
            what = f"{configuration.bounds.max} is less than min, {configuration.bounds.min}"
            yield Finding((*place, "bounds", "max"), what, "min to max scale units")
