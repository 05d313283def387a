"""Each rule on the reference topology with one thing changed: that rule, there, and no other."""

from __future__ import annotations

import pytest
from model_appliance_cases import APPLIANCE_CASES, APPLIANCE_FINE
from model_builders import (
    DELETED,
    REFERENCE,
    Changes,
    changed,
    circuit,
    linked_networks,
    on_circuits,
    problems_of,
)
from model_vpn_cases import NO_BGP, VPN_CASES, VPN_FINE, VPN_SEVERAL

from lab.model.checks import RULES

CIRCUIT = "express_route_circuits.0"
PRIVATE, MICROSOFT = f"{CIRCUIT}.peerings.0", f"{CIRCUIT}.peerings.1"
CORP, SECURE = "virtual_networks.0", "virtual_networks.1"
ERGW, VPNGW = "virtual_network_gateways.0", "virtual_network_gateways.1"
SITE = "on_premises.0"
CE1 = f"{SITE}.edge_routers.0.attachments"

VM = "virtual_machines.0"
CONNECTION = "connections.0"
REGIONS = "microsoft_network.regions"

PATH_OF_VM = "virtual_machines.vm-corp"
PATH_OF_CONNECTION = "connections.conn-corp"
PATH_OF_ERGW = "virtual_network_gateways.ergw-corp"
PATH_OF_CE2 = "on_premises.seattle.edge_routers.ce2.attachments.AzurePrivatePeering"
PATH_OF_PRIVATE = "express_route_circuits.er-seattle.peerings.AzurePrivatePeering"
PATH_OF_MICROSOFT = "express_route_circuits.er-seattle.peerings.MicrosoftPeering"
PATH_OF_CE1 = "on_premises.seattle.edge_routers.ce1.attachments.AzurePrivatePeering"

HALF = {"name": "to-secure", "remote_virtual_network": "vnet-secure"}
SPOKE = {"location": "West US 2", "address_space": {"address_prefixes": ["10.30.0.0/16"]}}
RULE = {"name": "r1", "source_zone": "core", "destination_zone": "dmz"}

KEY, OTHER_KEY = "0f2b5d1c-6c5e-4a37-9d0e-3a1f6f0c2b11", "0f2b5d1c-6c5e-4a37-9d0e-3a1f6f0c2b12"
LOCAL = {"tier": "Local", "family": "UnlimitedData"}
COMMUNITIES = "route_filters.0.rules.0.communities"
PUBLIC = f"{MICROSOFT}.microsoft_peering_config.advertised_public_prefixes"
SPACES = [f"10.64.{number}.0/24" for number in range(200)]
PLACES = ["Seattle", "Chicago", "Dallas", "Denver"]
VPN_BESIDE = {
    "name": "vpngw-corp",
    "virtual_network": "vnet-corp",
    "gateway_type": "Vpn",
    "sku": "VpnGw1",
    "ip_configurations": [{"name": "instance-0", "public_ip_address": "52.175.192.9"}],
}


def linked(changes: Changes, *, provisioned: str) -> Changes:
    """A circuit in another state whose peerings are disabled, so that only its connection is wrong."""
    return changes | {
        f"{CIRCUIT}.service_provider_provisioning_state": provisioned,
        f"{PRIVATE}.state": "Disabled",
        f"{MICROSOFT}.state": "Disabled",
    }


LAYER3: Changes = {
    f"{CIRCUIT}.connectivity": "layer3",
    f"{CIRCUIT}.provider_asn": 64600,
    f"{PRIVATE}.peer_asn": 64600,
    f"{MICROSOFT}.peer_asn": 64600,
    f"{SITE}.edge_routers.0.attachments.0.provider_address_prefix": "192.168.102.0/30",
    f"{SITE}.edge_routers.0.attachments.1.provider_address_prefix": "192.168.102.4/30",
    f"{SITE}.edge_routers.1.attachments.0.provider_address_prefix": "192.168.102.8/30",
    f"{SITE}.edge_routers.1.attachments.1.provider_address_prefix": "192.168.102.12/30",
}

