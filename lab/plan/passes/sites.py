"""The customer's sites: a switch per zone with its routers, and the LANs behind those."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model.onprem import InteriorRouter, Site, Zone
from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import host, interface, usable
from lab.plan.facts import Fact, extend
from lab.plan.sites import Lan, Machine, empty_prefixes, lans, members
from lab.plan.types import AddressAssignment, Bridge, Endpoint, Plan, Wire


def wire_sites(topology: Topology, plan: Plan) -> Plan:
    for site in topology.on_premises:
        for zone in site.zones:
            plan = extend(plan, _zone(topology, site, zone))
        for router in site.routers:
            plan = extend(plan, _interior(site, router))
        plan = extend(plan, _loopbacks(site))
    return plan


def _zone(topology: Topology, site: Site, zone: Zone) -> Iterator[Fact]:
    switch = names.switch(topology, site, zone.name)
    standing = members(site, zone)
    for one in standing:
        near, far = Endpoint(one.namespace, one.ifname), Endpoint(switch, names.ifname(one.node))
        yield Wire(names.wire_name(one.node, switch), near, far)
        for address in one.addresses:
            yield AddressAssignment(one.namespace, one.ifname, address)
    ports = tuple(names.ifname(one.node) for one in standing)
    yield Bridge(switch, names.ifname(f"br-{zone.name}"), ports)


def _interior(site: Site, router: InteriorRouter) -> Iterator[Fact]:
    for lan in lans(site, router):
        yield from _lan(router, lan)
    for prefix in empty_prefixes(site, router):
        yield AddressAssignment(router.name, "lo", host(usable(prefix, 1).ip))


def _lan(router: InteriorRouter, lan: Lan) -> Iterator[Fact]:
    for machine in lan.residents:
        yield from _machine(router, lan, machine)
    yield Bridge(router.name, lan.ifname, tuple(names.ifname(machine.name) for machine in lan.residents))
    for prefix in lan.prefixes:
        yield AddressAssignment(router.name, lan.ifname, usable(prefix, 1))


def _machine(router: InteriorRouter, lan: Lan, machine: Machine) -> Iterator[Fact]:
    port = Endpoint(machine.name, names.HOST_PORT)
    far = Endpoint(router.name, names.ifname(machine.name))
    yield Wire(names.wire_name(machine.name, router.name), port, far)
    for address in machine.addresses:
        network = lan.router_of(address).network
        yield AddressAssignment(port.namespace, port.ifname, interface(address, network))


def _loopbacks(site: Site) -> Iterator[Fact]:
    """The addresses VPN devices speak BGP from, inside their tunnels."""
    for device in site.vpn_devices:
        if device.bgp_peering_address is not None:
            yield AddressAssignment(device.name, "lo", host(device.bgp_peering_address))
