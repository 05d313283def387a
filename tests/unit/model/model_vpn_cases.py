"""Site-to-site VPN rules, each broken alone in the reference topology; see test_model_rules."""

from __future__ import annotations

from typing import Any

from model_builders import DELETED, Changes

VPNGW = "virtual_network_gateways.1"
LOCAL = "local_network_gateways.0"
CONNECTION = "connections.1"
DEVICE = "on_premises.0.vpn_devices.0"

PATH_OF_CONNECTION = "connections.conn-secure"
PATH_OF_LOCAL = "local_network_gateways.lng-seattle"
PATH_OF_DEVICE = "on_premises.seattle.vpn_devices.vpn1"
PATH_OF_VPNGW = "virtual_network_gateways.vpngw-secure"

SPACE = {"address_prefixes": ["10.0.0.0/24"]}
NO_BGP: Changes = {
    f"{CONNECTION}.enable_bgp": False,
    f"{LOCAL}.bgp_settings": DELETED,
    f"{LOCAL}.local_network_address_space": SPACE,
}
"""The VPN device and Azure need not agree on a speaker."""

POLICY = {
    "sa_life_time_seconds": 27000,
    "sa_data_size_kilobytes": 102400000,
    "ipsec_encryption": "GCMAES256",
    "ipsec_integrity": "GCMAES256",
    "ike_encryption": "AES256",
    "ike_integrity": "SHA256",
    "dh_group": "ECP256",
    "pfs_group": "None",
}
RANGES = {"local_address_ranges": ["10.2.0.0/24"], "remote_address_ranges": ["10.0.0.0/24"]}
CERTIFICATES = {
    "outbound_auth_certificate": "https://contoso.vault.azure.net/certificates/gw",
    "inbound_auth_certificate_subject_name": "vpn1",
}
CERTIFIED: Changes = {
    f"{CONNECTION}.authentication_type": "Certificate",
    f"{CONNECTION}.certificate_authentication": CERTIFICATES,
}
APIPA_PEER: Changes = {
    f"{LOCAL}.bgp_settings.bgp_peering_address": "169.254.21.1",
    f"{DEVICE}.bgp_peering_address": "169.254.21.1",
}


def policy(**changes: Any) -> list[Any]:
    return [POLICY | changes]


def customer_asn(asn: int) -> Changes:
    """The site's, wherever it stands."""
    circuit, site = "express_route_circuits.0", "on_premises.0"
    peerings = {f"{circuit}.peerings.{index}.peer_asn": asn for index in (0, 1)}
    return peerings | {f"{site}.asn": asn, f"{LOCAL}.bgp_settings.asn": asn}


def second_connection(**more: Any) -> dict[str, Any]:
    return {
        "name": "c2",
        "connection_type": "IPsec",
        "virtual_network_gateway1": "vpngw-secure",
        "local_network_gateway2": "lng-seattle",
        "enable_bgp": True,
    } | more


