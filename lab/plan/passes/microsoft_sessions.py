"""BGP inside Microsoft's AS: each MSEE's Microsoft peering learns the public prefixes by iBGP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.model.topology import Topology
from lab.plan import microsoft_policies, names
from lab.plan.constants import MSEE_ASN, TIMERS
from lab.plan.legs import Leg
from lab.plan.microsoft import microsoft_legs
from lab.plan.queries import addresses_of
from lab.plan.sessions import End, add_sessions, neighbor, pairs
from lab.plan.types import Plan


def peer_microsoft(topology: Topology, plan: Plan) -> Plan:
    for leg in microsoft_legs(topology):
        plan = add_sessions(plan, _leg(topology, plan, leg))
    return plan


def _leg(topology: Topology, plan: Plan, leg: Leg) -> Iterator[End]:
    edge, msee, timers = names.MICROSOFT_EDGE, leg.msee_namespace, TIMERS[topology.timers]
    near = addresses_of(plan, msee, edge)
    far = addresses_of(plan, edge, names.ifname(leg.msee))
    for ours, theirs in pairs(near, far):
        to_edge = neighbor(edge, ours, theirs, MSEE_ASN, timers)
        customers = microsoft_policies.customers_only(leg.neighbors)
        yield End(msee, replace(to_edge, export_policy=customers, next_hop_self=True))
        to_msee = neighbor(msee, theirs, ours, MSEE_ASN, timers)
        yield End(edge, replace(to_msee, passive=True, export_policy=microsoft_policies.own_only()))
