"""iBGP on premises: a full mesh among a zone's routers, over its LAN.

Edge routers and VPN devices put themselves as next hop, since their links to Microsoft are nobody
else's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from lab.bgp.speaker import Neighbor
from lab.model.onprem import Site, Zone
from lab.model.topology import Topology
from lab.plan.constants import TIMERS
from lab.plan.edge_asn import edge_asn
from lab.plan.sessions import End, add_sessions, neighbor, pairs
from lab.plan.sites import Member, members
from lab.plan.types import Plan


def peer_sites(topology: Topology, plan: Plan) -> Plan:
    for site in topology.on_premises:
        for zone in site.zones:
            plan = add_sessions(plan, _zone(topology, site, zone))
    return plan


def _zone(topology: Topology, site: Site, zone: Zone) -> Iterator[End]:
    """Of two ends the one whose name sorts first waits for the connection."""
    speaking = [one for one in members(site, zone) if one.speaks]
    for one, other in combinations(sorted(speaking, key=lambda one: one.namespace), 2):
        for ours, theirs in pairs(one.addresses, other.addresses):
            timers = TIMERS[topology.timers]
            waiting = neighbor(other.namespace, ours, theirs, _asn(site, other), timers)
            calling = neighbor(one.namespace, theirs, ours, _asn(site, one), timers)
            yield End(one.namespace, _as(site, one, replace(waiting, passive=True)))
            yield End(other.namespace, _as(site, other, calling))


def _as(site: Site, one: Member, far: Neighbor) -> Neighbor:
    return replace(far, next_hop_self=_leads_out(site, one))


def _asn(site: Site, one: Member) -> int:
    for edge in site.edge_routers:
        if edge.name == one.node:
            return edge_asn(site, edge, one.zone.name)
    return site.asn


def _leads_out(site: Site, one: Member) -> bool:
    edges = (edge.name for edge in site.edge_routers)
    return one.node in {*edges, *(device.name for device in site.vpn_devices)}
