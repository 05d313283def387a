"""Rules about virtual networks, their subnets, their peerings and the machines in them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.azure import Subnet, VirtualMachine, VirtualNetwork, VirtualNetworkPeering
from lab.model.constants import GATEWAY_SUBNET, MSEE_ASN, SUBNET_LONGEST
from lab.model.prefixes import (
    AnyAddress,
    AnyNetwork,
    Claim,
    around,
    first_free_in_azure,
    inside,
    overlaps,
    reserved_by_azure,
)
from lab.model.problem import Finding, Loc
from lab.model.regions import region
from lab.model.view import View, by_name, each


def subnets_lie_in_their_network(view: View) -> Iterator[Finding]:
    """Subnets lie in their network's address space and do not overlap
    (virtual-network/virtual-networks-faq)."""
    for loc, vnet in view.vnets():
        claims = list(_subnet_claims(loc, vnet))
        space = vnet.address_space.address_prefixes
        for claim in claims:
            if not inside(claim.prefix, space):
                hint = "the address space is " + ", ".join(map(str, space))
                yield Finding(claim.loc, f"{claim.prefix} is outside {vnet.name}", hint)
        for first, second in overlaps(claims):
            what = f"{second.prefix} overlaps {first.prefix} of {first.owner}"
            yield Finding(second.loc, what, "subnets of a network are disjoint")


def _subnet_claims(loc: Loc, vnet: VirtualNetwork) -> Iterator[Claim]:
    for outer, subnet in each((*loc, "subnets"), vnet.subnets):
        for inner, prefix in each((*outer, "address_prefixes"), subnet.address_prefixes):
            yield Claim(prefix, inner, subnet.name)


def subnets_have_azures_sizes(view: View) -> Iterator[Finding]:
    """A subnet is a /29 or larger in IPv4, and a /64 in IPv6 (virtual-network/virtual-networks-faq)."""
    for loc, vnet in view.vnets():
        for claim in _subnet_claims(loc, vnet):
            prefix, longest = claim.prefix, SUBNET_LONGEST[claim.prefix.version]
            if prefix.version == 4 and prefix.prefixlen > longest:
                hint = "/27 is recommended for gateways" if claim.owner == GATEWAY_SUBNET else None
                what = f"{prefix} is smaller than a /{longest}, the smallest subnet"
                yield Finding(claim.loc, what, hint)
            if prefix.version == 6 and prefix.prefixlen != longest:
                yield Finding(claim.loc, f"{prefix} is not a /{longest}", "every IPv6 subnet of Azure is")


def lans_have_one_prefix_per_family(view: View) -> Iterator[Finding]:
    """A subnet, or a zone, has one prefix of each IP version at most."""
    for loc, prefixes in _lans(view):
        first, *others = prefixes
        if others and others[0].version == first.version:
            what = f"{others[0]} is a second IPv{first.version} prefix"
            yield Finding((*loc, "address_prefixes", 1), what, "one prefix, or one of each IP version")


def _lans(view: View) -> Iterator[tuple[Loc, tuple[AnyNetwork, ...]]]:
    for loc, vnet in view.vnets():
        for inner, subnet in each((*loc, "subnets"), vnet.subnets):
            yield inner, subnet.address_prefixes
    for loc, site in view.sites():
        for inner, zone in each((*loc, "zones"), site.zones):
            yield inner, zone.address_prefixes


def networks_that_meet_are_disjoint(view: View) -> Iterator[Finding]:
    """The prefixes of a network, of peered networks and of networks on one circuit do not overlap
    (virtual-network/virtual-network-peering-overview, expressroute/expressroute-faqs)."""
    found: dict[Loc, Finding] = {}
    spaces: dict[str, list[Claim]] = {}
    for loc, vnet, prefix in view.address_spaces():
        spaces.setdefault(vnet.name, []).append(Claim(prefix, loc, vnet.name))
    for names, why in _meetings(view):
        in_order = sorted((claim for name in names for claim in spaces.get(name, ())), key=_position)
        for first, second in overlaps(in_order):
            what = f"{second.prefix} overlaps {first.prefix} of {first.owner}"
            found.setdefault(second.loc, Finding(second.loc, what, why))
    yield from found.values()


def _position(claim: Claim) -> tuple[int, int]:
    """Of an address space's prefix: its network's and its own index."""
    return int(claim.loc[1]), int(claim.loc[-1])


def _meetings(view: View) -> Iterator[tuple[list[str], str]]:
    for name in view.vnet:
        yield [name], "the prefixes of a network are disjoint"
    for _, vnet, half in view.vnet_peerings():
        if half.remote_virtual_network != vnet.name:
            yield [vnet.name, half.remote_virtual_network], "peered networks are disjoint"
    for circuit in view.circuit:
        names = networks_on(view, circuit)
        yield names, f"both are linked to circuit {circuit}, which joins them"


def networks_on(view: View, circuit: str) -> list[str]:
    """Networks whose gateway is connected to the circuit, and those that use such a gateway."""
    gateways = [c.virtual_network_gateway1 for c in view.topology.connections if c.peer == circuit]
    linked = [view.gateway[name].virtual_network for name in gateways if name in view.gateway]
    spokes = [
        vnet.name
        for _, vnet, half in view.vnet_peerings()
        if half.use_remote_gateways and half.remote_virtual_network in linked
    ]
    return list(dict.fromkeys([*linked, *spokes]))


def network_communities_are_azures(view: View) -> Iterator[Finding]:
    """A network's own community begins with 12076
    (expressroute/how-to-configure-custom-bgp-communities)."""
    for loc, vnet in view.vnets():
        community = vnet.bgp_communities and vnet.bgp_communities.virtual_network_community
        if community and not community.startswith(f"{MSEE_ASN}:"):
            place = (*loc, "bgp_communities", "virtual_network_community")
            yield Finding(place, f"{community} does not begin with {MSEE_ASN}", f"such as {MSEE_ASN}:20001")


def network_peerings_are_with_others(view: View) -> Iterator[Finding]:
    """A network has one peering per remote network and none with itself
    (virtual-network/virtual-network-manage-peering)."""
    seen: set[tuple[str, str]] = set()
    for loc, vnet, half in view.vnet_peerings():
        pair = vnet.name, half.remote_virtual_network
        if vnet.name == half.remote_virtual_network:
            hint = "name the other network"
            yield Finding((*loc, "remote_virtual_network"), "a network is not peered with itself", hint)
        elif pair in seen:
            what = f"{pair[0]} has a peering with {pair[1]} already"
            yield Finding((*loc, "remote_virtual_network"), what, "one peering per remote network")
        seen.add(pair)


def remote_gateways_are_offered(view: View) -> Iterator[Finding]:
    """Who uses a remote gateway has none of its own, and the other side has one and allows gateway
    transit (vpn-gateway/vpn-gateway-peering-gateway-transit)."""
    for loc, vnet, half in view.vnet_peerings():
        remote = view.vnet.get(half.remote_virtual_network)
        if not half.use_remote_gateways or remote is None:
            continue
        place = (*loc, "use_remote_gateways")
        if not any(_offers(back, vnet) for back in remote.virtual_network_peerings):
            hint = f"{remote.name} needs a peering with {vnet.name} and allow_gateway_transit: true in it"
            yield Finding(place, f"{remote.name} does not allow gateway transit", hint)
        if not view.gateways_of(remote.name):
            yield Finding(place, f"{remote.name} has no gateway", "it is the network with the gateway")
        if view.gateways_of(vnet.name):
            hint = "remove that gateway, or use_remote_gateways"
            yield Finding(place, f"{vnet.name} has a gateway of its own", hint)


def _offers(half: VirtualNetworkPeering, vnet: VirtualNetwork) -> bool:
    return half.remote_virtual_network == vnet.name and half.allow_gateway_transit


def one_remote_gateway(view: View) -> Iterator[Finding]:
    """A network uses the gateway of one other at most
    (virtual-network/virtual-network-peering-overview)."""
    seen: set[str] = set()
    for loc, vnet, half in view.vnet_peerings():
        if half.use_remote_gateways and vnet.name in seen:
            what = f"{vnet.name} uses the gateway of another network already"
            yield Finding((*loc, "use_remote_gateways"), what, "true in one peering only")
        if half.use_remote_gateways:
            seen.add(vnet.name)


def vm_addresses_fit_their_subnet(view: View) -> Iterator[Finding]:
    """A machine's address lies in its subnet, is none of the five that Azure keeps
    (virtual-network/virtual-networks-faq), and is not in the GatewaySubnet
    (expressroute/expressroute-about-virtual-network-gateways)."""
    for loc, vm in view.vms():
        subnets = by_name(view.vnet[vm.virtual_network].subnets) if vm.virtual_network in view.vnet else {}
        subnet = subnets.get(vm.subnet)
        if subnet is None:
            continue
        if subnet.name == GATEWAY_SUBNET:
            yield Finding((*loc, "subnet"), f"{GATEWAY_SUBNET} is for gateways only", "use another subnet")
        for step, address in _addresses(vm):
            yield from azure_address((*loc, step), address, subnet)


def _addresses(vm: VirtualMachine) -> Iterator[tuple[str, AnyAddress]]:
    yield "private_ip_address", vm.private_ip_address
    if vm.private_ipv6_address is not None:
        yield "private_ipv6_address", vm.private_ipv6_address


def azure_address(loc: Loc, address: AnyAddress, subnet: Subnet) -> Iterator[Finding]:
    """Nothing when a machine may have the address in that subnet."""
    prefix: AnyNetwork | None = around(address, subnet.address_prefixes)
    if prefix is None:
        hint = f"{subnet.name} is " + ", ".join(map(str, subnet.address_prefixes))
        yield Finding(loc, f"{address} is outside its subnet", hint)
    elif reserved_by_azure(address, prefix):
        hint = f"Azure keeps the first four and the last; {first_free_in_azure(prefix)} is the first free one"
        yield Finding(loc, f"{address} is reserved in {prefix}", hint)


def vm_addresses_are_unique(view: View) -> Iterator[Finding]:
    """An address is one machine's in its network."""
    seen: dict[tuple[str, AnyAddress], str] = {}
    for loc, vm in view.vms():
        for step, address in _addresses(vm):
            key = vm.virtual_network, address
            if key in seen:
                what = f"{address} is the address of {seen[key]}"
                yield Finding((*loc, step), what, "choose another one of the subnet")
            seen.setdefault(key, vm.name)


def microsoft_regions_are_whole(view: View) -> Iterator[Finding]:
    """A region's community is documented (expressroute/expressroute-routing), its prefixes are no other
    region's, and its service addresses lie in them."""
    seen: dict[AnyNetwork, str] = {}
    for loc, network in each(("microsoft_network", "regions"), view.topology.microsoft_network.regions):
        known = region(network.name)
        if known is not None and known.microsoft_community is None:
            hint = "no BGP community of that region is documented; choose another region"
            yield Finding((*loc, "name"), f"{network.name} cannot be told apart on Microsoft peering", hint)
        for inner, prefix in each((*loc, "address_prefixes"), network.address_prefixes):
            if prefix in seen:
                what = f"{prefix} is in {seen[prefix]} already"
                yield Finding(inner, what, "a prefix belongs to one region")
            seen.setdefault(prefix, network.name)
        for inner, address in each((*loc, "service_addresses"), network.service_addresses):
            if around(address, network.address_prefixes) is None:
                hint = "its prefixes are " + ", ".join(map(str, network.address_prefixes))
                yield Finding(inner, f"{address} is in no prefix of {network.name}", hint)
