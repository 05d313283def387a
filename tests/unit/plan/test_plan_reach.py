"""What a plan makes of BGP and of packets, followed without a kernel."""

from __future__ import annotations

from functools import cache

import pytest
from plan_builders import changed, compiled
from plan_network import Network

from lab.plan.tunnel_facts import inner_sessions


@cache
def network(name: str) -> Network:
    return Network(compiled(name))


@pytest.mark.parametrize(
    ("name", "host", "machine"),
    [
        ("expressroute-basic", ("app1", "10.0.0.10"), ("vm-corp", "10.17.1.4")),
        ("expressroute-vpn", ("app1", "10.0.0.10"), ("vm-corp", "10.17.1.4")),
        ("expressroute-vpn", ("desk1", "10.1.10.10"), ("vm-corp", "10.17.1.4")),
        ("layer3-provider", ("app1", "10.2.0.10"), ("vm-uk", "10.30.1.4")),
        ("layer3-provider", ("app2", "10.3.0.10"), ("vm-uk", "10.30.1.4")),
        ("hub-spoke", ("app1", "10.0.0.10"), ("vm-hub", "10.10.1.4")),
        ("hub-spoke", ("app1", "10.0.0.10"), ("vm-app", "10.11.1.4")),
        ("dual-circuit", ("west1", "10.1.0.10"), ("vm-east", "10.20.1.4")),
        ("two-circuits", ("app1", "10.0.0.10"), ("vm-corp", "10.17.1.4")),
        ("dual-stack", ("app1", "10.0.0.10"), ("vm-six", "10.20.1.4")),
        ("dual-stack", ("app1", "fd00:1::10"), ("vm-six", "fd00:20:0:1::4")),
    ],
)
def test_hosts_and_machines_reach_each_other(name, host, machine):
    lab = network(name)
    assert lab.reaches(host[0], machine[1])
    assert lab.reaches(machine[0], host[1])


def test_towards_azure_packets_pass_a_gateway_instance_and_both_share_them():
    paths = network("expressroute-vpn").paths("app1", "10.17.1.4")
    assert paths[0] == (
        "app1", "core1", "ce1/core", "msee1/private", "ergw-corp-0", "vnet-corp", "vm-corp", "arrived",
    )  # fmt: skip
    assert {path[4] for path in paths} == {"ergw-corp-0", "ergw-corp-1"}
    assert {path[2] for path in paths} == {"ce1/core", "ce2/core"}


def test_from_azure_packets_go_to_the_msees_directly():
    paths = network("expressroute-vpn").paths("vm-corp", "10.0.0.10")
    assert {path[:3] for path in paths} == {
        ("vm-corp", "vnet-corp", "msee1/private"),
        ("vm-corp", "vnet-corp", "msee2/private"),
    }


def test_the_customer_sees_12076_alone():
    known = network("expressroute-vpn").known("ce1/core", "10.17.0.0/16")
    assert [route["as_path"] for route in known] == [[12076], [12076]]


def test_the_gateway_sees_the_customers_path_behind_12076():
    known = network("expressroute-vpn").known("ergw-corp-0", "10.0.0.0/24")
    assert [(route["peer"], route["as_path"]) for route in known] == [
        ("msee1/private", [12076, 65010]),
        ("msee2/private", [12076, 65010]),
    ]


def test_an_msee_balances_over_both_gateway_instances():
    assert network("expressroute-vpn").next_hops("msee1/private", "10.17.0.0/16") == (
        "10.17.11.76",
        "10.17.11.77",
    )


def test_only_the_route_filters_region_comes_over_microsoft_peering():
    lab = network("expressroute-vpn")
    assert lab.next_hops("msee1/microsoft", "52.168.0.0/16") == ("100.64.0.1",)
    told = lab.engines["msee1/microsoft"].adj_rib_out("ce1/dmz")
    assert len(told) == 4
    assert {tuple(route["communities"]) for route in told} == {("12076:51026",)}


def test_without_a_route_filter_microsoft_peering_is_up_and_empty():
    def edit(data):
        del data["express_route_circuits"][0]["peerings"][1]["route_filter"]

    plan = changed("expressroute-vpn", edit)
    assert set(plan.expected_down) == inner_sessions(plan), "only what needs a tunnel"
    assert Network(plan).known("ce1/dmz", "52.175.192.0/18") == []


def test_the_dmz_takes_only_what_holds_the_vpn_gateways():
    lab = network("expressroute-vpn")
    assert lab.next_hops("dmz1", "52.175.192.0/18") == ("192.0.2.1", "192.0.2.2")
    assert lab.known("dmz1", "52.183.0.0/17") == []


