"""From a Topology, in Azure's words, to a Plan, in a network's: passes, in one table.

A pass takes the topology and the plan so far and returns a larger plan. Nothing here or in a pass
reads a clock, a file or the environment: the same topology gives the same plan, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.model.topology import Topology
from lab.plan.passes.azure_routes import route_azure
from lab.plan.passes.circuit_sessions import peer_customers
from lab.plan.passes.circuits import wire_circuits
from lab.plan.passes.connected import connect_speakers, drop_silent_speakers
from lab.plan.passes.expectations import expect_sessions
from lab.plan.passes.filters import filter_packets
from lab.plan.passes.gateway_sessions import peer_gateways
from lab.plan.passes.microsoft_network import wire_microsoft_network
from lab.plan.passes.microsoft_sessions import peer_microsoft
from lab.plan.passes.nodes import place_nodes
from lab.plan.passes.site_routes import route_sites
from lab.plan.passes.site_sessions import peer_sites
from lab.plan.passes.sites import wire_sites
from lab.plan.passes.speakers import place_speakers
from lab.plan.passes.suggestions import suggest
from lab.plan.passes.tunnel_sessions import peer_tunnels
from lab.plan.passes.tunnels import lay_tunnels
from lab.plan.passes.verify import verify
from lab.plan.passes.virtual_networks import wire_virtual_networks
from lab.plan.types import Plan

Pass = Callable[[Topology, Plan], Plan]

PASSES: tuple[Pass, ...] = (
    place_nodes,  # devices and their routing tables
    wire_sites,  # zones' LANs and what lies behind interior routers; with addresses, as all wiring
    wire_circuits,  # customer edge - provider edge - MSEE, tag by tag
    wire_virtual_networks,  # subnets, machines, gateways, peered networks
    wire_microsoft_network,  # Microsoft's public side and VPN gateways' public addresses
    route_sites,  # static routes on premises
    route_azure,  # static routes on Microsoft's side
    lay_tunnels,  # IPsec from VPN devices to VPN gateways
    place_speakers,  # who speaks BGP, its AS and its own prefixes
    peer_sites,  # iBGP inside the customer's zones
    peer_customers,  # the peerings' sessions
    peer_gateways,  # MSEEs to gateways, gateways to virtual networks
    peer_microsoft,  # MSEEs to Microsoft's public network
    peer_tunnels,  # VPN devices to VPN gateways, and those to virtual networks
    drop_silent_speakers,  # those that got no session
    connect_speakers,  # what each speaker is connected to
    filter_packets,  # what must not be forwarded
    expect_sessions,  # which sessions cannot come up
    suggest,  # what to try first
    verify,  # what could not be built after all
)


def compile_topology(topology: Topology) -> Plan:
    """The plan of a topology; raises PlanError when it cannot be built."""
    plan = Plan(topology.name, topology.description)
    for run in PASSES:
        plan = run(topology, plan)
    return plan
