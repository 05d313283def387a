"""Rules about virtual appliances, public addresses of machines, and route tables."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from lab.model.appliances import NetworkVirtualAppliance, Route, RouteNextHopType
from lab.model.azure import VirtualMachine, VirtualNetwork
from lab.model.constants import GATEWAY_SUBNET
from lab.model.onprem import Site, VpnDevice
from lab.model.problem import Finding, Loc
from lab.model.view import View, by_name, each


def _appliances(view: View) -> Iterator[tuple[Loc, VirtualMachine, NetworkVirtualAppliance]]:
    for loc, vm in view.vms():
        if vm.network_virtual_appliance is not None:
            yield (*loc, "network_virtual_appliance"), vm, vm.network_virtual_appliance


def _devices(view: View) -> dict[str, tuple[Site, VpnDevice]]:
    return {device.name: (site, device) for _, site, device in view.vpn_devices()}


def appliances_have_public_addresses(view: View) -> Iterator[Finding]:
    """A virtual appliance's tunnels end on its public address, which Microsoft peering reaches
    (expressroute/site-to-site-vpn-over-microsoft-peering)."""
    for loc, vm, _ in _appliances(view):
        if vm.public_ip_address is None:
            what = f"{vm.name} has no address for its tunnels to end on"
            yield Finding(loc, what, f"give {vm.name} a public_ip_address")


def appliances_may_forward(view: View) -> Iterator[Finding]:
    """A machine that ends tunnels or that routes lead to has IP forwarding enabled on its network
    interface (virtual-network/virtual-networks-udr-overview)."""
    hops = {(vnet.name, route.next_hop_ip_address) for _, vnet, route in _routes(view) if vnet is not None}
    for loc, vm in view.vms():
        forwards = vm.network_virtual_appliance or (vm.virtual_network, vm.private_ip_address) in hops
        if forwards and not vm.enable_ip_forwarding:
            what = f"Azure drops what {vm.name} forwards"
            yield Finding((*loc, "enable_ip_forwarding"), what, "enable_ip_forwarding: true")


def appliances_speak_from_loopbacks(view: View) -> Iterator[Finding]:
    """A virtual appliance speaks BGP from an address that is no machine's and in no network."""
    seen: dict[IPv4Address, str] = {
        device.bgp_peering_address: device.name
        for _, _, device in view.vpn_devices()
        if device.bgp_peering_address is not None
    }
    for loc, vm, appliance in _appliances(view):
        address = appliance.bgp_settings.bgp_peering_address
        place = (*loc, "bgp_settings", "bgp_peering_address")
        if address == vm.public_ip_address:
            yield Finding(place, f"{address} is its public address", "use a loopback's address")
        if address in seen:
            yield Finding(place, f"{address} is the address of {seen[address]}", "choose another one")
        seen.setdefault(address, vm.name)
        for _, vnet, prefix in view.address_spaces():
            if address in prefix:
                hint = "use an address that is no virtual network's"
                yield Finding(place, f"{address} lies in {prefix} of {vnet.name}", hint)


def appliance_tunnels_have_two_speakers(view: View) -> Iterator[Finding]:
    """A virtual appliance has one tunnel to a VPN device, which has an address for BGP and another AS
    number."""
    devices, seen = _devices(view), set[tuple[str, str]]()
    for loc, vm, tunnel in view.appliance_tunnels():
        place = (*loc, "vpn_device")
        if (vm.name, tunnel.vpn_device) in seen:
            what = f"{vm.name} has a tunnel to {tunnel.vpn_device} already"
            yield Finding(place, what, "one tunnel per appliance and device")
        seen.add((vm.name, tunnel.vpn_device))
        if tunnel.vpn_device not in devices:
            continue
        site, device = devices[tunnel.vpn_device]
        if device.bgp_peering_address is None:
            hint = f"give {device.name} a bgp_peering_address"
            yield Finding(place, f"{device.name} has no BGP speaker", hint)
        appliance = vm.network_virtual_appliance
        if appliance is not None and site.asn == appliance.bgp_settings.asn:
            what = f"{vm.name} and {device.name} are both AS {site.asn}"
            yield Finding(place, what, "give one of them another AS number")


