"""BGP behind the MSEEs: to every gateway instance, and on into the virtual networks.

MSEEs and gateway instances form a full mesh; the gateway never peers with the customer. The mesh is
part of private peering: where that is disabled or the circuit is not in service, the MSEEs' ends are
missing, as they are for the customer. A gateway that has too many prefixes to announce keeps its
sessions down; both instances have the same ones, so that is the whole connection.

How a virtual network gets its routes is not visible in Azure: software at every host is told them.
Here the network's namespace is an iBGP speaker in the gateway's AS, which both instances send all
they learned (add-path), with next hops unchanged: those are the MSEEs' addresses in the
GatewaySubnet, so what machines send on premises goes to the MSEEs directly and passes no gateway, as
in Azure. A network that uses a hub's gateway is the hub's route reflector client.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.bgp.policy import REJECT_ALL
from lab.bgp.speaker import Neighbor
from lab.model.azure import VirtualNetwork, VirtualNetworkGateway
from lab.model.topology import Topology
from lab.plan import microsoft_policies, names
from lab.plan.azure import (
    LinkedLeg,
    er_gateway,
    instances,
    linked_legs,
    own_speaking_gateway,
    system_spaces,
    transit_spokes,
)
from lab.plan.constants import GATEWAY_PREFIXES, LEARNED_WEIGHT, MSEE_ASN, SINGLE_HOP_TTL, TIMERS
from lab.plan.gateway_subnet import router_addresses, seats
from lab.plan.queries import addresses_of
from lab.plan.sessions import End, add_sessions, neighbor, pairs
from lab.plan.types import Plan
from lab.plan.vpn import vpn_speakers


def peer_gateways(topology: Topology, plan: Plan) -> Plan:
    for vnet in topology.virtual_networks:
        gateway = er_gateway(topology, vnet)
        if gateway is not None:
            plan = add_sessions(plan, _mesh(topology, vnet, gateway))
            plan = add_sessions(plan, _into_network(topology, vnet, gateway))
        for spoke in transit_spokes(topology, vnet):
            if own_speaking_gateway(topology, vnet) is not None:
                plan = add_sessions(plan, _into_spoke(topology, plan, vnet, spoke))
    return plan


def _mesh(topology: Topology, vnet: VirtualNetwork, gateway: VirtualNetworkGateway) -> Iterator[End]:
    seated = seats(topology, vnet)
    for linked in linked_legs(topology, gateway):
        msee = linked.leg.msee_namespace
        for instance in instances(gateway):
            for ours, theirs in pairs(seated[msee], seated[instance]):
                if ours.version in linked.leg.versions:
                    asn, timers = gateway.bgp_settings.asn, TIMERS[topology.timers]
                    if linked.leg.has_session(ours.version):
                        yield _msee_end(linked, neighbor(instance, ours, theirs, asn, timers))
                    far = neighbor(msee, theirs, ours, MSEE_ASN, timers)
                    yield _instance_end(topology, vnet, linked, instance, far)


def _msee_end(linked: LinkedLeg, far: Neighbor) -> End:
    exported = microsoft_policies.customers_only(linked.leg.neighbors)
    special = replace(far, passive=True, ttl=SINGLE_HOP_TTL, export_policy=exported)
    return End(linked.leg.msee_namespace, special)


def _instance_end(
    topology: Topology, vnet: VirtualNetwork, linked: LinkedLeg, instance: str, far: Neighbor
) -> End:
    imported = microsoft_policies.at_gateway(linked.connection, system_spaces(topology, vnet))
    exported = microsoft_policies.own_only()
    special = replace(
        far,
        ttl=SINGLE_HOP_TTL,
        import_policy=imported,
        export_policy=exported,
        max_originations=GATEWAY_PREFIXES,
    )
    return End(instance, special)


def _into_network(topology: Topology, vnet: VirtualNetwork, gateway: VirtualNetworkGateway) -> Iterator[End]:
    seated = seats(topology, vnet)
    asn, timers = gateway.bgp_settings.asn, TIMERS[topology.timers]
    for instance in instances(gateway):
        for ours, router in pairs(seated[instance], router_addresses(vnet)):
            teaching = replace(neighbor(vnet.name, ours, router, asn, timers), add_path=True)
            yield _teacher(instance, teaching)
            learning = replace(neighbor(instance, router, ours, asn, timers), add_path=True)
            yield _learner(topology, vnet, learning, LEARNED_WEIGHT)


def _into_spoke(topology: Topology, plan: Plan, hub: VirtualNetwork, spoke: VirtualNetwork) -> Iterator[End]:
    gateway, express_route = own_speaking_gateway(topology, hub), er_gateway(topology, hub)
    assert gateway is not None, "asked only for hubs with a gateway"
    teachers = (*(instances(express_route) if express_route else ()), *vpn_speakers(topology, hub))
    asn, timers = gateway.bgp_settings.asn, TIMERS[topology.timers]
    near = addresses_of(plan, hub.name, names.ifname(spoke.name))
    far = addresses_of(plan, spoke.name, names.ifname(hub.name))
    for ours, theirs in pairs(near, far):
        client = replace(
            neighbor(spoke.name, ours, theirs, asn, timers),
            import_policy=REJECT_ALL,
            export_policy=microsoft_policies.from_gateways(teachers),
            next_hop_self=True,
            route_reflector_client=True,
        )
        yield End(hub.name, client)
        yield _learner(topology, spoke, neighbor(hub.name, theirs, ours, asn, timers))


def _teacher(instance: str, far: Neighbor) -> End:
    exported = microsoft_policies.learned_only()
    return End(instance, replace(far, import_policy=REJECT_ALL, export_policy=exported))


def _learner(topology: Topology, vnet: VirtualNetwork, far: Neighbor, weight: int | None = None) -> End:
    """A virtual network's end: it waits for the connection, and announces nothing."""
    imported = microsoft_policies.at_virtual_network(system_spaces(topology, vnet), weight)
    return End(vnet.name, replace(far, passive=True, import_policy=imported, export_policy=REJECT_ALL))
