"""Who stands in a zone, and what lies behind an interior router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.bgp.route import Address, Prefix
from lab.model.onprem import InteriorRouter, Site, Zone
from lab.plan import names
from lab.plan.addresses import holding, usable
from lab.plan.errors import PlanError
from lab.plan.types import Interface


@dataclass(frozen=True, slots=True)
class Member:
    """A router, firewall or VPN device on a zone's LAN, at the zone's usable address number ``ordinal``."""

    node: str
    namespace: str
    zone: Zone
    ordinal: int
    speaks: bool

    @property
    def ifname(self) -> str:
        return names.ifname(self.zone.name)

    @property
    def addresses(self) -> tuple[Interface, ...]:
        return tuple(usable(prefix, self.ordinal) for prefix in self.zone.address_prefixes)

    def address(self, version: int) -> Interface | None:
        return next((address for address in self.addresses if address.version == version), None)


def members(site: Site, zone: Zone) -> tuple[Member, ...]:
    """Edge routers, then interior routers, firewalls, then VPN devices, in the order of their addresses."""
    found = tuple(_standing_in(site, zone))
    return tuple(
        Member(node, namespace, zone, ordinal, speaks)
        for ordinal, (node, namespace, speaks) in enumerate(found, start=1)
    )


def _standing_in(site: Site, zone: Zone) -> Iterator[tuple[str, str, bool]]:
    for edge in site.edge_routers:
        if any(attachment.zone == zone.name for attachment in edge.attachments):
            yield edge.name, f"{edge.name}/{zone.name}", True
    for router in interior_routers(site, zone.name):
        yield router.name, router.name, True
    for firewall in site.firewalls:
        if zone.name in firewall.zones:
            yield firewall.name, firewall.name, False
    for device in site.vpn_devices:
        if device.inside_zone == zone.name:
            yield device.name, device.name, True


def member(site: Site, zone: str, node: str) -> Member:
    """That node's leg in the zone."""
    for found in site.zones:
        if found.name == zone:
            return next(one for one in members(site, found) if one.node == node)
    raise KeyError(zone)


def interior_routers(site: Site, zone: str) -> tuple[InteriorRouter, ...]:
    return tuple(router for router in site.routers if router.zone == zone)


def interior_prefixes(site: Site, zone: str) -> tuple[Prefix, ...]:
    """What the zone's interior routers serve, each prefix once."""
    served = (prefix for router in interior_routers(site, zone) for prefix in router.address_prefixes)
    return tuple(dict.fromkeys(served))


@dataclass(frozen=True, slots=True)
class Machine:
    """A host or VPN device behind an interior router."""

    name: str
    router: str
    addresses: tuple[Address, ...]


def machines(site: Site) -> tuple[Machine, ...]:
    hosts = (
        Machine(host.name, host.router, _present(host.address, host.ipv6_address)) for host in site.hosts
    )
    devices = (Machine(device.name, device.router, (device.address,)) for device in site.vpn_devices)
    return (*hosts, *devices)


@dataclass(frozen=True, slots=True)
class Lan:
    """A LAN behind a router: its bridge and its prefixes, IPv4 and IPv6 of the same wire."""

    ifname: str
    prefixes: tuple[Prefix, ...]
    residents: tuple[Machine, ...]

    def router_of(self, address: Address) -> Interface:
        """The router's address in the prefix of that one: the first usable."""
        prefix = holding(self.prefixes, address)
        assert prefix is not None, "a machine lives in the LAN that holds its addresses"
        return usable(prefix, 1)


def lans(site: Site, router: InteriorRouter) -> tuple[Lan, ...]:
    """The router's prefixes that somebody lives in. A machine with an address of each IP version
    ties its two prefixes into one LAN."""
    residents = [machine for machine in machines(site) if machine.router == router.name]
    wires: dict[Prefix, int] = {}
    for machine in residents:
        _tie(wires, [_home(router, machine, address) for address in machine.addresses])
    served = [prefix for prefix in router.address_prefixes if prefix in wires]
    return tuple(
        Lan(
            ifname=f"br-lan{index}",
            prefixes=tuple(prefix for prefix in router.address_prefixes if wires.get(prefix) == wire),
            residents=tuple(one for one in residents if wires[_home(router, one, one.addresses[0])] == wire),
        )
        for index, wire in enumerate(dict.fromkeys(wires[prefix] for prefix in served))
    )


def empty_prefixes(site: Site, router: InteriorRouter) -> tuple[Prefix, ...]:
    """The router's prefixes nobody lives in."""
    inhabited = {prefix for lan in lans(site, router) for prefix in lan.prefixes}
    return tuple(prefix for prefix in router.address_prefixes if prefix not in inhabited)


def lan_of(site: Site, machine: Machine) -> Lan:
    router = next(router for router in site.routers if router.name == machine.router)
    return next(lan for lan in lans(site, router) if machine in lan.residents)


def _tie(wires: dict[Prefix, int], together: list[Prefix]) -> None:
    """Put these prefixes on one wire, with every prefix already on a wire of theirs."""
    merged = {wires[prefix] for prefix in together if prefix in wires}
    wire = min(merged, default=len(wires))
    for prefix in [prefix for prefix, old in wires.items() if old in merged] + together:
        wires[prefix] = wire


def _home(router: InteriorRouter, machine: Machine, address: Address) -> Prefix:
    prefix = holding(router.address_prefixes, address)
    if prefix is None:
        raise PlanError(
            f"{machine.name}: {address} is in no LAN of {router.name}",
            hint=f"its LANs are {', '.join(map(str, router.address_prefixes))}",
        )
    return prefix


def _present(*addresses: Address | None) -> tuple[Address, ...]:
    return tuple(address for address in addresses if address is not None)
