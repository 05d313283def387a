"""Rules about the customer's side: attachments, zones, LANs and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.circuit import Connectivity, LinkPath, PeeringType
from lab.model.constants import MINIMUM_HOLD_SECONDS
from lab.model.onprem import Attachment, Host, InteriorRouter, PrefixListRule, Site, VpnDevice, Zone
from lab.model.prefixes import AnyAddress, Claim, around, first_usable, is_edge, overlaps
from lab.model.problem import Finding, Loc
from lab.model.view import View, by_name, each, peering_of


def attachments_meet_a_peering(view: View) -> Iterator[Finding]:
    """An edge router attaches to a peering that its circuit has."""
    for loc, _, attachment in view.attachments():
        circuit = view.circuit.get(attachment.circuit)
        if circuit is not None and peering_of(circuit, attachment.peering_type) is None:
            kinds = ", ".join(peering.peering_type.value for peering in circuit.peerings) or "none"
            what = f"{circuit.name} has no {attachment.peering_type.value}"
            yield Finding((*loc, "peering_type"), what, f"peerings of {circuit.name}: {kinds}")


def one_attachment_per_path(view: View) -> Iterator[Finding]:
    """Each link of a peering ends on one router with a layer 2 provider
    (expressroute/expressroute-circuit-peerings), and on any number with a layer 3 one."""
    seen: set[tuple[str, PeeringType, LinkPath]] = set()
    for loc, _, attachment in view.attachments():
        key = attachment.circuit, attachment.peering_type, attachment.path
        if key in seen and not _is_layer3(view, attachment):
            what = f"the {key[2].value} path of {key[1].value} on {key[0]} has a router already"
            yield Finding((*loc, "path"), what, "primary and secondary end on one router each")
        seen.add(key)


def _is_layer3(view: View, attachment: Attachment) -> bool:
    circuit = view.circuit.get(attachment.circuit)
    return circuit is not None and circuit.connectivity is Connectivity.LAYER3


def routers_speak_the_peerings_asn(view: View) -> Iterator[Finding]:
    """The site's AS number is the peering's peer_asn, for the MSEE refuses another one (RFC 4271),
    unless the attachment's asn differs on purpose."""
    for loc, site, attachment in view.attachments():
        peering = peering_of(view.circuit.get(attachment.circuit), attachment.peering_type)
        if peering is None or attachment.asn is not None or _is_layer3(view, attachment):
            continue
        if site.asn != peering.peer_asn:
            what = f"{site.name} is AS {site.asn}, the peering's peer_asn is {peering.peer_asn}"
            yield Finding((*loc, "asn"), what, "make them equal, or give asn here to differ on purpose")


def provider_prefixes_go_with_layer3(view: View) -> Iterator[Finding]:
    """An attachment has a provider_address_prefix with a layer 3 provider, and only then."""
    for loc, _, attachment in view.attachments():
        if attachment.circuit not in view.circuit:
            continue
        layer3, place = _is_layer3(view, attachment), (*loc, "provider_address_prefix")
        if layer3 and attachment.provider_address_prefix is None:
            hint = "the /30 between this router (first usable address) and the provider's edge"
            yield Finding(place, f"missing; {attachment.circuit} is a layer3 circuit", hint)
        if not layer3 and attachment.provider_address_prefix is not None:
            hint = "remove it: the peering's own prefix reaches the router"
            yield Finding(place, f"{attachment.circuit} is a layer2 circuit", hint)


def lans_of_a_site_are_disjoint(view: View) -> Iterator[Finding]:
    """The LANs of a site do not overlap."""
    for loc, site in view.sites():
        for first, second in overlaps(_lans(loc, site)):
            what = f"{second.prefix} overlaps {first.prefix} of {first.owner}"
            yield Finding(second.loc, what, "the LANs of a site are disjoint")


def _lans(loc: Loc, site: Site) -> Iterator[Claim]:
    places: list[tuple[Loc, Zone | InteriorRouter]] = [
        *each((*loc, "zones"), site.zones),
        *each((*loc, "routers"), site.routers),
    ]
    for outer, place in places:
        for inner, prefix in each((*outer, "address_prefixes"), place.address_prefixes):
            yield Claim(prefix, inner, place.name)


def zones_have_room(view: View) -> Iterator[Finding]:
    """A zone's LAN has an address for every router and firewall that stands in it."""
    for loc, site in view.sites():
        for outer, zone in each((*loc, "zones"), site.zones):
            members = _members(site, zone.name)
            for inner, prefix in each((*outer, "address_prefixes"), zone.address_prefixes):
                if prefix.num_addresses - 2 < members:
                    longest = prefix.max_prefixlen - (members + 1).bit_length()
                    what = f"{prefix} is too small: {members} machines stand in {zone.name}"
                    yield Finding(inner, what, f"a /{longest} or larger")


def _members(site: Site, zone: str) -> int:
    edges = sum(any(end.zone == zone for end in router.attachments) for router in site.edge_routers)
    routers = sum(router.zone == zone for router in site.routers)
    devices = sum(device.inside_zone == zone for device in site.vpn_devices)
    return edges + routers + devices + sum(zone in firewall.zones for firewall in site.firewalls)


