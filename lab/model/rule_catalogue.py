"""Every rule and limit of ExpressRoute and of VPN over it that the project knows, and where each is kept.

What ``validate`` decides is in ``lab.model.checks``; this adds what only a running lab can show and
what nobody enforces. Azure's published rules keep their numbers, below 10; from 50 on are
statements beside those of ``validate``. ``lab.model.rules_page`` makes docs/rules.md of it all.

Sources are paths below learn.microsoft.com/azure, RFCs, or "observed": seen in real deployments and
promised by nobody. Proofs are pytest's node ids, or scenarios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lab.model.azure import GatewayType
from lab.model.checks import RULES
from lab.model.circuit import SkuTier
from lab.model.constants import MD5_KEY_MAX, MSEE_ASN, ROUTING_WEIGHT_MAX
from lab.model.gateway_skus import gateway_skus
from lab.model.limits import limits

OBSERVED = "observed"

_UNIT, _LABS = "tests/unit/plan", "tests/labs"
_TABLES, _REACH = f"{_UNIT}/test_plan_tables.py", f"{_UNIT}/test_plan_reach.py"
_AZURE, _SESSIONS = f"{_UNIT}/test_plan_azure.py", f"{_UNIT}/test_plan_sessions.py"
_TUNNELS = f"{_UNIT}/test_plan_tunnels.py"
_AUTHENTICATION = "tests/unit/plan/test_plan_authentication.py"
_CIRCUITS, _LIMITED = f"{_UNIT}/test_plan_circuits.py", f"{_UNIT}/test_plan_limits.py"
_ROUTING, _FAQ = "expressroute/expressroute-routing", "expressroute/expressroute-faqs"
_LIMITS = "azure-resource-manager/management/azure-subscription-service-limits"
_GATEWAYS = "expressroute/expressroute-about-virtual-network-gateways"
_LINKING = "expressroute/expressroute-howto-linkvnet-cli"
_CIRCUIT_CLI = "expressroute/howto-circuit-cli"

STATIC_PROOF = (
    "tests/unit/model/test_model_rules.py::test_a_broken_rule_is_reported_at_its_place_and_no_other_is"
)
"""Has a case for every rule of the table, as has its sister for rules that go together."""


FORM_PROOF = "tests/unit/model/test_model_schema.py::test_schema_and_loader_refuse_the_same_shapes"
"""Has what the model itself refuses, whatever the rules say."""


class Where(Enum):
    STATIC = "static"
    """``validate`` refuses it."""
    RUNNING = "running"
    """The running lab does it."""
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    says: str
    source: str
    where: Where
    how: str
    """What does it, or why nothing does."""
    proofs: tuple[str, ...] = ()


def _runs(name: str, says: str, source: str, how: str, *proofs: str) -> Entry:
    return Entry(name, says, source, Where.RUNNING, how, proofs)


def _form(name: str, says: str, source: str) -> Entry:
    return Entry(name, says, source, Where.STATIC, "no, it is the form of the file", (FORM_PROOF,))


def _nobody(name: str, says: str, source: str, why: str) -> Entry:
    return Entry(name, says, source, Where.NOWHERE, why)


_CIRCUIT_ENTRIES = (
    _nobody(
        "A-2",
        "A circuit cannot be deleted while the provider has it Provisioning or Provisioned.",
        "expressroute/expressroute-workflows",
        "a topology says what exists; no circuit is deleted from a running lab",
    ),
    _nobody(
        "A-3",
        "Only the provider moves a circuit from NotProvisioned over Provisioning to Provisioned.",
        "expressroute/cross-connections-api-development",
        "a topology says what the provider has done; there are no roles",
    ),
    _runs(
        "A-5",
        "With more prefixes than its limit a session drops, and comes back by itself when the number fits.",
        _FAQ,
        "the MSEE sends Cease 6/1 and takes the session up again after the pause of the timers profile",
        f"{_TABLES}::test_one_prefix_too_many_drops_the_session_which_returns_with_fewer",
        f"{_LABS}/test_sessions.py::test_too_many_prefixes_drop_the_session_and_fewer_bring_it_back",
        "scenarios/limits/private-peering-4000.yaml",
        "scenarios/limits/microsoft-peering-200.yaml",
    ),
    _runs(
        "A-50",
        "Too many IPv6 prefixes drop the IPv6 session alone.",
        _LIMITS,
        "each address family has a session of its own with its own limit",
        f"{_TABLES}::test_too_many_ipv6_prefixes_leave_ipv4_alone",
        "scenarios/limits/ipv6-prefixes-100.yaml",
    ),
    _runs(
        "A-51",
        "With more prefixes than a gateway may announce, its connection to the circuit goes down; networks "
        "that use it count, and go with it.",
        _LIMITS,
        "the instance holds its sessions with the circuits' MSEEs down until the number fits",
        f"{_TABLES}::test_a_gateway_with_too_many_prefixes_loses_the_connection_until_it_has_fewer",
        f"{_TABLES}::test_the_networks_of_a_hub_count_together_and_go_together",
        "scenarios/limits/gateway-prefixes-1000.yaml",
    ),
    _runs(
        "A-52",
        "A circuit is two connections to two MSEEs, both in use.",
        "expressroute/designing-for-high-availability-with-expressroute",
        "two links, two MSEEs, equal paths",
        f"{_CIRCUITS}::test_one_circuit_makes_two_provider_edges_and_two_msees",
        f"{_LABS}/test_reference_lab.py::test_flows_spread_over_both_msees",
        "scenarios/steering/ecmp-over-both-paths.yaml",
    ),
    _runs(
        "A-53",
        "A network spreads its flows over four circuits at most, by the packets' 5-tuple.",
        _FAQ,
        "a speaker uses eight equal paths at most, two to a circuit; the kernel hashes the 5-tuple",
        f"{_LIMITED}::test_no_speaker_uses_more_paths_than_four_circuits_have",
        "scenarios/steering/ecmp-over-both-paths.yaml",
    ),
    _runs(
        "A-54",
        "A Standard circuit becomes Premium in place, with Premium's limits.",
        _CIRCUIT_CLI,
        "a change of the file, applied to the running lab",
        "scenarios/limits/upgrade-to-premium.yaml",
    ),
    _nobody(
        "A-55",
        "A subscription has 50 circuits, and 10 in a region of it.",
        _LIMITS,
        "there are no subscriptions in a topology",
    ),
    _nobody(
        "A-56",
        "Each connection of a circuit is limited to the circuit's bandwidth.",
        _FAQ,
        "links are as fast as the host",
    ),
    _nobody(
        "A-57",
        "Global Reach connections count against the networks of a circuit, and a Local circuit has none.",
        _LIMITS,
        "Global Reach is not modelled",
    ),
    _nobody(
        "A-58",
        "ExpressRoute Direct has its own circuit sizes, VLAN rules and MACsec.",
        "expressroute/expressroute-erdirect-about",
        "circuits of a provider only",
    ),
    _nobody(
        "A-59",
        "A provider offers some of the peering locations and bandwidths.",
        "expressroute/expressroute-locations-providers",
        "the page has display names, the API others: `az network express-route list-service-providers` "
        "knows both",
    ),
    _nobody(
        "A-60",
        "A whole system has no more than 11,000 prefixes.",
        _GATEWAYS,
        "advice; nothing happens at that number",
    ),
    _nobody(
        "A-62",
        "In place a circuit changes to more bandwidth and from metered to unlimited, and not back.",
        _CIRCUIT_CLI,
        "a topology says what is, not what was",
    ),
    _form(
        "A-61",
        "A circuit of a provider has 50, 100, 200, 500, 1000, 2000, 5000 or 10000 Mbps.",
        _CIRCUIT_CLI,
    ),
)

_PEERING_ENTRIES = (
    _runs(
        "B-1",
        "Who takes the wrong address of a link's two has neither ARP nor BGP.",
        "expressroute/expressroute-troubleshooting-expressroute-overview",
        "real addresses on real links",
        f"{_CIRCUITS}::test_a_router_with_the_msees_address_looks_for_its_peer_at_the_other",
        "scenarios/mistakes/swapped-sides.yaml",
    ),
    _runs(
        "B-2",
        "Microsoft peering refuses a default route, private prefixes and paths with AS 64496 to 64511, and "
        "strips private AS numbers from others.",
        _ROUTING,
        "the MSEE's import policy",
        f"{_TABLES}::test_what_an_msee_accepts_from_a_customer",
        f"{_TABLES}::test_prepending_on_microsoft_peering",
        "scenarios/filtering/refused-prefixes.yaml",
        "scenarios/filtering/private-as-numbers.yaml",
    ),
    _runs(
        "B-3",
        "Packets enter over Microsoft peering from advertised_public_prefixes only.",
        _ROUTING,
        "a packet filter at the MSEE; a route outside them is taken, for that is not documented",
        f"{_AZURE}::test_microsoft_peering_lets_in_advertised_public_prefixes_only",
        f"{_REACH}::test_microsoft_drops_packets_from_prefixes_that_were_not_declared",
        "scenarios/filtering/undeclared-source.yaml",
    ),
    _runs(
        "B-4",
        "Microsoft peering comes up only when its prefixes are Configured.",
        "expressroute/expressroute-workflows",
        "otherwise Microsoft's end of the sessions is missing",
        f"{_TABLES}::test_microsoft_peering_out_of_service_leaves_private_peering_alone",
        "scenarios/mistakes/not-validated.yaml",
    ),
    _runs(
        "B-6",
        "Without a route filter Microsoft peering is established and advertises nothing.",
        "expressroute/how-to-routefilter-portal",
        "the MSEE's export policy refuses everything",
        f"{_REACH}::test_without_a_route_filter_microsoft_peering_is_up_and_empty",
        "scenarios/filtering/no-route-filter.yaml",
    ),
    Entry(
        "B-7",
        "A route filter that is attached cannot be deleted.",
        "expressroute/how-to-routefilter-portal",
        Where.STATIC,
        "no, it is N-12: a filter that a peering names is there",
        (STATIC_PROOF,),
    ),
    _runs(
        "B-50",
        f"Sessions are external, single hop and with AS {MSEE_ASN} on Microsoft's side.",
        _ROUTING,
        "a time to live of 1",
        f"{_LIMITED}::test_peerings_are_single_hop_and_with_azures_as_number",
    ),
    _runs(
        "B-51",
        "Of two hold times the lower one holds; Microsoft's timers are 60 and 180 s.",
        _FAQ,
        "the profile's timers; an attachment may have others",
        f"{_SESSIONS}::test_the_profile_sets_the_timers_and_an_attachment_its_own_end",
    ),
    _runs(
        "B-52",
        "Both links of a peering have the same MD5 key; with another one there is silence, and no error.",
        _ROUTING,
        "TCP MD5 in the kernel",
        f"{_LABS}/test_sessions.py::test_a_session_with_a_key_comes_up_and_the_key_is_nowhere_to_read",
        "scenarios/mistakes/wrong-md5-key.yaml",
    ),
    _runs(
        "B-53",
        "IPv6 has sessions of its own on the same sub-interface.",
        "expressroute/expressroute-config-samples-routing",
        "two sessions per link",
        f"{_SESSIONS}::test_ipv6_is_a_session_of_its_own",
        f"{_CIRCUITS}::test_a_disabled_ipv6_peering_leaves_ipv4_alone",
        "scenarios/advertisement/dual-stack.yaml",
    ),
    _runs(
        "B-54",
        "The customer's router has the first usable address of a link, the MSEE the second.",
        _ROUTING,
        "addresses on the sub-interfaces",
        f"{_CIRCUITS}::test_the_customer_takes_the_first_usable_address_and_the_msee_the_second",
    ),
    _runs(
        "B-55",
        "Both links of a peering have the same VLAN ID, inside the circuit's own tag.",
        "expressroute/howto-routing-cli",
        "two tags between provider edge and MSEE",
        f"{_CIRCUITS}::test_both_links_of_a_peering_use_the_same_customer_tag",
        f"{_CIRCUITS}::test_the_customer_has_one_tag_and_the_msee_two",
        "scenarios/mistakes/wrong-vlan.yaml",
    ),
    _runs(
        "B-56",
        "An MSEE refuses a peer of another AS than the peering's peer_asn.",
        "RFC 4271",
        "NOTIFICATION 2/2, bad peer AS",
        "scenarios/mistakes/wrong-asn.yaml",
    ),
    _runs(
        "B-57",
        "Private peering takes any prefix, a default route too, with the AS path as it is.",
        _ROUTING,
        "the MSEE's import policy",
        f"{_TABLES}::test_what_an_msee_accepts_from_a_customer",
        "scenarios/advertisement/default-route.yaml",
    ),
    _runs(
        "B-58",
        "Communities that the customer sets are ignored.",
        _ROUTING,
        "the MSEE's import policy removes them",
        f"{_TABLES}::test_communities_a_customer_sets_reach_nobody",
    ),
    _runs(
        "B-59",
        f"The customer sees Azure's prefixes with the path {MSEE_ASN} alone, a network's with its "
        "communities when it has one of its own, a region's with the region's.",
        _ROUTING,
        "the MSEE's export policy",
        f"{_TABLES}::test_what_a_customer_sees_of_azure",
        f"{_REACH}::test_the_customer_sees_12076_alone",
        "scenarios/advertisement/vnet-address-spaces.yaml",
    ),
    _runs(
        "B-60",
        "A route filter lets through the communities it names; a change acts on the session that is there.",
        "expressroute/how-to-routefilter-portal",
        "the MSEE's export policy",
        f"{_REACH}::test_only_the_route_filters_region_comes_over_microsoft_peering",
        "scenarios/filtering/wrong-region-in-filter.yaml",
        "scenarios/filtering/region-added-live.yaml",
    ),
    _runs(
        "B-61",
        "Microsoft peering brings the regions that the circuit's SKU reaches, whatever the filter allows.",
        _FAQ,
        "the MSEE's export policy refuses the others by name",
        f"{_TABLES}::test_microsoft_peering_brings_what_the_circuits_sku_reaches",
        "scenarios/filtering/local-sku-reach.yaml",
    ),
    _runs(
        "B-62",
        "AS path prepends are honoured, between the two links of a circuit too.",
        "expressroute/expressroute-optimize-routing",
        "the decision process",
        f"{_TABLES}::test_prepending_on_private_peering_is_honoured_between_the_two_links",
        "scenarios/steering/prepend-moves-traffic.yaml",
    ),
    _runs(
        "B-63",
        "A connection's routing weight decides before the length of AS paths.",
        "expressroute/expressroute-optimize-routing",
        "local preference at the gateway, which goes no further",
        f"{_TABLES}::test_a_connections_routing_weight_decides_after_the_weight_and_before_the_path_length",
        "scenarios/steering/weight-beats-prepend.yaml",
    ),
    _runs(
        "B-64",
        "A peering that is Disabled has no session on either link.",
        "expressroute/expressroute-howto-reset-peering",
        "Microsoft's end of the sessions is missing",
        f"{_TABLES}::test_private_peering_out_of_service_has_neither_customer_nor_gateway",
    ),
    _runs(
        "B-65",
        "With a layer 3 provider the provider's edge speaks BGP with the MSEE and stands in the path.",
        "expressroute/expressroute-troubleshooting-expressroute-overview",
        "a VRF at the provider's edge with a session on either side",
        f"{_REACH}::test_a_layer_3_provider_stands_in_the_path_on_both_sides",
        "scenarios/advertisement/layer3-provider.yaml",
    ),
    _runs(
        "B-66",
        "A link carries packets of 1,500 octets.",
        "expressroute/expressroute-config-samples-routing",
        "the MTU of the sub-interfaces; trunks have room for the tags",
        f"{_LIMITED}::test_links_carry_whole_packets_and_trunks_their_tags_too",
    ),
    _nobody(
        "B-67",
        "BFD finds a silent failure in less than a second, on IPv4 sessions.",
        "expressroute/expressroute-bfd",
        "not modelled yet; the hold time ends the session",
    ),
    _nobody(
        "B-68",
        "Prefixes on Microsoft peering carry the communities of their services too.",
        _ROUTING,
        "the public network of a topology has regions only",
    ),
    _nobody(
        "B-69",
        "Of a prefix that comes over ExpressRoute and from the Internet, Microsoft uses the former.",
        "expressroute/expressroute-asymmetric-routing",
        "there is no Internet in a lab",
    ),
    _nobody(
        "B-70",
        "Advertised prefixes and AS numbers are registered to the customer.",
        _ROUTING,
        "a registry would have to be asked; the topology says the outcome, advertised_public_prefixes_state",
    ),
    _form(
        "B-71",
        "A route filter has exactly one rule, which allows communities.",
        "expressroute/how-to-routefilter-portal",
    ),
    _form(
        "B-72",
        "A VLAN ID is one of 1 to 4094.",
        "expressroute/howto-routing-cli",
    ),
)

_NETWORK_ENTRIES = (
    _runs(
        "C-50",
        "Both instances of a gateway have sessions with both MSEEs, and none with the customer.",
        OBSERVED,
        "four sessions per connection, whatever active_active says",
        f"{_SESSIONS}::test_msees_and_gateway_instances_form_a_full_mesh",
        "scenarios/advertisement/on-premises-at-gateways.yaml",
    ),
    _runs(
        "C-51",
        "MSEEs are at offsets 4 and 5 of the GatewaySubnet, gateway instances at 12 and 13.",
        OBSERVED,
        "addresses, unless ip_configurations gives others",
        f"{_AZURE}::test_msees_and_gateway_instances_sit_at_the_observed_offsets",
    ),
    _runs(
        "C-52",
        "A gateway announces address spaces and never subnets, and those of networks that use it.",
        _FAQ,
        "what the instances originate",
        f"{_TABLES}::test_a_customer_is_told_address_spaces_and_never_subnets",
        f"{_SESSIONS}::test_a_gateway_announces_address_spaces_and_those_of_networks_that_use_it",
        "scenarios/advertisement/vnet-address-spaces.yaml",
        "scenarios/advertisement/gateway-transit-only.yaml",
    ),
    _runs(
        "C-53",
        f"A gateway sees the customer's prefixes behind {MSEE_ASN}, with weight 32769, its own with 32768; "
        "an MSEE sees networks behind 65515.",
        OBSERVED,
        "paths as BGP makes them, weights by the gateway's policies",
        f"{_TABLES}::test_what_each_observer_sees",
        "scenarios/advertisement/on-premises-at-gateways.yaml",
    ),
    _runs(
        "C-54",
        "A network's prefix that the customer sends back stays at the MSEE as a longer path.",
        OBSERVED,
        "the MSEE allows its own AS number once on private peering",
        f"{_TABLES}::test_an_echo_of_a_networks_prefix_is_kept_at_the_msee_as_a_longer_path",
    ),
    _runs(
        "C-55",
        "A gateway refuses a path with its own AS number.",
        "RFC 4271",
        "the loop check on import",
        f"{_TABLES}::test_a_gateway_refuses_a_path_with_its_own_as_number",
    ),
    _runs(
        "C-56",
        "Prefixes of a network and of peered networks win over routes learned by BGP, longer ones too.",
        "virtual-network/virtual-networks-udr-overview",
        "the gateway's import policy refuses what lies in the address spaces",
        f"{_REACH}::test_a_network_keeps_its_own_traffic_even_against_a_longer_prefix_from_on_premises",
    ),
    _runs(
        "C-57",
        "Packets to a machine pass a gateway instance, packets from it go to the MSEEs directly.",
        OBSERVED,
        "routes",
        f"{_REACH}::test_towards_azure_packets_pass_a_gateway_instance_and_both_share_them",
        f"{_REACH}::test_from_azure_packets_go_to_the_msees_directly",
    ),
    _runs(
        "C-58",
        "Networks on one circuit do not reach each other through it.",
        _GATEWAYS,
        "the MSEE tells no gateway the other's routes, and a packet filter",
        f"{_TABLES}::test_networks_on_one_circuit_do_not_hear_of_each_other",
        f"{_AZURE}::test_packets_do_not_pass_a_circuit_from_one_network_to_another",
    ),
    _runs(
        "C-59",
        "A spoke has the hub's gateway when it uses remote gateways and the hub allows gateway transit.",
        "vpn-gateway/vpn-gateway-peering-gateway-transit",
        "both halves of the peering are looked at",
        f"{_AZURE}::test_a_gateway_serves_a_spoke_when_both_halves_say_so",
        "scenarios/advertisement/gateway-transit-only.yaml",
    ),
    _nobody(
        "C-60",
        "An ExpressRoute gateway passes packets of 1,400 bytes at most and no fragments.",
        _GATEWAYS,
        "not modelled yet; 1,500 bytes pass, fragments too",
    ),
    _nobody(
        "C-61",
        "A gateway learns so many prefixes by its SKU.",
        _GATEWAYS,
        "what happens with more is not documented",
    ),
    _nobody(
        "C-62",
        "FastPath leads around the gateway, with UltraPerformance, ErGw3AZ or ErGwScale of 10 units.",
        "expressroute/about-fastpath",
        "not modelled",
    ),
    _runs(
        "C-63",
        "Of the same prefix over ExpressRoute and VPN, ExpressRoute's is used.",
        "expressroute/use-s2s-vpn-as-backup-for-expressroute-privatepeering",
        "the network weighs what either gateway teaches it, as gateways show it: 32769 and 32768",
        f"{_TABLES}::test_of_one_prefix_over_both_kinds_of_gateway_expressroutes_is_used",
    ),
    _nobody(
        "C-64",
        "The GatewaySubnet has no network security group and no user-defined default route.",
        _GATEWAYS,
        "neither is in a topology",
    ),
    _nobody(
        "C-65",
        "summarizedGatewayPrefixes puts summaries in place of spokes' address spaces.",
        _GATEWAYS,
        "not modelled",
    ),
    _nobody(
        "C-66",
        "Revoking an authorization deletes the connections that redeemed it.",
        _LINKING,
        "no authorization is revoked in a running lab",
    ),
    _form(
        "C-67",
        "A connection's routing weight is one of 0 to 32000.",
        "expressroute/expressroute-optimize-routing",
    ),
)

_VPN_ENTRIES = (
    _runs(
        "D-50",
        "Each instance of an active-active gateway has a tunnel to the device, and both carry packets.",
        "vpn-gateway/about-active-active-gateways",
        "two tunnels per connection; flows spread over them by 5-tuple",
        f"{_TUNNELS}::test_there_is_a_tunnel_to_each_instance_and_an_end_at_each_side",
        f"{_LABS}/test_tunnels.py::test_flows_are_spread_over_both_tunnels",
        "scenarios/tunnels/ecmp-off.yaml",
    ),
    _runs(
        "D-51",
        "Without a custom policy a gateway accepts more proposals than it offers.",
        "vpn-gateway/vpn-gateway-about-vpn-devices",
        "strongSwan's proposals, those for starting apart from those for answering",
        f"{_TUNNELS}::test_the_default_policy_accepts_more_than_it_offers",
        f"{_LABS}/test_tunnels.py::test_azures_first_proposals_are_chosen",
    ),
    _runs(
        "D-52",
        "A custom policy is the only one that is offered and accepted.",
        "vpn-gateway/ipsec-ike-policy-howto",
        "one proposal; a device that has another gets no tunnel",
        f"{_TUNNELS}::test_a_custom_policy_is_the_only_offer_and_brings_its_lifetimes",
        f"{_LABS}/test_tunnels.py::test_ends_that_cannot_agree_stay_down_and_say_why",
    ),
    _runs(
        "D-53",
        "As responder a gateway takes the selectors that the device asks for.",
        "vpn-gateway/custom-traffic-selectors",
        "any to any at the gateway's answering end",
        f"{_TUNNELS}::test_route_based_is_any_to_any_and_azure_takes_any",
    ),
    _runs(
        "D-54",
        "The gateway calls the device for BGP; one that peers from 169.254.0.0/16 calls itself.",
        "vpn-gateway/bgp-howto",
        "which end of the session is passive",
        f"{_TUNNELS}::test_the_gateway_calls_and_the_device_waits",
        f"{_TUNNELS}::test_with_apipa_the_device_calls",
        "scenarios/tunnels/apipa-passive.yaml",
    ),
    _runs(
        "D-55",
        "A peer that is silent for the connection's DPD timeout is given up.",
        "vpn-gateway/ipsec-ike-policy-howto",
        "strongSwan's idle time and retransmissions sum up to it",
        f"{_LABS}/test_tunnels.py::test_a_silent_peer_is_given_up_after_the_dpd_timeout",
    ),
    _runs(
        "D-56",
        "Packets in a tunnel have 1,400 bytes at most, TCP segments 1,350.",
        "vpn-gateway/vpn-gateway-about-vpn-devices",
        "the MTU of the tunnel's interface, and a clamp in both directions",
        f"{_TUNNELS}::test_lifetimes_mtu_and_dpd_are_the_published_ones",
        f"{_LABS}/test_tunnels.py::test_a_hundred_megabytes_arrive_as_sent_in_segments_that_fit",
    ),
    _nobody(
        "D-57",
        "A gateway has so many tunnels by its SKU.",
        "vpn-gateway/about-gateway-skus",
        "not counted yet",
    ),
    _runs(
        "D-58",
        "A connection may be IKEv1.",
        "vpn-gateway/vpn-gateway-vpn-faq",
        "strongSwan's IKEv1, in main mode and with any to any selectors",
        f"{_AUTHENTICATION}::test_the_protocol_is_both_ends",
        f"{_LABS}/test_tunnel_authentication.py::test_ikev1_carries_the_same_traffic_and_changes_its_keys",
    ),
    _runs(
        "D-59",
        "With certificates each end takes only a peer of the subject name and of an authority it wants.",
        "vpn-gateway/site-to-site-certificate-authentication-gateway-about",
        "certificates made when the lab starts; without a peer it wants an end has no tunnel",
        f"{_AUTHENTICATION}::test_ends_that_do_not_believe_each_other_stay_down",
        f"{_LABS}/test_tunnel_authentication.py::test_a_wrong_identity_gets_no_tunnel_and_both_ends_say_why",
    ),
    _runs(
        "D-60",
        "An IKE association of the gateway's lives 28,800 s, whatever the connection says; each end has "
        "lifetimes of its own.",
        "vpn-gateway/vpn-gateway-about-vpn-devices",
        "a device may have shorter ones, and make all anew instead of new keys",
        f"{_AUTHENTICATION}::test_a_device_may_live_shorter_and_begin_anew",
        f"{_LABS}/test_tunnel_authentication.py"
        "::test_a_device_with_short_lifetimes_makes_all_anew_under_traffic",
    ),
    _runs(
        "D-65",
        "Over private peering a prefix that comes through the tunnels and over ExpressRoute, too, is used "
        "over ExpressRoute, unencrypted; a more specific one goes through the tunnels.",
        "vpn-gateway/site-to-site-vpn-private-peering",
        "what ExpressRoute brings has the higher weight; the longer prefix wins before that",
        f"{_UNIT}/test_plan_private_tunnels.py::test_an_identical_prefix_goes_by_expressroute",
        f"{_UNIT}/test_plan_private_tunnels.py::test_a_more_specific_prefix_through_the_tunnels_wins",
        "scenarios/tunnels/private-identical-prefix.yaml",
        "scenarios/tunnels/private-more-specific.yaml",
    ),
    _runs(
        "D-66",
        "A machine has its private address only; Azure translates the public one.",
        "virtual-network/virtual-networks-udr-overview",
        "the network's router rewrites addresses, one to one; IKE notices, and ESP goes in UDP port 4500",
        f"{_UNIT}/test_plan_appliances.py"
        "::test_the_appliance_has_its_private_address_and_the_device_knows_the_public_one",
        f"{_LABS}/test_appliances.py"
        "::test_the_appliance_sees_its_private_address_and_the_device_the_public_one",
        "scenarios/tunnels/nva-termination.yaml",
    ),
    _runs(
        "D-67",
        "What a machine forwards for others is dropped unless IP forwarding is enabled on its network "
        "interface.",
        "virtual-network/virtual-networks-udr-overview",
        "a filter at the appliance; a machine without one does not forward",
        f"{_UNIT}/test_plan_appliances.py::test_without_ip_forwarding_bgp_is_up_and_packets_are_lost",
    ),
    _nobody(
        "D-68",
        "Several appliances share a load balancer's address, or tell Route Server what they lead to.",
        "virtual-network/virtual-networks-udr-overview",
        "not modelled; a route has one next hop until somebody changes it",
    ),
)

ENTRIES = (*_CIRCUIT_ENTRIES, *_PEERING_ENTRIES, *_NETWORK_ENTRIES, *_VPN_ENTRIES)
"""What ``lab.model.checks`` has not: kept by the running lab, by another rule, or by nobody."""


def names() -> set[str]:
    """Of every rule, wherever it is kept."""
    return {rule.name for rule in RULES} | {entry.name for entry in ENTRIES}


@dataclass(frozen=True, slots=True)
class Limit:
    what: str
    value: str
    rules: tuple[str, ...]
    """Where it is kept, or why it is not."""
    fields: tuple[str, ...] = ()
    """Of ``Limits``, which it shows."""


def limit_entries() -> Iterator[Limit]:
    """Every limit and its value, which stands in the data files or constants and nowhere else."""
    known = limits()
    yield from _prefix_limits()
    premium = ", ".join(
        f"{most} with {mbps:,} Mbps" for mbps, most in known.premium_virtual_network_links.items()
    )
    yield Limit(
        "networks linked to a circuit",
        f"{known.virtual_network_links}; Premium: {premium}",
        ("A-5",),
        ("virtual_network_links", "premium_virtual_network_links"),
    )
    yield _limit("address spaces when a network is linked", "address_spaces_at_creation", "A-6")
    yield _limit("circuits of one peering location on a network", "circuits_of_one_location", "C-1")
    skus = gateway_skus(GatewayType.EXPRESS_ROUTE).values()
    for sku in skus:
        by_units = ", ".join(f"{most} from scale unit {units} on" for units, most in sku.circuits.items())
        most = by_units if sku.scalable else str(sku.most_circuits(1))
        yield Limit(f"circuits on a gateway, {sku.name}", most, ("C-1",))
    for sku in skus:
        yield Limit(f"prefixes a gateway learns, {sku.name}", f"{sku.learned_routes:,}", ("C-61",))
    yield _limit("circuits a network spreads its flows over", "ecmp_circuits", "A-53")
    yield _limit("GatewaySubnet of coexisting gateways", "coexistence_prefix_length", "C-34", "/{}")
    circuits = f"GatewaySubnet for {known.many_circuits} circuits"
    value = f"/{known.many_circuits_prefix_length}"
    yield Limit(circuits, value, ("C-35",), ("many_circuits", "many_circuits_prefix_length"))
    yield from _session_limits()
    yield _limit("octets of a packet through a gateway", "gateway_packet", "C-60")
    yield _limit("circuits of a subscription", "circuits_per_subscription", "A-55")
    yield _limit("circuits of a region in a subscription", "circuits_per_region", "A-55")
    yield _limit("addresses that FastPath serves", "fast_path_addresses", "C-62")
    yield _limit("prefixes in a whole system", "system_prefixes", "A-60")


def _prefix_limits() -> Iterator[Limit]:
    private = limits().private_peering_prefixes
    by_tier = ", ".join(f"{tier.value} {private[tier.value]:,}" for tier in SkuTier)
    yield Limit("prefixes to private peering, IPv4", by_tier, ("A-5",), ("private_peering_prefixes",))
    yield _limit("prefixes to private peering, IPv6", "private_peering_ipv6_prefixes", "A-50")
    yield _limit("prefixes to Microsoft peering, per session", "microsoft_peering_prefixes", "A-5")
    yield _limit("prefixes from a gateway to a circuit, IPv4", "gateway_prefixes", "A-51")
    yield _limit("prefixes from a gateway to a circuit, IPv6", "gateway_ipv6_prefixes", "A-51")


def _session_limits() -> Iterator[Limit]:
    known = limits()
    timers = f"{known.keepalive} s and {known.hold} s"
    yield Limit("keepalive and hold time", timers, ("B-51",), ("keepalive", "hold"))
    least = f"{known.practical_keepalive} s and {known.practical_hold} s"
    yield Limit(
        "the least that is practical for both", least, ("B-51",), ("practical_keepalive", "practical_hold")
    )
    yield Limit("characters of an MD5 key", str(MD5_KEY_MAX), ("B-16",))
    yield Limit("routing weight of a connection", f"0 to {ROUTING_WEIGHT_MAX:,}", ("C-67",))
    yield _limit("octets of a packet on a link", "link_mtu", "B-66")


def _limit(what: str, field: str, rule: str, form: str = "{:,}") -> Limit:
    return Limit(what, form.format(getattr(limits(), field)), (rule,), (field,))
