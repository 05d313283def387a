"""The rules a topology keeps, in one table.

A rule is a function from a View to Findings whose docstring says it in a sentence and names its
source, a path below learn.microsoft.com/azure; and a row here. Letters: N names and references, A
circuits, B peerings, C virtual networks, gateways and connections, D site-to-site VPN, E the
customer's side. Numbers below 10 are those of Azure's published rules that it refuses at the time
something is created; from 10 on they are about a topology making sense. What only a running lab can
keep, or nobody does, is in ``lab.model.rule_catalogue``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lab.model.azure import Connection
from lab.model.problem import Finding, Loc, Severity
from lab.model.properties import closest
from lab.model.rules import (
    appliances,
    authentication,
    circuits,
    connections,
    gateways,
    microsoft,
    names,
    networks,
    private_tunnels,
    reach,
    references,
    sites,
    vpn,
)
from lab.model.topology import Topology
from lab.model.view import View, each

Check = Callable[[View], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    check: Check
    waivable: bool = False
    """Whether a lab can be built in spite of it, so that a drill may."""
    at_creation: bool = False
    """Whether it holds when a connection is made and no longer afterwards."""


def waived_rules_are_rules(view: View) -> Iterator[Finding]:
    """What a topology waives is a rule, once, and one that a lab can be built without."""
    waivable = {rule.name: rule.waivable for rule in RULES}
    seen: set[str] = set()
    for loc, name in each(("waived_rules",), view.topology.waived_rules):
        if name not in waivable:
            near = closest(name, waivable)
            hint = "docs/rules.md lists them"
            yield Finding(loc, f"{name!r} is no rule" + (f", did you mean {near}?" if near else ""), hint)
        elif not waivable[name]:
            yield Finding(loc, f"{name} cannot be waived", "docs/rules.md says which rules can be")
        elif name in seen:
            yield Finding(loc, f"{name} is waived already", "once is enough")
        seen.add(name)


RULES: tuple[Rule, ...] = (
    Rule("N-10", names.node_names_are_unique),
    Rule("N-11", names.resource_names_are_unique),
    Rule("N-12", references.references_resolve),
    Rule("N-13", references.regions_are_known),
    Rule("N-14", waived_rules_are_rules),
    Rule("A-1", circuits.enabled_peerings_need_a_provisioned_circuit, waivable=True),
    Rule("A-4", reach.connected_networks_are_in_reach, waivable=True),
    Rule("A-5", connections.circuits_have_room_for_their_networks, waivable=True),
    Rule("A-6", connections.few_address_spaces_when_linked, waivable=True, at_creation=True),
    Rule("A-10", circuits.service_keys_are_unique, waivable=True),
    Rule("A-11", circuits.a_layer3_provider_has_an_asn),
    Rule("A-12", reach.peering_locations_are_known, waivable=True),
    Rule("A-13", reach.local_circuits_are_unlimited, waivable=True),
    Rule("A-14", reach.local_circuits_are_near_a_region, waivable=True),
    Rule("A-15", reach.clouds_do_not_meet, waivable=True),
    Rule("A-16", connections.authorization_keys_are_unique, waivable=True),
    Rule("B-5", microsoft.private_as_numbers_are_approved, waivable=True),
    Rule("B-8", microsoft.microsoft_365_is_authorized, waivable=True),
    Rule("B-10", circuits.one_peering_of_each_type),
    Rule("B-11", circuits.vlan_ids_differ_in_a_circuit),
    Rule("B-12", circuits.links_have_a_prefix_for_two),
    Rule("B-13", circuits.link_prefixes_are_nobody_elses),
    Rule("B-14", microsoft.microsoft_peering_says_its_prefixes),
    Rule("B-15", microsoft.only_microsoft_peering_has_a_filter, waivable=True),
    Rule("B-16", circuits.keys_fit_the_routers),
    Rule("B-17", circuits.peer_asns_are_not_azures, waivable=True),
    Rule("B-18", circuits.a_layer3_peering_is_with_the_provider, waivable=True),
    Rule("B-19", microsoft.advertised_prefixes_are_public, waivable=True),
    Rule("B-20", microsoft.microsoft_links_are_public, waivable=True),
    Rule("B-21", microsoft.microsoft_365_needs_premium, waivable=True),
    Rule("C-1", connections.networks_have_room_for_their_circuits, waivable=True),
    Rule("C-10", networks.subnets_lie_in_their_network),
    Rule("C-11", networks.subnets_have_azures_sizes),
    Rule("C-12", networks.lans_have_one_prefix_per_family),
    Rule("C-13", networks.networks_that_meet_are_disjoint),
    Rule("C-14", networks.network_peerings_are_with_others),
    Rule("C-15", networks.remote_gateways_are_offered, waivable=True),
    Rule("C-16", networks.one_remote_gateway),
    Rule("C-17", networks.vm_addresses_fit_their_subnet),
    Rule("C-18", networks.vm_addresses_are_unique),
    Rule("C-19", networks.microsoft_regions_are_whole),
    Rule("C-20", gateways.gateways_have_a_subnet),
    Rule("C-21", gateways.one_gateway_of_each_type),
    Rule("C-22", gateways.skus_fit_the_type, waivable=True),
    Rule("C-23", gateways.vpn_gateways_have_public_addresses),
    Rule("C-24", gateways.public_addresses_are_unique),
    Rule("C-25", gateways.gateway_addresses_fit_their_subnet),
    Rule("C-26", connections.connections_link_express_route_gateways),
    Rule("C-27", connections.one_connection_per_circuit),
    Rule("C-28", connections.connected_circuits_have_private_peering),
    Rule("C-29", connections.authorization_keys_are_the_circuits, waivable=True),
    Rule("C-30", connections.an_authorization_is_for_one_connection, waivable=True),
    Rule("C-31", gateways.express_route_gateways_speak_azures_asn, waivable=True),
    Rule("C-32", gateways.vpn_gateways_speak_a_free_asn, waivable=True),
    Rule("C-33", gateways.gateway_subnets_have_room),
    Rule("C-34", gateways.coexisting_gateways_fit_together, waivable=True),
    Rule("C-35", gateways.many_circuits_need_a_large_subnet),
    Rule("C-36", networks.network_communities_are_azures, waivable=True),
    Rule("C-37", gateways.scale_units_are_a_scalable_gateways, waivable=True),
    Rule("C-38", connections.connected_circuits_are_in_service, waivable=True),
    Rule("C-39", appliances.routes_lead_somewhere),
    Rule("C-40", appliances.one_router_does_for_the_network),
    Rule("C-41", appliances.route_prefixes_are_unique),
    Rule("C-42", appliances.appliances_stand_apart, waivable=True),
    Rule("D-10", vpn.connections_have_what_their_type_needs),
    Rule("D-11", vpn.ipsec_connections_link_vpn_gateways),
    Rule("D-12", vpn.one_connection_per_vpn_device),
    Rule("D-13", vpn.shared_keys_are_azures),
    Rule("D-14", vpn.bgp_is_set_up_at_both_ends),
    Rule("D-15", vpn.vpn_devices_speak_a_free_asn, waivable=True),
    Rule("D-16", vpn.vpn_asns_differ),
    Rule("D-17", vpn.bgp_peers_are_inside),
    Rule("D-18", vpn.apipa_addresses_are_azures),
    Rule("D-19", vpn.policies_fit_together),
    Rule("D-20", vpn.basic_gateways_are_basic, waivable=True),
    Rule("D-21", vpn.selectors_have_prefixes),
    Rule("D-22", vpn.local_gateways_stand_for_devices),
    Rule("D-23", vpn.device_tunnels_are_the_devices),
    Rule("D-24", vpn.routes_come_from_somewhere),
    Rule("D-25", authentication.connections_prove_themselves_one_way),
    Rule("D-26", authentication.devices_prove_themselves_likewise),
    Rule("D-27", authentication.ikev1_can_say_it),
    Rule("D-28", authentication.skus_authenticate_so, waivable=True),
    Rule("D-30", private_tunnels.private_addresses_are_zone_redundant_vpn_gateways, waivable=True),
    Rule("D-31", private_tunnels.private_tunnels_are_offered, waivable=True),
    Rule("D-32", private_tunnels.private_tunnels_have_a_circuit, waivable=True),
    Rule("D-33", private_tunnels.private_tunnels_speak_bgp_from_elsewhere),
    Rule("D-34", appliances.appliances_have_public_addresses),
    Rule("D-35", appliances.appliances_may_forward, waivable=True),
    Rule("D-36", appliances.appliances_speak_from_loopbacks),
    Rule("D-37", appliances.appliance_tunnels_have_two_speakers),
    Rule("E-10", sites.attachments_meet_a_peering),
    Rule("E-11", sites.one_attachment_per_path),
    Rule("E-12", sites.provider_prefixes_go_with_layer3),
    Rule("E-13", sites.lans_of_a_site_are_disjoint),
    Rule("E-14", sites.zones_have_room),
    Rule("E-15", sites.machines_fit_their_lan),
    Rule("E-16", sites.machine_addresses_are_unique),
    Rule("E-17", sites.bgp_peering_addresses_are_loopbacks, waivable=True),
    Rule("E-18", sites.firewalls_stand_between_two_zones),
    Rule("E-19", sites.prefix_lists_can_match),
    Rule("E-20", sites.hold_times_outlast_keepalives),
    Rule("E-21", sites.routers_speak_the_peerings_asn, waivable=True),
)


def findings(topology: Topology, before: Topology | None = None) -> Iterator[Finding]:
    """Everything in which the topology breaks a rule, each finding with the rule's name; those
    of a waived rule are warnings, and so is a waiver that waives nothing.

    ``before`` is what runs already: its connections have left the rules of creation behind.
    """
    view = View(topology)
    kept = set(_kept_connections(view, before)) if before is not None else set()
    waived = {rule.name for rule in RULES if rule.waivable} & set(topology.waived_rules)
    used: set[str] = set()
    for rule in RULES:
        severity = Severity.WARNING if rule.name in waived else Severity.ERROR
        for finding in rule.check(view):
            used.add(rule.name)
            if rule.at_creation and rule.name not in waived and finding.loc[:2] in kept:
                continue
            yield replace(finding, rule=rule.name, severity=severity)
    for name in sorted(waived - used):
        loc = ("waived_rules", topology.waived_rules.index(name))
        hint = "remove it, or see docs/rules.md for what it is about"
        yield Finding(loc, f"{name} waives nothing here", hint, severity=Severity.WARNING)


def _kept_connections(view: View, before: Topology) -> Iterator[Loc]:
    """The places of connections that were there before, of the same gateway to the same circuit."""
    made = {_ends(connection) for connection in before.connections}
    return (loc for loc, connection in view.circuit_connections() if _ends(connection) in made)


def _ends(connection: Connection) -> tuple[str, str, str | None]:
    return connection.name, connection.virtual_network_gateway1, connection.peer