def test_the_vpn_device_and_the_vpn_gateways_reach_each_other_over_microsoft_peering():
    lab = network("expressroute-vpn")
    assert lab.reaches("vpn1", "52.175.253.112")
    assert lab.reaches("vpn1", "52.175.250.191")
    assert lab.reaches("vpngw-secure-0", "203.0.113.110")
    assert ("vpn1", "dmz1", "ce2/dmz", "msee2/microsoft", "msnet", "vpngw-secure-0", "arrived") in lab.paths(
        "vpn1", "52.175.253.112"
    )


def test_private_as_numbers_do_not_pass_microsoft_peering():
    known = network("expressroute-vpn").known("msnet", "203.0.113.108/30")
    assert [route["as_path"] for route in known] == [[], []]


@pytest.mark.parametrize(
    ("name", "source", "destination", "fate"),
    [
        # Nothing is forwarded between the public and the private side of a VPN gateway.
        ("expressroute-vpn", "vm-secure", "52.175.253.112", "no route"),
        # The firewall lets nothing through that no rule permits.
        ("expressroute-vpn", "app1", "203.0.113.110", "filtered"),
        ("expressroute-vpn", "dmz1", "10.0.0.10", "filtered"),
        # Inside the address space but in no subnet: dropped, not sent around in circles.
        ("expressroute-vpn", "app1", "10.17.99.1", "no route"),
        # A peering without gateway transit, and two networks that are peered with the same one.
        ("hub-spoke", "vm-sandbox", "10.0.0.10", "no route"),
        ("hub-spoke", "app1", "10.30.1.4", "no route"),
        ("hub-spoke", "vm-app", "10.20.1.4", "no route"),
    ],
)
def test_what_must_not_arrive_does_not(name, source, destination, fate):
    assert {path[-1] for path in network(name).paths(source, destination)} == {fate}


def test_peered_networks_reach_each_other():
    lab = network("hub-spoke")
    assert lab.reaches("vm-app", "10.10.1.4")
    assert lab.reaches("vm-hub", "10.11.1.4")


def test_peered_networks_without_access_do_not_reach_each_other():
    def edit(data):
        data["virtual_networks"][1]["virtual_network_peerings"][0]["allow_virtual_network_access"] = False

    lab = Network(changed("hub-spoke", edit))
    assert {path[-1] for path in lab.paths("vm-app", "10.10.1.4")} == {"filtered"}
    assert lab.reaches("vm-app", "10.0.0.10")


def test_a_spoke_does_not_reach_another_through_the_hub_nor_through_the_circuit():
    """Not even when a default route from on premises makes both look like a way."""

    def edit(data):
        data["on_premises"][0]["routers"][0]["address_prefixes"].append("0.0.0.0/0")

    lab = Network(changed("hub-spoke", edit))
    assert lab.reaches("vm-app", "10.0.0.10")
    assert {path[-1] for path in lab.paths("vm-app", "10.20.1.4")} == {"filtered"}


def test_two_networks_on_one_circuit_do_not_reach_each_other():
    def edit(data):
        data["virtual_network_gateways"][1] |= {"gateway_type": "ExpressRoute", "ip_configurations": []}
        data["connections"].append(
            {"name": "c2", "virtual_network_gateway1": "vpngw-secure", "peer": "er-seattle"}
        )
        data["on_premises"][0]["routers"][0]["address_prefixes"].append("10.0.0.0/8")

    lab = Network(changed("expressroute-vpn", edit))
    assert lab.reaches("vm-corp", "10.0.0.10")
    assert lab.reaches("vm-secure", "10.0.0.10")
    assert {path[-1] for path in lab.paths("vm-corp", "10.2.0.4")} == {"filtered"}


def test_the_connection_with_the_higher_weight_wins_before_the_path_length():
    def edit(data):
        data["connections"][0]["routing_weight"] = 0
        data["connections"][1]["routing_weight"] = 1

    assert network("two-circuits").next_hops("vnet-corp", "10.0.0.0/24") == ("10.17.11.68", "10.17.11.69")
    chicago = Network(changed("two-circuits", edit))
    assert chicago.next_hops("vnet-corp", "10.0.0.0/24") == ("10.17.11.70", "10.17.11.71")
    assert chicago.known("ergw-corp-0", "10.0.0.0/24")[0]["as_path"] == [12076, 65010, 65010, 65010]


