"""BGP inside the tunnels, and from the VPN gateway on into its virtual network.

The session runs between addresses of the two ends' own, several hops apart for BGP although the
tunnel is one. The gateway calls, but for a device with an APIPA address, which calls itself
(learn.microsoft.com, vpn-gateway-vpn-faq and bgp-howto). Nothing of it shows on Microsoft peering.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lab.bgp.policy import REJECT_ALL
from lab.model.topology import Topology
from lab.plan import microsoft_policies
from lab.plan.addresses import host
from lab.plan.azure import own_speaking_gateway, system_spaces, vpn_gateway
from lab.plan.constants import OWN_WEIGHT, TIMERS, VPN_PREFIXES
from lab.plan.customer_policies import own_prefixes
from lab.plan.gateway_subnet import router_addresses, seats
from lab.plan.sessions import End, add_sessions, neighbor, pairs
from lab.plan.types import Plan
from lab.plan.vpn import Tunnel, tunnels, vpn_speakers


def peer_tunnels(topology: Topology, plan: Plan) -> Plan:
    for tunnel in tunnels(topology):
        if tunnel.connection.enable_bgp:
            plan = add_sessions(plan, _inside(topology, tunnel))
    return add_sessions(plan, _into_networks(topology))


def _inside(topology: Topology, tunnel: Tunnel) -> Iterator[End]:
    assert tunnel.bgp_address is not None, "asked only for connections with BGP"
    assert tunnel.device_bgp_address is not None, "asked only for connections with BGP"
    near, far = host(tunnel.bgp_address), host(tunnel.device_bgp_address)
    timers, asn = TIMERS[topology.timers], tunnel.asn
    yield End(
        tunnel.instance,
        replace(
            neighbor(tunnel.device.name, near, far, tunnel.site.asn, timers),
            passive=tunnel.has_apipa,
            max_prefixes=VPN_PREFIXES if tunnel.gateway is not None else None,
            import_policy=microsoft_policies.at_vpn_gateway(
                tunnel.connection, system_spaces(topology, tunnel.vnet)
            ),
            export_policy=microsoft_policies.to_vpn_device(),
        ),
    )
    zone = tunnel.device.inside_zone
    yield End(
        tunnel.device.name,
        replace(
            neighbor(tunnel.instance, far, near, asn, timers),
            passive=not tunnel.has_apipa or tunnel.override.bgp_passive,
            export_policy=own_prefixes(tunnel.site, zone),
        ),
    )


def _into_networks(topology: Topology) -> Iterator[End]:
    """Both instances tell their network what they learned; it sends to either, by flow."""
    for vnet in topology.virtual_networks:
        gateway, speaking = vpn_gateway(topology, vnet), own_speaking_gateway(topology, vnet)
        if gateway is None or speaking is None:
            continue
        timers, asn = TIMERS[topology.timers], gateway.bgp_settings.asn
        learns = microsoft_policies.at_virtual_network(system_spaces(topology, vnet), OWN_WEIGHT)
        teaches = microsoft_policies.learned_only()
        for instance in vpn_speakers(topology, vnet):
            for ours, router in pairs(seats(topology, vnet)[instance], router_addresses(vnet)):
                if ours.version == 4:
                    far = neighbor(vnet.name, ours, router, speaking.bgp_settings.asn, timers)
                    teacher = replace(
                        far, next_hop_self=True, import_policy=REJECT_ALL, export_policy=teaches
                    )
                    yield End(instance, teacher)
                    near = neighbor(instance, router, ours, asn, timers)
                    learner = replace(near, passive=True, import_policy=learns, export_policy=REJECT_ALL)
                    yield End(vnet.name, learner)
