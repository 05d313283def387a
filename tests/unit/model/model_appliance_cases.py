"""Rules about virtual appliances, route tables and tunnels over private peering, each broken alone;
see test_model_rules."""

from __future__ import annotations

from typing import Any

from model_builders import DELETED, REFERENCE, Changes

MACHINES = REFERENCE["virtual_machines"]
CORP, SECURE = "virtual_networks.0", "virtual_networks.1"
WORKLOAD = f"{SECURE}.subnets.0"
DEVICE = "on_premises.0.vpn_devices.0"
LOCAL, CONNECTION, VPNGW = "local_network_gateways.0", "connections.1", "virtual_network_gateways.1"

PATH_OF_NVA = "virtual_machines.nva1"
PATH_OF_INSIDE = f"{PATH_OF_NVA}.network_virtual_appliance"
PATH_OF_ROUTE = "route_tables.rt.routes.r1"
PATH_OF_SECURE = "virtual_networks.vnet-secure"
PATH_OF_CONNECTION = "connections.conn-secure"


def appliance(number: int = 1, tunnels: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    settings = {"asn": 65020, "bgp_peering_address": f"172.16.1.{number}"}
    inside = {
        "bgp_settings": settings | more.pop("bgp_settings", {}),
        "tunnels": tunnels or [{"name": f"nva{number}-vpn1", "vpn_device": "vpn1"}],
    }
    return {
        "name": f"nva{number}",
        "virtual_network": "vnet-secure",
        "subnet": "appliances",
        "private_ip_address": f"10.2.0.{131 + number}",
        "public_ip_address": f"52.175.192.{20 + number}",
        "enable_ip_forwarding": True,
        "network_virtual_appliance": inside,
    } | more


def with_appliances(*machines: dict[str, Any]) -> Changes:
    """In a subnet of their own beside the reference's machines."""
    return {
        f"{SECURE}.subnets.+": {"name": "appliances", "address_prefixes": ["10.2.0.128/27"]},
        "virtual_machines": [*MACHINES, *machines],
    }


def without(name: str, machine: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in machine.items() if key != name}


def tunnel(**more: Any) -> list[Any]:
    return [{"name": "nva1-vpn1", "vpn_device": "vpn1"} | more]


def route(**more: Any) -> dict[str, Any]:
    return {
        "name": "r1",
        "address_prefix": "10.0.0.0/16",
        "next_hop_type": "VirtualAppliance",
        "next_hop_ip_address": "10.2.0.132",
    } | more


NVA = with_appliances(appliance())


def routed(*routes: dict[str, Any]) -> Changes:
    tables = [{"name": "rt", "routes": list(routes)}]
    return NVA | {"route_tables": tables, f"{WORKLOAD}.route_table": "rt"}


POLICY = {
    "sa_life_time_seconds": 27000,
    "sa_data_size_kilobytes": 102400000,
    "ipsec_encryption": "AES256",
    "ipsec_integrity": "SHA256",
    "ike_encryption": "AES256",
    "ike_integrity": "SHA256",
    "dh_group": "None",
    "pfs_group": "None",
}
APIPA: Changes = {
    f"{LOCAL}.bgp_settings.bgp_peering_address": "169.254.21.1",
    f"{DEVICE}.bgp_peering_address": "169.254.21.1",
    f"{VPNGW}.ip_configurations.0.custom_bgp_ip_address": "169.254.21.10",
    f"{VPNGW}.ip_configurations.1.custom_bgp_ip_address": "169.254.21.11",
}
BESIDE: Changes = {
    "virtual_network_gateways.+": {"name": "ergw-secure", "virtual_network": "vnet-secure",
                                   "gateway_type": "ExpressRoute", "sku": "ErGw1AZ"},
    "connections.+": {"name": "conn-er", "virtual_network_gateway1": "ergw-secure", "peer": "er-seattle"},
}  # fmt: skip
OVER_PRIVATE: Changes = {
    f"{VPNGW}.enable_private_ip_address": True,
    f"{CONNECTION}.use_local_azure_ip_address": True,
}
PLACE_OF_USE = f"{PATH_OF_CONNECTION}.use_local_azure_ip_address"

APPLIANCE_CASES: list[tuple[str, Changes, str]] = [
    ("N-11", {"route_tables": [{"name": "rt"}, {"name": "RT"}]}, "route_tables.RT.name"),
    ("N-11", routed(route(), route(name="R1", address_prefix="10.1.0.0/16")),
     "route_tables.rt.routes.R1.name"),
    ("N-11", with_appliances(appliance(tunnels=tunnel(name="conn-secure"))),
     f"{PATH_OF_INSIDE}.tunnels.conn-secure.name"),
    ("N-12", {f"{WORKLOAD}.route_table": "rt"}, f"{PATH_OF_SECURE}.subnets.workload.route_table"),
    ("N-12", with_appliances(appliance(tunnels=tunnel(vpn_device="vpn9"))),
     f"{PATH_OF_INSIDE}.tunnels.nva1-vpn1.vpn_device"),
    ("C-24", with_appliances(appliance(public_ip_address="52.175.253.112")),
     f"{PATH_OF_NVA}.public_ip_address"),
    ("C-39", routed(without("next_hop_ip_address", route())), f"{PATH_OF_ROUTE}.next_hop_ip_address"),
    ("C-39", routed(route(next_hop_ip_address="10.2.0.140")), f"{PATH_OF_ROUTE}.next_hop_ip_address"),
    ("C-39", routed(route(next_hop_type="None")), f"{PATH_OF_ROUTE}.next_hop_ip_address"),
    ("C-40", routed(route(address_prefix="10.2.0.128/27")), f"{PATH_OF_ROUTE}.address_prefix"),
    ("C-40", NVA | {"route_tables": [{"name": "rt", "routes": [route()]}],
                    f"{SECURE}.subnets.1.route_table": "rt", f"{WORKLOAD}.route_table": "rt"},
     f"{PATH_OF_SECURE}.subnets.GatewaySubnet.route_table"),
    ("C-40", routed(route()) | {"virtual_machines": [*MACHINES, appliance(), {
        "name": "vm-b", "virtual_network": "vnet-secure", "subnet": "appliances",
        "private_ip_address": "10.2.0.140"}]},
     f"{PATH_OF_SECURE}.subnets.appliances.route_table"),
    ("C-41", routed(route(), route(name="r2")), "route_tables.rt.routes.r2.address_prefix"),
    ("C-42", with_appliances(appliance(subnet="workload", private_ip_address="10.2.0.5"))
     | {"route_tables": [{"name": "rt", "routes": [route(next_hop_ip_address="10.2.0.5")]}],
        f"{WORKLOAD}.route_table": "rt"},
     f"{PATH_OF_SECURE}.subnets.workload.route_table"),
    ("D-10", {"connections.0.use_local_azure_ip_address": True},
     "connections.conn-corp.use_local_azure_ip_address"),
    ("D-13", with_appliances(appliance(tunnels=tunnel(shared_key="a-b"))),
     f"{PATH_OF_INSIDE}.tunnels.nva1-vpn1.shared_key"),
    ("D-19", with_appliances(appliance(tunnels=tunnel(ipsec_policies=[POLICY]))),
     f"{PATH_OF_INSIDE}.tunnels.nva1-vpn1.ipsec_policies[0].dh_group"),
    ("D-23", with_appliances(appliance(tunnels=tunnel(vpn_device="vpn2"))) | {
        "on_premises.0.routers.1.address_prefixes": ["203.0.113.108/30", "203.0.113.112/30"],
        "on_premises.0.vpn_devices.+": {"name": "vpn2", "router": "dmz1", "address": "203.0.113.114",
                                        "bgp_peering_address": "172.16.0.4"},
        f"{DEVICE}.tunnels": [{"connection": "nva1-vpn1"}]},
     "on_premises.seattle.vpn_devices.vpn1.tunnels[0].connection"),
    ("D-30", {f"{VPNGW}.enable_private_ip_address": True, f"{VPNGW}.sku": "VpnGw2"},
     "virtual_network_gateways.vpngw-secure.enable_private_ip_address"),
    ("D-30", {"virtual_network_gateways.0.enable_private_ip_address": True},
     "virtual_network_gateways.ergw-corp.enable_private_ip_address"),
    ("D-31", APIPA | BESIDE | {f"{CONNECTION}.use_local_azure_ip_address": True}, PLACE_OF_USE),
    ("D-32", APIPA | OVER_PRIVATE, PLACE_OF_USE),
    ("D-33", BESIDE | OVER_PRIVATE, PLACE_OF_USE),
    ("D-34", with_appliances(without("public_ip_address", appliance())), PATH_OF_INSIDE),
    ("D-35", with_appliances(appliance(enable_ip_forwarding=False)), f"{PATH_OF_NVA}.enable_ip_forwarding"),
    ("D-35", routed(route(next_hop_ip_address="10.2.0.140")) | {"virtual_machines": [*MACHINES, {
        "name": "fwd", "virtual_network": "vnet-secure", "subnet": "appliances",
        "private_ip_address": "10.2.0.140"}], f"{SECURE}.subnets.2.route_table": "rt"},
     "virtual_machines.fwd.enable_ip_forwarding"),
    ("D-36", with_appliances(appliance(bgp_settings={"bgp_peering_address": "10.2.0.140"})),
     f"{PATH_OF_INSIDE}.bgp_settings.bgp_peering_address"),
    ("D-36", with_appliances(appliance(bgp_settings={"bgp_peering_address": "52.175.192.21"})),
     f"{PATH_OF_INSIDE}.bgp_settings.bgp_peering_address"),
    ("D-36", with_appliances(appliance(bgp_settings={"bgp_peering_address": "172.16.0.3"})),
     f"{PATH_OF_INSIDE}.bgp_settings.bgp_peering_address"),
    ("D-37", with_appliances(appliance(bgp_settings={"asn": 65010})),
     f"{PATH_OF_INSIDE}.tunnels.nva1-vpn1.vpn_device"),
    ("D-37", with_appliances(appliance(tunnels=[*tunnel(), *tunnel(name="again")])),
     f"{PATH_OF_INSIDE}.tunnels.again.vpn_device"),
    ("D-37", NVA | {f"{DEVICE}.bgp_peering_address": DELETED, f"{CONNECTION}.enable_bgp": False,
                    f"{LOCAL}.bgp_settings": DELETED,
                    f"{LOCAL}.local_network_address_space": {"address_prefixes": ["10.0.0.0/24"]}},
     f"{PATH_OF_INSIDE}.tunnels.nva1-vpn1.vpn_device"),
]  # fmt: skip

APPLIANCE_FINE: list[Changes] = [
    NVA,
    with_appliances(appliance(), appliance(2)),
    routed(route(), without("next_hop_ip_address", route(name="r2", address_prefix="192.168.0.0/16",
                                                         next_hop_type="None"))),
    {"virtual_machines.0.public_ip_address": "52.175.192.20"},
    NVA | {f"{DEVICE}.tunnels": [{"connection": "nva1-vpn1", "connection_mode": "ResponderOnly"}]},
    APIPA | BESIDE | OVER_PRIVATE,
]  # fmt: skip