VPN_CASES: list[tuple[str, Changes, str]] = [
    ("N-11", {"local_network_gateways.+": {"name": "LNG-seattle", "gateway_ip_address": "203.0.113.110"}},
     "local_network_gateways.LNG-seattle.name"),
    ("N-12", {f"{CONNECTION}.local_network_gateway2": "lng"}, f"{PATH_OF_CONNECTION}.local_network_gateway2"),
    ("N-12", {f"{DEVICE}.inside_zone": "zone"}, f"{PATH_OF_DEVICE}.inside_zone"),
    ("N-12", {f"{DEVICE}.tunnels": [{"connection": "conn-corp"}]}, f"{PATH_OF_DEVICE}.tunnels[0].connection"),
    ("D-10", {"connections.0.shared_key": "abc"}, "connections.conn-corp.shared_key"),
    ("D-10", {"connections.0.peer": DELETED}, "connections.conn-corp.peer"),
    ("D-10", {f"{CONNECTION}.peer": "er-seattle"}, f"{PATH_OF_CONNECTION}.peer"),
    ("D-10", {f"{CONNECTION}.routing_weight": 5}, f"{PATH_OF_CONNECTION}.routing_weight"),
    ("D-10", {f"{CONNECTION}.local_network_gateway2": DELETED},
     f"{PATH_OF_CONNECTION}.local_network_gateway2"),
    ("D-11", {f"{CONNECTION}.virtual_network_gateway1": "ergw-corp"} | NO_BGP,
     f"{PATH_OF_CONNECTION}.virtual_network_gateway1"),
    ("D-12", {"connections.+": second_connection()}, "connections.c2.local_network_gateway2"),
    ("D-13", {f"{CONNECTION}.shared_key": ""}, f"{PATH_OF_CONNECTION}.shared_key"),
    ("D-13", {f"{CONNECTION}.shared_key": "x" * 129}, f"{PATH_OF_CONNECTION}.shared_key"),
    ("D-13", {f"{CONNECTION}.shared_key": "a-b"}, f"{PATH_OF_CONNECTION}.shared_key"),
    ("D-13", {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "shared_key": "a~b"}]},
     f"{PATH_OF_DEVICE}.tunnels[0].shared_key"),
    ("D-14", {f"{VPNGW}.enable_bgp": False}, f"{PATH_OF_CONNECTION}.enable_bgp"),
    ("D-14", {f"{LOCAL}.bgp_settings": DELETED}, f"{PATH_OF_CONNECTION}.enable_bgp"),
    ("D-15", customer_asn(64500), f"{PATH_OF_LOCAL}.bgp_settings.asn"),
    ("D-15", customer_asn(8075), f"{PATH_OF_LOCAL}.bgp_settings.asn"),
    ("D-16", {f"{VPNGW}.bgp_settings.asn": 65010}, f"{PATH_OF_CONNECTION}.local_network_gateway2"),
    ("D-18", {f"{VPNGW}.ip_configurations.0.custom_bgp_ip_address": "169.254.23.1"},
     f"{PATH_OF_VPNGW}.ip_configurations.instance-0.custom_bgp_ip_address"),
    ("D-18", {f"{VPNGW}.ip_configurations.0.custom_bgp_ip_address": "169.254.21.2",
              f"{VPNGW}.ip_configurations.1.custom_bgp_ip_address": "169.254.21.2"},
     f"{PATH_OF_VPNGW}.ip_configurations.instance-1.custom_bgp_ip_address"),
    ("D-18", APIPA_PEER, f"{PATH_OF_CONNECTION}.local_network_gateway2"),
    ("D-19", {f"{CONNECTION}.ipsec_policies": policy(ipsec_integrity="SHA256")},
     f"{PATH_OF_CONNECTION}.ipsec_policies[0].ipsec_integrity"),
    ("D-19", {f"{CONNECTION}.ipsec_policies": policy(ipsec_encryption="AES256")},
     f"{PATH_OF_CONNECTION}.ipsec_policies[0].ipsec_integrity"),
    ("D-19", {f"{CONNECTION}.ipsec_policies": policy(dh_group="None")},
     f"{PATH_OF_CONNECTION}.ipsec_policies[0].dh_group"),
    ("D-19", {f"{DEVICE}.tunnels": [{"connection": "conn-secure",
                                     "ipsec_policies": policy(dh_group="None")}]},
     f"{PATH_OF_DEVICE}.tunnels[0].ipsec_policies[0].dh_group"),
    ("D-20", {f"{VPNGW}.sku": "Basic"}, f"{PATH_OF_CONNECTION}.enable_bgp"),
    ("D-21", {f"{CONNECTION}.use_policy_based_traffic_selectors": True},
     f"{PATH_OF_CONNECTION}.use_policy_based_traffic_selectors"),
    ("D-22", {f"{LOCAL}.gateway_ip_address": "203.0.113.109"}, f"{PATH_OF_LOCAL}.gateway_ip_address"),
    ("D-22", {f"{LOCAL}.bgp_settings.asn": 65011}, f"{PATH_OF_LOCAL}.bgp_settings.asn"),
    ("D-22", {f"{DEVICE}.bgp_peering_address": "172.16.0.4"},
     f"{PATH_OF_LOCAL}.bgp_settings.bgp_peering_address"),
    ("D-23", {f"{DEVICE}.tunnels": [{"connection": "c2"}],
              "local_network_gateways.+": {"name": "lng2", "gateway_ip_address": "203.0.113.114",
                                           "local_network_address_space": SPACE},
              "on_premises.0.routers.1.address_prefixes": ["203.0.113.108/30", "203.0.113.112/30"],
              "on_premises.0.vpn_devices.+": {"name": "vpn2", "router": "dmz1", "address": "203.0.113.114"},
              "connections.+": second_connection(local_network_gateway2="lng2", enable_bgp=False)},
     f"{PATH_OF_DEVICE}.tunnels[0].connection"),
    ("D-24", {f"{CONNECTION}.enable_bgp": False}, f"{PATH_OF_CONNECTION}.enable_bgp"),
    ("D-25", {f"{CONNECTION}.authentication_type": "Certificate"},
     f"{PATH_OF_CONNECTION}.certificate_authentication"),
    ("D-25", {f"{CONNECTION}.certificate_authentication": CERTIFICATES},
     f"{PATH_OF_CONNECTION}.certificate_authentication"),
    ("D-25", CERTIFIED | {f"{CONNECTION}.shared_key": "abc"}, f"{PATH_OF_CONNECTION}.shared_key"),
    ("D-26", CERTIFIED | {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "shared_key": "abc"}]},
     f"{PATH_OF_DEVICE}.tunnels[0].shared_key"),
    ("D-26", {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "certificate": {"expired": True}}]},
     f"{PATH_OF_DEVICE}.tunnels[0].certificate"),
    ("D-26", {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "gateway_subject_name": "gw"}]},
     f"{PATH_OF_DEVICE}.tunnels[0].gateway_subject_name"),
    ("D-27", CERTIFIED | {f"{CONNECTION}.connection_protocol": "IKEv1"},
     f"{PATH_OF_CONNECTION}.authentication_type"),
    ("D-27", {f"{CONNECTION}.connection_protocol": "IKEv1",
              f"{CONNECTION}.ipsec_policies": policy(ike_encryption="GCMAES256")},
     f"{PATH_OF_CONNECTION}.ipsec_policies[0].ike_encryption"),
    ("D-27", {f"{CONNECTION}.connection_protocol": "IKEv1",
              f"{DEVICE}.tunnels": [{"connection": "conn-secure",
                                     "ipsec_policies": policy(ike_encryption="GCMAES128")}]},
     f"{PATH_OF_DEVICE}.tunnels[0].ipsec_policies[0].ike_encryption"),
    ("D-27", {f"{CONNECTION}.connection_protocol": "IKEv1",
              f"{CONNECTION}.traffic_selector_policies": [
                  RANGES | {"remote_address_ranges": ["10.0.0.0/24", "10.1.0.0/24"]}]},
     f"{PATH_OF_CONNECTION}.traffic_selector_policies[0].remote_address_ranges"),
]  # fmt: skip