def test_without_weights_the_shorter_path_wins():
    def edit(data):
        data["connections"][0]["routing_weight"] = 0

    lab = Network(changed("two-circuits", edit))
    assert lab.next_hops("vnet-corp", "10.0.0.0/24") == ("10.17.11.68", "10.17.11.69")
    assert lab.known("ergw-corp-0", "10.0.0.0/24")[2]["reason"] == "as-path"


def test_a_network_keeps_its_own_traffic_even_against_a_longer_prefix_from_on_premises():
    def edit(data):
        data["on_premises"][0]["routers"][0]["address_prefixes"].append("10.17.1.0/24")

    lab = Network(changed("expressroute-vpn", edit))
    assert lab.next_hops("msee1/private", "10.17.1.0/24") == ("192.168.100.129",)
    assert lab.next_hops("ergw-corp-0", "10.17.1.0/24") == ()
    assert lab.next_hops("vnet-corp", "10.17.1.0/24") == ()


def test_a_layer_3_provider_stands_in_the_path_on_both_sides():
    lab = network("layer3-provider")
    assert lab.known("ce1/core", "10.30.0.0/16")[0]["as_path"] == [64999, 12076]
    assert lab.known("msee1/private", "10.2.0.0/24")[0]["as_path"] == [64999, 65020]


def test_a_spoke_learns_through_its_hub():
    lab = network("hub-spoke")
    assert lab.next_hops("vnet-app", "10.0.0.0/24") == ("100.64.128.0",)
    assert lab.next_hops("msee1/private", "10.111.0.0/16") == ("10.10.255.12", "10.10.255.13")


def test_a_custom_community_comes_with_the_regional_one():
    communities = network("ipv6-everywhere").known("ce1/core", "10.20.0.0/16")[0]["communities"]
    assert communities == ["12076:20001", "12076:50002"]
    assert network("expressroute-vpn").known("ce1/core", "10.17.0.0/16")[0]["communities"] == []


def test_communities_the_customer_sets_are_ignored():
    def edit(data):
        data["on_premises"][0]["policies"][1]["rules"][1]["set"]["communities"] = ["65010:7"]

    lab = Network(changed("two-circuits", edit))
    told = lab.engines["ce2/core"].adj_rib_out("er-chicago-msee1/private")
    assert [route["communities"] for route in told] == [["65010:7"]]
    known = lab.known("er-chicago-msee1/private", "10.0.0.0/24")
    assert [route["communities"] for route in known] == [[]]


def test_a_gateway_teaches_its_network_only_what_it_learned():
    told = network("expressroute-vpn").engines["ergw-corp-0"].adj_rib_out("vnet-corp")
    assert {route["prefix"] for route in told} == {"10.0.0.0/24", "10.1.10.0/25"}
    assert {route["next_hop"] for route in told} == {"10.17.11.68", "10.17.11.69"}


def test_the_customer_is_no_transit_between_circuits():
    """What one circuit taught is not told to the other, whatever it is called."""

    def edit(data):
        for attachment in data["on_premises"][0]["edge_routers"][1]["attachments"]:
            del attachment["export_policy"]

    lab = Network(changed("two-circuits", edit))
    told = lab.engines["ce2/core"].adj_rib_out("er-chicago-msee1/private")
    assert [route["prefix"] for route in told] == ["10.0.0.0/24"]


def test_microsoft_refuses_private_prefixes_and_the_default_route():
    def edit(data):
        prefixes = ["0.0.0.0/0", "172.16.5.0/24", "198.51.100.0/24"]
        data["on_premises"][0]["routers"][1]["address_prefixes"] += prefixes

    lab = Network(changed("expressroute-vpn", edit))
    refused = {
        route["prefix"]: (route["accepted"], route["rule"])
        for route in lab.engines["msee1/microsoft"].adj_rib_in("ce1/dmz")
    }
    assert refused == {
        "0.0.0.0/0": (False, "no-default-route"),
        "172.16.5.0/24": (False, "no-private-addresses"),
        "198.51.100.0/24": (True, "public-prefixes"),
        "203.0.113.108/30": (True, "public-prefixes"),
    }


def test_microsoft_drops_packets_from_prefixes_that_were_not_declared():
    def edit(data):
        config = data["express_route_circuits"][0]["peerings"][1]["microsoft_peering_config"]
        config["advertised_public_prefixes"] = ["198.51.100.0/24"]

    lab = Network(changed("expressroute-vpn", edit))
    assert {path[-2:] for path in lab.paths("vpn1", "52.175.253.112")} == {
        ("msee1/microsoft", "filtered"),
        ("msee2/microsoft", "filtered"),
    }