CASES: list[tuple[str, Changes, str]] = [
    *VPN_CASES,
    *APPLIANCE_CASES,
    # names and references
    ("N-10", {f"{VM}.name": "app1"}, "on_premises.seattle.hosts.app1.name"),
    ("N-10", {f"{SITE}.hosts.0.name": "msee1"}, "on_premises.seattle.hosts.msee1.name"),
    ("N-10", {f"{SITE}.hosts.0.name": "sw-core"}, "on_premises.seattle.hosts.sw-core.name"),
    ("N-10", {f"{SITE}.hosts.0.name": "ergw-corp-1"}, "on_premises.seattle.hosts.ergw-corp-1.name"),
    ("N-10", {f"{SITE}.hosts.0.name": "msnet"}, "on_premises.seattle.hosts.msnet.name"),
    ("N-11", {f"{CORP}.subnets.+": {"name": "Workload", "address_prefixes": ["10.17.2.0/24"]}},
     "virtual_networks.vnet-corp.subnets.Workload.name"),
    ("N-11", {"microsoft_network.regions.+": {"name": "westus2", "address_prefixes": ["20.1.0.0/16"]}},
     "microsoft_network.regions.westus2.name"),
    ("N-12", {f"{MICROSOFT}.route_filter": "rf"}, f"{PATH_OF_MICROSOFT}.route_filter"),
    ("N-12", {f"{ERGW}.virtual_network": "vnet"}, f"{PATH_OF_ERGW}.virtual_network"),
    ("N-12", {f"{VM}.virtual_network": "vnet"}, f"{PATH_OF_VM}.virtual_network"),
    ("N-12", {f"{VM}.subnet": "work"}, f"{PATH_OF_VM}.subnet"),
    ("N-12", {f"{CONNECTION}.virtual_network_gateway1": "gw"},
     f"{PATH_OF_CONNECTION}.virtual_network_gateway1"),
    ("N-12", {f"{CONNECTION}.peer": "er-tacoma"}, f"{PATH_OF_CONNECTION}.peer"),
    ("N-12", {f"{CORP}.virtual_network_peerings": [{"name": "p", "remote_virtual_network": "hub"}]},
     "virtual_networks.vnet-corp.virtual_network_peerings.p.remote_virtual_network"),
    ("N-12", {f"{CE1}.0.circuit": "er-tacoma"}, f"{PATH_OF_CE1}.circuit"),
    ("N-12", {f"{CE1}.0.zone": "lan"}, f"{PATH_OF_CE1}.zone"),
    ("N-12", {f"{CE1}.0.import_policy": "none"}, f"{PATH_OF_CE1}.import_policy"),
    ("N-12", {f"{CE1}.0.export_policy": "none"}, f"{PATH_OF_CE1}.export_policy"),
    ("N-12", {f"{SITE}.routers.0.zone": "lan"}, "on_premises.seattle.routers.core1.zone"),
    ("N-12", {f"{SITE}.hosts.0.router": "core2"}, "on_premises.seattle.hosts.app1.router"),
    ("N-12", {f"{SITE}.vpn_devices.0.router": "r"}, "on_premises.seattle.vpn_devices.vpn1.router"),
    ("N-12", {f"{SITE}.firewalls.0.zones": ["core", "lan"]}, "on_premises.seattle.firewalls.fw1.zones[1]"),
    ("N-12", {f"{SITE}.firewalls.0.rules": [RULE | {"source_zone": "lan"}]},
     "on_premises.seattle.firewalls.fw1.rules.r1.source_zone"),
    ("N-12", {f"{SITE}.policies.0.rules.0.match.prefix_list": "all"},
     "on_premises.seattle.policies.tunnel-endpoints-only.rules.vpn-gateways.match.prefix_list"),
    ("N-13", {f"{CORP}.location": "West US 9"}, "virtual_networks.vnet-corp.location"),
    ("N-13", {f"{CIRCUIT}.location": "Seattle"}, "express_route_circuits.er-seattle.location"),
    ("N-13", {"route_filters.0.location": "Seattle"}, "route_filters.rf-west-us-2.location"),
    ("N-13", {f"{REGIONS}.1.name": "East"}, "microsoft_network.regions.East.name"),
    ("N-14", {"waived_rules": ["A-50"]}, "waived_rules[0]"),
    ("N-14", {"waived_rules": ["N-12"]}, "waived_rules[0]"),
    # circuits
    ("A-1", {f"{CIRCUIT}.circuit_provisioning_state": "Disabled", "connections": DELETED},
     "express_route_circuits.er-seattle.circuit_provisioning_state"),
    ("A-1", {f"{CIRCUIT}.service_provider_provisioning_state": "Provisioning", "connections": DELETED},
     "express_route_circuits.er-seattle.service_provider_provisioning_state"),
    ("A-4", {f"{CORP}.location": "West Europe"}, f"{PATH_OF_CONNECTION}.peer"),
    ("A-4", {f"{CORP}.location": "eastus", f"{CIRCUIT}.sku": LOCAL}, f"{PATH_OF_CONNECTION}.peer"),
    ("A-5", linked_networks(10), "connections.conn-9.peer"),
    ("A-5", linked_networks(50) | {f"{CIRCUIT}.sku": {"tier": "Premium"}}, "connections.conn-49.peer"),
    ("A-6", {f"{CORP}.address_space.address_prefixes": ["10.17.0.0/16", *SPACES]},
     f"{PATH_OF_CONNECTION}.virtual_network_gateway1"),
    ("A-6", {f"{CORP}.address_space.address_prefixes": ["10.17.0.0/16", *SPACES[:198]],
             f"{CORP}.virtual_network_peerings": [
                 {"name": "to-x", "remote_virtual_network": "vnet-x", "allow_gateway_transit": True}],
             "virtual_networks.+": {
                 "name": "vnet-x", "location": "West US 2", "virtual_network_peerings": [
                     {"name": "to-corp", "remote_virtual_network": "vnet-corp", "use_remote_gateways": True}],
                 "address_space": {"address_prefixes": ["10.65.0.0/24", "10.65.1.0/24"]}}},
     f"{PATH_OF_CONNECTION}.virtual_network_gateway1"),
    ("A-12", {f"{CIRCUIT}.service_provider_properties.peering_location": "Seatle"},
     "express_route_circuits.er-seattle.service_provider_properties.peering_location"),
    ("A-12", {f"{CIRCUIT}.service_provider_properties.peering_location": "West US 2"},
     "express_route_circuits.er-seattle.service_provider_properties.peering_location"),
    ("A-13", {f"{CIRCUIT}.sku": {"tier": "Local"}}, "express_route_circuits.er-seattle.sku.family"),
    ("A-14", {f"{CIRCUIT}.sku": LOCAL, "connections": DELETED,
              f"{CIRCUIT}.service_provider_properties.peering_location": "Dallas"},
     "express_route_circuits.er-seattle.sku.tier"),
    ("A-15", {f"{CORP}.location": "US Gov Virginia"}, f"{PATH_OF_CONNECTION}.peer"),
    ("A-15", {f"{CORP}.location": "China East", f"{CIRCUIT}.sku": {"tier": "Premium"}},
     f"{PATH_OF_CONNECTION}.peer"),
    ("A-15", {f"{CIRCUIT}.location": "US Gov Virginia"}, f"{PATH_OF_CONNECTION}.peer"),
    ("A-15", {f"{SECURE}.location": "US Gov Texas", f"{CORP}.virtual_network_peerings": [HALF]},
     "virtual_networks.vnet-corp.virtual_network_peerings.to-secure.remote_virtual_network"),
    ("A-16", {f"{CIRCUIT}.authorizations": [{"name": name, "authorization_key": KEY} for name in "ab"]},
     "express_route_circuits.er-seattle.authorizations.b.authorization_key"),
    ("A-11", {f"{CIRCUIT}.provider_asn": 64600}, "express_route_circuits.er-seattle.provider_asn"),
    # peerings
    ("B-5", {f"{MICROSOFT}.microsoft_peering_config.advertised_public_prefixes_state": DELETED},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config.advertised_public_prefixes_state"),
    ("B-8", {f"{CIRCUIT}.sku": {"tier": "Premium"}, COMMUNITIES: ["12076:51026", "12076:5010"]},
     f"{PATH_OF_MICROSOFT}.route_filter"),
    ("B-19", {PUBLIC: ["203.0.113.108/30", "172.20.0.0/16"]},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config.advertised_public_prefixes[1]"),
    ("B-19", {PUBLIC: ["0.0.0.0/0"]},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config.advertised_public_prefixes[0]"),
    ("B-19", {PUBLIC: ["192.0.0.0/8"]},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config.advertised_public_prefixes[0]"),
    ("B-19", {PUBLIC: ["fd00::/48"]},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config.advertised_public_prefixes[0]"),
    ("B-20", {f"{MICROSOFT}.secondary_peer_address_prefix": "192.168.200.4/30"},
     f"{PATH_OF_MICROSOFT}.secondary_peer_address_prefix"),
    ("B-21", {"route_filters.0.is_authorized_to_use": True, COMMUNITIES: ["12076:5010"]},
     f"{PATH_OF_MICROSOFT}.route_filter"),
    ("B-11", {f"{MICROSOFT}.vlan_id": 100}, f"{PATH_OF_MICROSOFT}.vlan_id"),
    ("B-12", {f"{PRIVATE}.primary_peer_address_prefix": "192.168.100.128/31"},
     f"{PATH_OF_PRIVATE}.primary_peer_address_prefix"),
    ("B-12", {f"{PRIVATE}.ipv6_peering_config": {"primary_peer_address_prefix": "2001:db8::/126",
                                                 "secondary_peer_address_prefix": "2001:db8::8/127"}},
     f"{PATH_OF_PRIVATE}.ipv6_peering_config.secondary_peer_address_prefix"),
    ("B-13", {f"{PRIVATE}.secondary_peer_address_prefix": "192.168.100.128/30"},
     f"{PATH_OF_PRIVATE}.secondary_peer_address_prefix"),
    ("B-13", {f"{PRIVATE}.primary_peer_address_prefix": "203.0.113.32/30"},
     f"{PATH_OF_MICROSOFT}.primary_peer_address_prefix"),
    ("B-13", {f"{PRIVATE}.primary_peer_address_prefix": "10.17.9.0/30"},
     f"{PATH_OF_PRIVATE}.primary_peer_address_prefix"),
    ("B-14", {f"{MICROSOFT}.microsoft_peering_config": DELETED},
     f"{PATH_OF_MICROSOFT}.microsoft_peering_config"),
    ("B-14", {f"{PRIVATE}.microsoft_peering_config": {"advertised_public_prefixes": ["203.0.113.0/24"]}},
     f"{PATH_OF_PRIVATE}.microsoft_peering_config"),
    ("B-15", {f"{PRIVATE}.route_filter": "rf-west-us-2"}, f"{PATH_OF_PRIVATE}.route_filter"),
    ("B-16", {f"{PRIVATE}.shared_key": "x" * 26}, f"{PATH_OF_PRIVATE}.shared_key"),
    ("B-16", {f"{CE1}.0.shared_key": ""}, f"{PATH_OF_CE1}.shared_key"),
    # virtual networks
    ("C-10", {f"{CORP}.subnets.0.address_prefixes": ["10.18.1.0/24"], VM: DELETED},
     "virtual_networks.vnet-corp.subnets.workload.address_prefixes[0]"),
    ("C-10", {f"{CORP}.subnets.0.address_prefixes": ["10.17.0.0/19"]},
     "virtual_networks.vnet-corp.subnets.GatewaySubnet.address_prefixes[0]"),
    ("C-11", {f"{CORP}.subnets.+": {"name": "tiny", "address_prefixes": ["10.17.2.0/30"]}},
     "virtual_networks.vnet-corp.subnets.tiny.address_prefixes[0]"),
    ("C-12", {f"{CORP}.subnets.0.address_prefixes": ["10.17.1.0/24", "10.17.2.0/24"]},
     "virtual_networks.vnet-corp.subnets.workload.address_prefixes[1]"),
    ("C-12", {f"{SITE}.zones.0.address_prefixes": ["10.1.255.0/24", "10.1.254.0/24"]},
     "on_premises.seattle.zones.core.address_prefixes[1]"),
    ("C-13", {f"{CORP}.address_space.address_prefixes": ["10.17.0.0/16", "10.17.3.0/24"]},
     "virtual_networks.vnet-corp.address_space.address_prefixes[1]"),
    ("C-13", {"virtual_networks.+": SPOKE | {
        "name": "vnet-x", "address_space": {"address_prefixes": ["10.17.5.0/24"]},
        "virtual_network_peerings": [HALF | {"remote_virtual_network": "vnet-corp"}]}},
     "virtual_networks.vnet-x.address_space.address_prefixes[0]"),
    ("C-14", {f"{SECURE}.virtual_network_peerings": [HALF]},
     "virtual_networks.vnet-secure.virtual_network_peerings.to-secure.remote_virtual_network"),
    ("C-14", {f"{CORP}.virtual_network_peerings": [HALF, HALF | {"name": "again"}]},
     "virtual_networks.vnet-corp.virtual_network_peerings.again.remote_virtual_network"),
    ("C-15", {"virtual_networks.+": SPOKE | {"name": "vnet-x", "virtual_network_peerings": [
        HALF | {"use_remote_gateways": True}]}},
     "virtual_networks.vnet-x.virtual_network_peerings.to-secure.use_remote_gateways"),
    ("C-17", {f"{VM}.private_ip_address": "10.17.1.3"}, f"{PATH_OF_VM}.private_ip_address"),
    ("C-17", {f"{VM}.private_ip_address": "10.17.1.255"}, f"{PATH_OF_VM}.private_ip_address"),
    ("C-17", {f"{VM}.private_ip_address": "10.17.2.4"}, f"{PATH_OF_VM}.private_ip_address"),
    ("C-17", {f"{VM}.private_ipv6_address": "2001:db8::9"},
     f"{PATH_OF_VM}.private_ipv6_address"),
    ("C-17", {f"{VM}.subnet": "GatewaySubnet", f"{VM}.private_ip_address": "10.17.11.70"},
     f"{PATH_OF_VM}.subnet"),
    ("C-18", {"virtual_machines.+": {"name": "vm2", "virtual_network": "vnet-corp", "subnet": "workload",
                                     "private_ip_address": "10.17.1.4"}},
     "virtual_machines.vm2.private_ip_address"),
    ("C-19", {f"{REGIONS}.0.service_addresses": ["20.42.0.1"]},
     "microsoft_network.regions.West US 2.service_addresses[0]"),
    ("C-19", {f"{REGIONS}.1.address_prefixes": ["13.66.128.0/17", "52.168.0.0/16"]},
     "microsoft_network.regions.East US.address_prefixes[0]"),
    ("C-19", {f"{REGIONS}.1.name": "Italy North"}, "microsoft_network.regions.Italy North.name"),
    # gateways and connections
    ("C-20", {f"{CORP}.subnets.1": DELETED}, f"{PATH_OF_ERGW}.virtual_network"),
    ("C-20", {f"{CORP}.subnets.1.name": "Gatewaysubnet"}, f"{PATH_OF_ERGW}.virtual_network"),
    ("C-21", {"virtual_network_gateways.+": {"name": "ergw2", "virtual_network": "vnet-corp",
                                             "gateway_type": "ExpressRoute", "sku": "ErGw1AZ"}},
     "virtual_network_gateways.ergw2.virtual_network"),
    ("C-22", {f"{ERGW}.sku": "VpnGw1"}, f"{PATH_OF_ERGW}.sku"),
    ("C-22", {f"{ERGW}.sku": "VpnGw1",
              f"{ERGW}.auto_scale_configuration": {"bounds": {"min": 1, "max": 2}}}, f"{PATH_OF_ERGW}.sku"),
    ("C-22", {f"{VPNGW}.sku": "ErGw1AZ"}, "virtual_network_gateways.vpngw-secure.sku"),
    ("C-23", {f"{VPNGW}.ip_configurations.1.public_ip_address": DELETED},
     "virtual_network_gateways.vpngw-secure.ip_configurations"),
    ("C-23", {f"{VPNGW}.ip_configurations": DELETED, f"{VPNGW}.active_active": False},
     "virtual_network_gateways.vpngw-secure.ip_configurations"),
    ("C-23", {f"{VPNGW}.active_active": False,
              f"{VPNGW}.ip_configurations.0.public_ip_address": DELETED},
     "virtual_network_gateways.vpngw-secure.ip_configurations"),
    ("C-24", {f"{VPNGW}.ip_configurations.1.public_ip_address": "52.175.253.112"},
     "virtual_network_gateways.vpngw-secure.ip_configurations.instance-1.public_ip_address"),
    ("C-25", {f"{VPNGW}.ip_configurations.1.private_ip_address": "10.2.0.228"},
     "virtual_network_gateways.vpngw-secure.ip_configurations.instance-1.private_ip_address"),
    ("C-25", {f"{VPNGW}.ip_configurations.1.private_ip_address": "10.2.0.227"},
     "virtual_network_gateways.vpngw-secure.ip_configurations.instance-1.private_ip_address"),
    ("C-26", {f"{CONNECTION}.virtual_network_gateway1": "vpngw-secure"},
     f"{PATH_OF_CONNECTION}.virtual_network_gateway1"),
    ("C-27", {"connections.+": {"name": "c2", "virtual_network_gateway1": "ergw-corp", "peer": "er-seattle"}},
     "connections.c2.peer"),
    ("C-28", {f"{CIRCUIT}.peerings.0": DELETED, f"{SITE}.edge_routers.0.attachments.0": DELETED,
              f"{SITE}.edge_routers.1.attachments.0": DELETED}, f"{PATH_OF_CONNECTION}.peer"),
    ("C-1", on_circuits(*(circuit(number) for number in range(5))) | {f"{ERGW}.sku": "ErGw3AZ"},
     "connections.conn-er-4.peer"),
    ("C-1", on_circuits(*(circuit(number, PLACES[number % 4]) for number in range(5))),
     "connections.conn-er-4.peer"),
    ("C-1", on_circuits(*(circuit(number, PLACES[number % 4]) for number in range(9)))
     | {f"{ERGW}.sku": "ErGwScale",
        f"{ERGW}.auto_scale_configuration": {"bounds": {"min": 9, "max": 20}}},
     "connections.conn-er-8.peer"),
    ("C-29", {f"{CIRCUIT}.authorizations": [{"name": "a", "authorization_key": KEY}],
              f"{CONNECTION}.authorization_key": OTHER_KEY}, f"{PATH_OF_CONNECTION}.authorization_key"),
    ("C-30", linked_networks(1) | {
        f"{CIRCUIT}.authorizations": [{"name": "a", "authorization_key": KEY}],
        f"{CONNECTION}.authorization_key": KEY, "connections.2.authorization_key": KEY},
     "connections.conn-0.authorization_key"),
    ("C-31", {f"{ERGW}.bgp_settings": {"asn": 65001}}, f"{PATH_OF_ERGW}.bgp_settings.asn"),
    ("C-32", {f"{VPNGW}.bgp_settings.asn": 12076}, "virtual_network_gateways.vpngw-secure.bgp_settings.asn"),
    ("C-32", {f"{VPNGW}.bgp_settings.asn": 64500}, "virtual_network_gateways.vpngw-secure.bgp_settings.asn"),
    ("C-33", {f"{CORP}.subnets.1.address_prefixes": ["10.17.11.64/29"]},
     "virtual_networks.vnet-corp.subnets.GatewaySubnet.address_prefixes[0]"),
    ("C-34", {f"{CORP}.subnets.1.address_prefixes": ["10.17.11.64/28"],
              "virtual_network_gateways.+": VPN_BESIDE},
     "virtual_networks.vnet-corp.subnets.GatewaySubnet.address_prefixes[0]"),
    ("C-34", {"virtual_network_gateways.+": VPN_BESIDE | {"sku": "Basic"}},
     "virtual_network_gateways.vpngw-corp.sku"),
    ("C-36", {f"{CORP}.bgp_communities": {"virtual_network_community": "65010:20001"}},
     "virtual_networks.vnet-corp.bgp_communities.virtual_network_community"),
    ("C-37", {f"{ERGW}.auto_scale_configuration": {"bounds": {"min": 1, "max": 2}}},
     f"{PATH_OF_ERGW}.auto_scale_configuration"),
    ("C-37", {f"{ERGW}.sku": "ErGwScale",
              f"{ERGW}.auto_scale_configuration": {"bounds": {"min": 3, "max": 2}}},
     f"{PATH_OF_ERGW}.auto_scale_configuration.bounds.max"),
    ("C-38", linked({}, provisioned="NotProvisioned"), f"{PATH_OF_CONNECTION}.peer"),
    ("C-38", linked({f"{CIRCUIT}.circuit_provisioning_state": "Disabled"}, provisioned="Provisioned"),
     f"{PATH_OF_CONNECTION}.peer"),
    # the customer's side
    ("E-10", {f"{CIRCUIT}.peerings.0": DELETED, f"{SITE}.edge_routers.1.attachments.0": DELETED,
              "connections": DELETED},
     f"{PATH_OF_CE1}.peering_type"),
    ("E-11", {f"{CE1}.0.path": "secondary"}, f"{PATH_OF_CE2}.path"),
    ("E-12", {f"{CE1}.0.provider_address_prefix": "192.168.101.0/30"},
     f"{PATH_OF_CE1}.provider_address_prefix"),
    ("E-13", {f"{SITE}.routers.0.address_prefixes": ["10.0.0.0/24", "10.1.10.0/25", "10.1.0.0/20"]},
     "on_premises.seattle.routers.core1.address_prefixes[2]"),
    ("E-14", {f"{SITE}.zones.0.address_prefixes": ["10.1.255.0/30"]},
     "on_premises.seattle.zones.core.address_prefixes[0]"),
    ("E-15", {f"{SITE}.hosts.0.address": "10.0.1.10"}, "on_premises.seattle.hosts.app1.address"),
    ("E-15", {f"{SITE}.hosts.0.address": "10.0.0.1"}, "on_premises.seattle.hosts.app1.address"),
    ("E-15", {f"{SITE}.hosts.0.address": "10.0.0.255"}, "on_premises.seattle.hosts.app1.address"),
    ("E-15", {f"{SITE}.hosts.0.ipv6_address": "2001:db8::9"}, "on_premises.seattle.hosts.app1.ipv6_address"),
    ("E-16", {f"{SITE}.hosts.1.address": "10.0.0.10"}, "on_premises.seattle.hosts.desk1.address"),
    ("E-17", {f"{SITE}.vpn_devices.0.bgp_peering_address": "203.0.113.110"} | NO_BGP,
     "on_premises.seattle.vpn_devices.vpn1.bgp_peering_address"),
    ("E-17", {f"{SITE}.vpn_devices.0.bgp_peering_address": "10.2.0.9"} | NO_BGP,
     "on_premises.seattle.vpn_devices.vpn1.bgp_peering_address"),
    ("E-18", {f"{SITE}.firewalls.0.zones": ["core", "core"]}, "on_premises.seattle.firewalls.fw1.zones"),
    ("E-18", {f"{SITE}.firewalls.0.rules": [RULE | {"source_zone": "dmz"}]},
     "on_premises.seattle.firewalls.fw1.rules.r1.destination_zone"),
    ("E-18", {f"{SITE}.firewalls.0.rules": [RULE | {"protocol": "esp", "destination_ports": [500]}]},
     "on_premises.seattle.firewalls.fw1.rules.r1.destination_ports"),
    ("E-19", {f"{SITE}.prefix_lists.0.rules.0.ge": 17},
     "on_premises.seattle.prefix_lists.holds-the-vpn-gateways.rules[0].ge"),
    ("E-19", {f"{SITE}.prefix_lists.0.rules.0.le": 33},
     "on_premises.seattle.prefix_lists.holds-the-vpn-gateways.rules[0].le"),
    ("E-20", {f"{CE1}.0.timers": {"keepalive": 10, "hold": 10}}, f"{PATH_OF_CE1}.timers.hold"),
    ("E-20", {f"{CE1}.0.timers": {"keepalive": 1, "hold": 2}}, f"{PATH_OF_CE1}.timers.hold"),
]  # fmt: skip


def test_the_reference_keeps_every_rule() -> None:
    assert problems_of(REFERENCE) == []


@pytest.mark.parametrize(("rule", "changes", "path"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_a_broken_rule_is_reported_at_its_place_and_no_other_is(
    rule: str, changes: Changes, path: str
) -> None:
    assert problems_of(changed(changes)) == [(rule, path)]


SEVERAL: list[tuple[str, Changes, list[str]]] = [
    *VPN_SEVERAL,
    ("A-10", {"express_route_circuits": [
        {"name": name, "service_key": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
         "service_provider_properties": REFERENCE["express_route_circuits"][0]["service_provider_properties"]}
        for name in ("er-a", "er-b")], "connections": DELETED, "on_premises": DELETED},
     ["express_route_circuits.er-b.service_key"]),
    ("A-11", {f"{CIRCUIT}.connectivity": "layer3"}, ["express_route_circuits.er-seattle.provider_asn"]),
    ("A-11", LAYER3 | {f"{CIRCUIT}.provider_asn": 65515}, ["express_route_circuits.er-seattle.provider_asn"]),
    ("B-17", {f"{PRIVATE}.peer_asn": 12076, f"{MICROSOFT}.peer_asn": 65520},
     [f"{PATH_OF_PRIVATE}.peer_asn", f"{PATH_OF_MICROSOFT}.peer_asn"]),
    ("B-18", LAYER3 | {f"{CIRCUIT}.provider_asn": 64601},
     [f"{PATH_OF_PRIVATE}.peer_asn", f"{PATH_OF_MICROSOFT}.peer_asn"]),
    ("E-21", {f"{SITE}.asn": 65011, f"{CE1}.1.asn": 65012},
     [f"{PATH_OF_CE1}.asn", f"{PATH_OF_CE2}.asn",
      "on_premises.seattle.edge_routers.ce2.attachments.MicrosoftPeering.asn"]),
    ("E-12", {f"{CIRCUIT}.connectivity": "layer3", f"{CIRCUIT}.provider_asn": 64600},
     [f"on_premises.seattle.edge_routers.{router}.attachments.{peering}.provider_address_prefix"
      for router in ("ce1", "ce2") for peering in ("AzurePrivatePeering", "MicrosoftPeering")]),
    ("B-10", {f"{CIRCUIT}.peerings.+":
              REFERENCE["express_route_circuits"][0]["peerings"][0] | {"vlan_id": 300}},
     ["express_route_circuits.er-seattle.peerings[2].peering_type"]),
    ("N-14", {"waived_rules": ["A-4", "A-4"], f"{CORP}.location": "West Europe"}, ["waived_rules[1]"]),
    ("C-35", on_circuits(*(circuit(number, PLACES[number % 4]) for number in range(16)))
     | {f"{ERGW}.sku": "ErGw3AZ"}, ["virtual_networks.vnet-corp.subnets.GatewaySubnet.address_prefixes[0]"]),
    ("C-15", {f"{CORP}.virtual_network_peerings": [HALF | {"use_remote_gateways": True}]},
     ["virtual_networks.vnet-corp.virtual_network_peerings.to-secure.use_remote_gateways"] * 2),
    ("C-16", {"virtual_networks.+": SPOKE | {"name": "vnet-x", "virtual_network_peerings": [
        {"name": name, "remote_virtual_network": name, "use_remote_gateways": True}
        for name in ("vnet-corp", "vnet-secure")]}},
     ["virtual_networks.vnet-x.virtual_network_peerings.vnet-secure.use_remote_gateways"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changes", "paths"), SEVERAL, ids=[f"{c[0]}-{c[2][0]}" for c in SEVERAL])
def test_a_rule_that_cannot_be_broken_alone(rule: str, changes: Changes, paths: list[str]) -> None:
    assert [path for name, path in problems_of(changed(changes)) if name == rule] == paths


def test_every_rule_has_a_case() -> None:
    assert {case[0] for case in [*CASES, *SEVERAL]} == {rule.name for rule in RULES}


def test_every_rule_says_where_it_comes_from() -> None:
    assert [rule.name for rule in RULES if not rule.check.__doc__] == []


def test_rules_are_in_the_order_of_area_and_number() -> None:
    names = [rule.name for rule in RULES]
    assert names == sorted(set(names), key=lambda name: ("NABCDE".index(name[0]), int(name[2:])))


FINE: list[Changes] = [
    *VPN_FINE,
    *APPLIANCE_FINE,
    {f"{CE1}.0.timers": {"keepalive": 1, "hold": 3}},
    {f"{CE1}.0.timers": {"keepalive": 10, "hold": 0}},
    {f"{PRIVATE}.shared_key": "x" * 25},
    {f"{PRIVATE}.peer_asn": 65514, f"{MICROSOFT}.peer_asn": 65514, f"{SITE}.asn": 65514} | NO_BGP,
    {f"{PRIVATE}.peer_asn": 65521, f"{MICROSOFT}.peer_asn": 65521, f"{SITE}.asn": 65521} | NO_BGP,
    {f"{CE1}.0.asn": 65011},
    LAYER3,
    # a layer 3 provider routes to several routers of one path
    LAYER3 | {f"{SITE}.edge_routers.1.attachments.0.path": "primary"},
    {f"{CORP}.location": "westus2"},
    linked({"connections": DELETED}, provisioned="NotProvisioned"),
    {f"{CORP}.location": "East US"},
    {f"{CORP}.location": "West Europe", f"{CIRCUIT}.sku": {"tier": "Premium"}},
    {f"{CIRCUIT}.sku": LOCAL, f"{CORP}.location": "westus2"},
    {f"{CIRCUIT}.location": "US Gov Virginia", f"{CORP}.location": "US Gov Texas"},
    {f"{CIRCUIT}.service_provider_properties.peering_location": "Silicon Valley Metro"},
    linked_networks(9),
    linked_networks(49) | {f"{CIRCUIT}.sku": {"tier": "Premium"}},
    {f"{CORP}.address_space.address_prefixes": ["10.17.0.0/16", *SPACES[1:]]},
    on_circuits(*(circuit(number, PLACES[number // 4]) for number in range(8))) | {f"{ERGW}.sku": "ErGw2AZ"},
    on_circuits(*(circuit(number, PLACES[number // 4]) for number in range(8)))
    | {f"{ERGW}.sku": "ErGwScale", f"{ERGW}.auto_scale_configuration": {"bounds": {"min": 2, "max": 2}}},
    on_circuits(*(circuit(number, PLACES[number // 4]) for number in range(16)))
    | {f"{ERGW}.sku": "ErGw3AZ", f"{CORP}.subnets.1.address_prefixes": ["10.17.11.64/26"]},
    {f"{CIRCUIT}.authorizations": [{"name": "a", "authorization_key": KEY}],
     f"{CONNECTION}.authorization_key": KEY},
    {f"{CIRCUIT}.sku": {"tier": "Premium"}, COMMUNITIES: ["12076:5010"],
     "route_filters.0.is_authorized_to_use": True},
    {COMMUNITIES: ["12076:5040", "12076:5060"]},
    {f"{MICROSOFT}.microsoft_peering_config.advertised_public_prefixes_state": DELETED,
     f"{MICROSOFT}.peer_asn": 64496, f"{CE1}.1.asn": 64496,
     f"{SITE}.edge_routers.1.attachments.1.asn": 64496},
    {PUBLIC: ["11.0.0.0/8", "2001:db8::/32", "192.0.2.0/24"]},
    {f"{VPNGW}.bgp_settings.asn": 65515},
    {f"{CORP}.subnets.1.address_prefixes": ["10.17.11.64/29"], "connections": DELETED},
    {"virtual_network_gateways.+": VPN_BESIDE},
    {f"{VM}.private_ip_address": "10.17.1.254"},
    {f"{SITE}.prefix_lists.0.rules.0.ge": 18, f"{SITE}.prefix_lists.0.rules.0.le": 32},
    {f"{SITE}.zones.0.address_prefixes": ["10.1.255.0/29"]},
    {f"{SITE}.hosts.0.address": "10.0.0.254"},
    {f"{SITE}.firewalls.0.rules": [RULE | {"protocol": "udp", "destination_ports": [500, 4500]}]},
    {f"{PRIVATE}.ipv6_peering_config": {"primary_peer_address_prefix": "2001:db8::/126",
                                        "secondary_peer_address_prefix": "2001:db8::4/126"}},
    {f"{VPNGW}.active_active": False, f"{VPNGW}.ip_configurations.1": DELETED},
    {"virtual_networks.+": SPOKE | {"name": "vnet-x", "virtual_network_peerings": [
        HALF | {"use_remote_gateways": True}]},
     f"{SECURE}.virtual_network_peerings": [
         {"name": "to-x", "remote_virtual_network": "vnet-x", "allow_gateway_transit": True}]},
    # not peered and on no common circuit
    {f"{SECURE}.address_space.address_prefixes": ["10.17.0.0/16", "10.2.0.0/24"]},
]  # fmt: skip


@pytest.mark.parametrize("changes", FINE, ids=[next(iter(c)) for c in FINE])
def test_what_is_just_inside_the_rules_is_fine(changes: Changes) -> None:
    assert problems_of(changed(changes)) == []
