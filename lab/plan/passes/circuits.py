"""Links of circuits: trunks from customer edge to provider edge to MSEE, and tags on them.

The customer's frames carry one tag, which says the peering; between provider edge and MSEE a
second one around it says the circuit (learn.microsoft.com, expressroute-faqs). A layer 2 provider
joins the two with a bridge per peering; a layer 3 provider routes between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.model.topology import Topology
from lab.plan import names
from lab.plan.addresses import usable
from lab.plan.constants import TRUNK_MTU
from lab.plan.facts import Fact, extend
from lab.plan.leg_addresses import access_prefixes, customer_end, microsoft_end, router_ends
from lab.plan.legs import Attached, Leg, legs
from lab.plan.types import AddressAssignment, Bridge, Endpoint, Interface, Plan, SubInterface, Wire


def wire_circuits(topology: Topology, plan: Plan) -> Plan:
    every = legs(topology)
    plan = extend(plan, _trunks(every))
    for leg in every:
        plan = extend(plan, _leg(leg))
    return plan


def _trunks(every: Iterable[Leg]) -> Iterator[Wire]:
    """One wire per pair of devices, however many peerings run over it."""
    wires: dict[str, Wire] = {}
    for leg in every:
        for attached in leg.attached:
            wire = _trunk(_router_port(leg, attached), _access_port(leg, attached))
            wires.setdefault(wire.name, wire)
    for leg in every:
        wire = _trunk(_core_port(leg), _msee_port(leg))
        wires.setdefault(wire.name, wire)
    yield from wires.values()


def _trunk(a: Endpoint, b: Endpoint) -> Wire:
    return Wire(names.wire_name(a.namespace, b.namespace), a, b, mtu=TRUNK_MTU, trunk=True)


def _router_port(leg: Leg, attached: Attached) -> Endpoint:
    return Endpoint(attached.router.name, names.port_to(leg.provider_edge))


def _access_port(leg: Leg, attached: Attached) -> Endpoint:
    return Endpoint(leg.provider_edge, names.port_to(attached.router.name))


def _core_port(leg: Leg) -> Endpoint:
    return Endpoint(leg.provider_edge, names.port_to(names.short_msee(leg.path)))


def _msee_port(leg: Leg) -> Endpoint:
    return Endpoint(leg.msee, names.port_to(names.short_provider_edge(leg.path)))


def _leg(leg: Leg) -> Iterator[Fact]:
    yield SubInterface(leg.msee_namespace, leg.ifname, _msee_port(leg), leg.peering.vlan_id, leg.s_tag)
    yield from _addresses(leg.msee_namespace, leg.ifname, map(microsoft_end, leg.prefixes))
    for attached in leg.attached:
        port = _router_port(leg, attached)
        yield SubInterface(attached.namespace, attached.ifname, port, attached.c_tag)
        yield from _addresses(attached.namespace, attached.ifname, router_ends(leg, attached))
    yield from _routed(leg) if leg.is_routed else _bridged(leg)


def _bridged(leg: Leg) -> Iterator[Fact]:
    yield from _provider_tags(leg, leg.provider_edge)
    ports = (*(_access_ifname(leg, attached) for attached in leg.attached), _core_ifname(leg))
    yield Bridge(leg.provider_edge, f"br-{leg.vrf}", ports)


def _routed(leg: Leg) -> Iterator[Fact]:
    namespace = leg.provider_namespace
    yield from _provider_tags(leg, namespace)
    yield from _addresses(namespace, _core_ifname(leg), map(customer_end, leg.prefixes))
    for attached in leg.attached:
        ends = (usable(prefix, 2) for prefix in access_prefixes(leg, attached))
        yield from _addresses(namespace, _access_ifname(leg, attached), ends)


def _provider_tags(leg: Leg, namespace: str) -> Iterator[SubInterface]:
    c_tag = leg.peering.vlan_id
    for attached in leg.attached:
        yield SubInterface(namespace, _access_ifname(leg, attached), _access_port(leg, attached), c_tag)
    yield SubInterface(namespace, _core_ifname(leg), _core_port(leg), c_tag, leg.s_tag)


def _access_ifname(leg: Leg, attached: Attached) -> str:
    return names.ifname(f"{attached.router.name}-{leg.peering.vlan_id}")


def _core_ifname(leg: Leg) -> str:
    return names.ifname(f"{names.short_msee(leg.path)}-{leg.peering.vlan_id}")


def _addresses(namespace: str, ifname: str, found: Iterable[Interface]) -> Iterator[AddressAssignment]:
    return (AddressAssignment(namespace, ifname, address) for address in found)
