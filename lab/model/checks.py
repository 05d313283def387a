"""The rules a topology keeps, in one table.

A rule is a function from a View to Findings whose docstring names its source, and a row here.
Letters: N names and references, A circuits, B peerings, C virtual networks and gateways,
D site-to-site VPN, E the customer's side. Numbers from 10 are about a topology making sense; below
10 are those of Azure's published rules that it refuses at the time something is created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lab.model.problem import Finding
from lab.model.rules import circuits, gateways, names, networks, references, sites, vpn
from lab.model.topology import Topology
from lab.model.view import View

Rule = Callable[[View], Iterator[Finding]]

RULES: tuple[tuple[str, Rule], ...] = (
    ("N-10", names.node_names_are_unique),
    ("N-11", names.resource_names_are_unique),
    ("N-12", references.references_resolve),
    ("N-13", references.regions_are_known),
    ("A-1", circuits.enabled_peerings_need_a_provisioned_circuit),
    ("A-10", circuits.service_keys_are_unique),
    ("A-11", circuits.a_layer3_provider_has_an_asn),
    ("B-10", circuits.one_peering_of_each_type),
    ("B-11", circuits.vlan_ids_differ_in_a_circuit),
    ("B-12", circuits.links_have_a_prefix_for_two),
    ("B-13", circuits.link_prefixes_are_nobody_elses),
    ("B-14", circuits.microsoft_peering_says_its_prefixes),
    ("B-15", circuits.only_microsoft_peering_has_a_filter),
    ("B-16", circuits.keys_fit_the_routers),
    ("B-17", circuits.peer_asns_are_not_azures),
    ("B-18", circuits.a_layer3_peering_is_with_the_provider),
    ("C-10", networks.subnets_lie_in_their_network),
    ("C-11", networks.subnets_have_azures_sizes),
    ("C-12", networks.lans_have_one_prefix_per_family),
    ("C-13", networks.networks_that_meet_are_disjoint),
    ("C-14", networks.network_peerings_are_with_others),
    ("C-15", networks.remote_gateways_are_offered),
    ("C-16", networks.one_remote_gateway),
    ("C-17", networks.vm_addresses_fit_their_subnet),
    ("C-18", networks.vm_addresses_are_unique),
    ("C-19", networks.microsoft_regions_are_whole),
    ("C-20", gateways.gateways_have_a_subnet),
    ("C-21", gateways.one_gateway_of_each_type),
    ("C-22", gateways.skus_fit_the_type),
    ("C-23", gateways.vpn_gateways_have_public_addresses),
    ("C-24", gateways.public_addresses_are_unique),
    ("C-25", gateways.gateway_addresses_fit_their_subnet),
    ("C-26", gateways.connections_link_express_route_gateways),
    ("C-27", gateways.one_connection_per_circuit),
    ("C-28", gateways.connected_circuits_have_private_peering),
    ("D-10", vpn.connections_have_what_their_type_needs),
    ("D-11", vpn.ipsec_connections_link_vpn_gateways),
    ("D-12", vpn.one_connection_per_vpn_device),
    ("D-13", vpn.shared_keys_are_azures),
    ("D-14", vpn.bgp_is_set_up_at_both_ends),
    ("D-15", vpn.vpn_asns_are_free),
    ("D-16", vpn.vpn_asns_differ),
    ("D-17", vpn.bgp_peers_are_inside),
    ("D-18", vpn.apipa_addresses_are_azures),
    ("D-19", vpn.policies_fit_together),
    ("D-20", vpn.basic_gateways_are_basic),
    ("D-21", vpn.selectors_have_prefixes),
    ("D-22", vpn.local_gateways_stand_for_devices),
    ("D-23", vpn.device_tunnels_are_the_devices),
    ("D-24", vpn.routes_come_from_somewhere),
    ("E-10", sites.attachments_meet_a_peering),
    ("E-11", sites.one_attachment_per_path),
    ("E-12", sites.provider_prefixes_go_with_layer3),
    ("E-13", sites.lans_of_a_site_are_disjoint),
    ("E-14", sites.zones_have_room),
    ("E-15", sites.machines_fit_their_lan),
    ("E-16", sites.machine_addresses_are_unique),
    ("E-17", sites.bgp_peering_addresses_are_loopbacks),
    ("E-18", sites.firewalls_stand_between_two_zones),
    ("E-19", sites.prefix_lists_can_match),
    ("E-20", sites.hold_times_outlast_keepalives),
    ("E-21", sites.routers_speak_the_peerings_asn),
)


def findings(topology: Topology) -> Iterator[Finding]:
    """Everything in which the topology breaks a rule, each finding with the rule's name."""
    view = View(topology)
    for name, rule in RULES:
        for finding in rule(view):
            yield replace(finding, rule=name)