def routes_lead_somewhere(view: View) -> Iterator[Finding]:
    """A route with next hop type VirtualAppliance has an address, that of a machine in the subnets'
    network; others have none (virtual-network/virtual-networks-udr-overview)."""
    for loc, vnet, route in _routes(view):
        address, place = route.next_hop_ip_address, (*loc, "next_hop_ip_address")
        if route.next_hop_type is not RouteNextHopType.VIRTUAL_APPLIANCE:
            if address is not None:
                hint = "remove it, or next_hop_type: VirtualAppliance"
                yield Finding(place, f"a next hop of type {route.next_hop_type.value} has no address", hint)
            continue
        machines = [vm for _, vm in view.vms() if vnet is None or vm.virtual_network == vnet.name]
        if address is None:
            yield Finding(place, "missing", "the private address of the virtual appliance")
        elif address not in {vm.private_ip_address for vm in machines}:
            where = f" in {vnet.name}" if vnet is not None else ""
            known = ", ".join(str(vm.private_ip_address) for vm in machines if vm.enable_ip_forwarding)
            hint = f"those that forward: {known or 'none'}"
            yield Finding(place, f"no machine{where} has the address {address}", hint)


def _routes(view: View) -> Iterator[tuple[Loc, VirtualNetwork | None, Route]]:
    """Every route, with a network that uses its table, if any does."""
    users = {subnet.route_table: vnet for _, vnet in view.vnets() for subnet in vnet.subnets}
    for outer, table in each(("route_tables",), view.topology.route_tables):
        for loc, route in each((*outer, "routes"), table.routes):
            yield loc, users.get(table.name), route


def appliances_stand_apart(view: View) -> Iterator[Finding]:
    """A virtual appliance is in another subnet than those whose routes lead to it
    (virtual-network/virtual-networks-udr-overview)."""
    tables = by_name(view.topology.route_tables)
    for loc, vnet in view.vnets():
        for inner, subnet in each((*loc, "subnets"), vnet.subnets):
            table = tables.get(subnet.route_table or "")
            hops = {route.next_hop_ip_address for route in table.routes} if table else set()
            for _, vm in view.vms():
                here = (vm.virtual_network, vm.subnet) == (vnet.name, subnet.name)
                if here and vm.enable_ip_forwarding and vm.private_ip_address in hops:
                    what = f"{subnet.route_table} leads to {vm.name}, which is in {subnet.name} itself"
                    yield Finding((*inner, "route_table"), what, "give the appliance a subnet of its own")


def one_router_does_for_the_network(view: View) -> Iterator[Finding]:
    """The lab has one router to a network, so subnets with machines but appliances have one route table
    in common, whose prefixes lie outside the network; the GatewaySubnet has none."""
    tables = by_name(view.topology.route_tables)
    for loc, vnet in view.vnets():
        inhabited = {
            vm.subnet
            for _, vm in view.vms()
            if vm.virtual_network == vnet.name and vm.network_virtual_appliance is None
        }
        used = {subnet.route_table for subnet in vnet.subnets} - {None}
        for inner, subnet in each((*loc, "subnets"), vnet.subnets):
            place = (*inner, "route_table")
            if subnet.name == GATEWAY_SUBNET and subnet.route_table is not None:
                yield Finding(place, f"{GATEWAY_SUBNET} has no route table in the lab", "remove it")
            if subnet.name in inhabited and used and used != {subnet.route_table}:
                hint = f"name one route table in all subnets of {vnet.name} that have machines"
                yield Finding(place, f"other subnets have {', '.join(sorted(map(str, used)))}", hint)
        for name in sorted(filter(None, used)):
            yield from _inside_routes(view, vnet, name) if name in tables else ()


def _inside_routes(view: View, vnet: VirtualNetwork, name: str) -> Iterator[Finding]:
    for outer, table in each(("route_tables",), view.topology.route_tables):
        for loc, route in each((*outer, "routes"), table.routes if table.name == name else ()):
            for space in vnet.address_space.address_prefixes:
                if isinstance(space, IPv4Network) and route.address_prefix.subnet_of(space):
                    what = f"{route.address_prefix} lies in {vnet.name}"
                    hint = "the lab routes inside a network by its own rules; choose a prefix outside"
                    yield Finding((*loc, "address_prefix"), what, hint)


def route_prefixes_are_unique(view: View) -> Iterator[Finding]:
    """A route table has one route to a prefix (virtual-network/virtual-networks-udr-overview)."""
    for outer, table in each(("route_tables",), view.topology.route_tables):
        seen: dict[IPv4Network, str] = {}
        for loc, route in each((*outer, "routes"), table.routes):
            if route.address_prefix in seen:
                what = f"{route.address_prefix} is the prefix of {seen[route.address_prefix]}"
                yield Finding((*loc, "address_prefix"), what, "one route to a prefix")
            seen.setdefault(route.address_prefix, route.name)