VPN_SEVERAL: list[tuple[str, Changes, list[str]]] = [
    ("D-17", {f"{LOCAL}.bgp_settings.bgp_peering_address": "203.0.113.110"},
     [f"{PATH_OF_LOCAL}.bgp_settings.bgp_peering_address"]),
    ("D-15", {f"{LOCAL}.bgp_settings.asn": 12076}, [f"{PATH_OF_LOCAL}.bgp_settings.asn"]),
    ("D-28", CERTIFIED | {f"{VPNGW}.sku": "Basic"}, [f"{PATH_OF_CONNECTION}.authentication_type"]),
    ("D-28", {f"{CONNECTION}.connection_protocol": "IKEv1", f"{VPNGW}.sku": "HighPerformance"},
     [f"{PATH_OF_CONNECTION}.connection_protocol"]),
]  # fmt: skip

VPN_FINE: list[Changes] = [
    NO_BGP,
    {f"{CONNECTION}.shared_key": "!" * 128},
    {f"{CONNECTION}.ipsec_policies": policy(ipsec_encryption="None", ipsec_integrity="SHA1")},
    {f"{CONNECTION}.dpd_timeout_seconds": 9},
    {f"{CONNECTION}.traffic_selector_policies": [RANGES],
     f"{CONNECTION}.use_policy_based_traffic_selectors": True},
    APIPA_PEER | {f"{VPNGW}.ip_configurations.0.custom_bgp_ip_address": "169.254.21.0",
                  f"{VPNGW}.ip_configurations.1.custom_bgp_ip_address": "169.254.22.255"},
    {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "connection_mode": "ResponderOnly"}]},
    {f"{DEVICE}.inside_zone": DELETED},
    CERTIFIED,
    CERTIFIED | {f"{DEVICE}.tunnels": [{"connection": "conn-secure", "gateway_subject_name": "gw 1",
                                        "certificate": {"subject_name": "a.b", "issuer": "c"}}]},
    {f"{CONNECTION}.connection_protocol": "IKEv1", f"{CONNECTION}.traffic_selector_policies": [RANGES]},
]  # fmt: skip