def machines_fit_their_lan(view: View) -> Iterator[Finding]:
    """The address of a host or VPN device lies in a LAN of its router and is not the router's, which is
    the first usable one."""
    for loc, site, machine in view.machines():
        router = by_name(site.routers).get(machine.router)
        if router is None:
            continue
        for step, address in _addresses(machine):
            problem = _misfit(address, router)
            if problem:
                yield Finding((*loc, step), *problem)


def _misfit(address: AnyAddress, router: InteriorRouter) -> tuple[str, str] | None:
    lan = around(address, router.address_prefixes)
    if lan is None:
        hint = f"LANs of {router.name}: " + ", ".join(map(str, router.address_prefixes))
        return f"{address} is in no LAN of {router.name}", hint
    if is_edge(address, lan):
        return f"{address} is the network or broadcast address of {lan}", "choose one between them"
    if address == first_usable(lan):
        return f"{address} is the address of {router.name}", "it has the first usable address of each LAN"
    return None


def _addresses(machine: Host | VpnDevice) -> Iterator[tuple[str, AnyAddress]]:
    yield "address", machine.address
    if isinstance(machine, Host) and machine.ipv6_address is not None:
        yield "ipv6_address", machine.ipv6_address


def machine_addresses_are_unique(view: View) -> Iterator[Finding]:
    """An address is one machine's in its site."""
    seen: dict[tuple[str, AnyAddress], str] = {}
    for loc, site, machine in view.machines():
        for step, address in _addresses(machine):
            key = site.name, address
            if key in seen:
                yield Finding((*loc, step), f"{address} is the address of {seen[key]}", "choose another one")
            seen.setdefault(key, machine.name)


def bgp_peering_addresses_are_loopbacks(view: View) -> Iterator[Finding]:
    """The BGP address of a VPN device is not its public one and in no virtual network
    (vpn-gateway/vpn-gateway-vpn-faq)."""
    spaces = [(vnet.name, prefix) for _, vnet, prefix in view.address_spaces()]
    for inner, _, device in view.vpn_devices():
        address, place = device.bgp_peering_address, (*inner, "bgp_peering_address")
        if address is None:
            continue
        if address == device.address:
            yield Finding(place, f"{address} is the device's public address", "use a loopback's address")
        for name, prefix in spaces:
            if address in prefix:
                hint = "use an address that is no virtual network's"
                yield Finding(place, f"{address} lies in {prefix} of {name}", hint)


def firewalls_stand_between_two_zones(view: View) -> Iterator[Finding]:
    """A firewall stands between two zones, each of its rules leads from one to the other, and ports go
    with TCP or UDP."""
    for loc, site in view.sites():
        for outer, firewall in each((*loc, "firewalls"), site.firewalls):
            if len(set(firewall.zones)) == 1:
                what = f"{firewall.name} stands between {firewall.zones[0]} and itself"
                yield Finding((*outer, "zones"), what, "two different zones")
            for inner, rule in each((*outer, "rules"), firewall.rules):
                if rule.source_zone == rule.destination_zone:
                    hint = "inside a zone no firewall is passed"
                    yield Finding((*inner, "destination_zone"), "is the source_zone too", hint)
                if rule.destination_ports and rule.protocol not in ("tcp", "udp"):
                    hint = "say protocol: tcp or protocol: udp"
                    yield Finding((*inner, "destination_ports"), "ports without tcp or udp", hint)


def prefix_lists_can_match(view: View) -> Iterator[Finding]:
    """In a rule of a prefix list the prefix's length, ge and le do not fall, up to 32, or 128 in IPv6."""
    for loc, site in view.sites():
        for outer, prefix_list in each((*loc, "prefix_lists"), site.prefix_lists):
            for inner, rule in each((*outer, "rules"), prefix_list.rules):
                yield from _lengths_in_order(inner, rule)


def _lengths_in_order(loc: Loc, rule: PrefixListRule) -> Iterator[Finding]:
    least, most = rule.prefix.prefixlen, rule.prefix.max_prefixlen
    for step, length in (("ge", rule.ge), ("le", rule.le)):
        if length is None:
            continue
        if not least <= length <= most:
            hint = f"the rule needs {rule.prefix.prefixlen} <= ge <= le <= {most}"
            yield Finding((*loc, step), f"{length} is out of range for {rule.prefix}", hint)
        least = max(least, length)


def hold_times_outlast_keepalives(view: View) -> Iterator[Finding]:
    """A hold time is 0, or at least 3 s and more than the keepalive interval (RFC 4271)."""
    for loc, _, attachment in view.attachments():
        timers = attachment.timers
        if timers is None or timers.hold == 0:
            continue
        if timers.hold < MINIMUM_HOLD_SECONDS or timers.hold <= timers.keepalive:
            what = f"{timers.hold} s is too short for keepalives every {timers.keepalive} s"
            hint = f"three times the keepalive is usual, {MINIMUM_HOLD_SECONDS} the least, 0 turns it off"
            yield Finding((*loc, "timers", "hold"), what, hint)
