"""The customer's side: zones, LANs, machines, firewalls and packet filters."""

from __future__ import annotations

import pytest
from plan_builders import address, changed, compiled, packet_filter, routes

from lab.plan.errors import PlanError
from lab.plan.types import FilterAction, Node, Role

VPN, DUAL = "expressroute-vpn", "ipv6-everywhere"


def bridges(plan, namespace):
    return {bridge.ifname: bridge.ports for bridge in plan.bridges if bridge.namespace == namespace}


def test_a_zone_is_a_switch_with_its_routers_on_it():
    plan = compiled(VPN)
    assert plan.node("sw-core") == Node("sw-core", Role.SWITCH, ("on-premises", "seattle", "core"))
    assert bridges(plan, "sw-core") == {"br-core": ("ce1", "ce2", "core1", "fw1", "vpn1")}


def test_several_sites_put_their_name_in_front_of_the_switch():
    nodes = {node.name for node in compiled("layer3-provider").nodes}
    assert {"london-sw-core", "leeds-sw-core"} <= nodes


def test_nodes_stand_in_their_zone_and_edge_routers_in_their_site():
    plan = compiled(VPN)
    groups = {name: plan.node(name).group for name in ("ce1", "core1", "app1", "vpn1", "fw1")}
    assert groups == {
        "ce1": ("on-premises", "seattle"),
        "core1": ("on-premises", "seattle", "core"),
        "app1": ("on-premises", "seattle", "core"),
        "vpn1": ("on-premises", "seattle", "dmz"),
        "fw1": ("on-premises", "seattle"),
    }


def test_an_edge_router_has_a_table_for_each_zone_even_if_it_is_one():
    namespaces = {namespace.name for namespace in compiled("expressroute-basic").namespaces}
    assert {"ce1", "ce1/core"} <= namespaces


def test_zone_addresses_go_to_edge_routers_then_interior_routers_then_firewalls():
    plan = compiled(DUAL)
    assert address(plan, "ce1/core:core") == ["10.1.255.1/24", "fd00:1:0:ff::1/64"]
    assert address(plan, "ce2/core:core") == ["10.1.255.2/24", "fd00:1:0:ff::2/64"]
    assert address(plan, "core1:core") == ["10.1.255.3/24", "fd00:1:0:ff::3/64"]
    assert address(plan, "fw1:core") == ["10.1.255.4/24", "fd00:1:0:ff::4/64"]


def test_a_zone_may_be_too_small():
    def edit(data):
        data["on_premises"][0]["zones"][0]["address_prefixes"] = ["10.1.255.0/30"]

    with pytest.raises(PlanError, match=r"10\.1\.255\.0/30 has no usable address number 3") as raised:
        changed("expressroute-basic", edit)
    assert raised.value.hint == "use a larger network"


def test_each_lan_of_a_router_is_a_bridge_with_its_first_usable_address():
    plan = compiled(VPN)
    assert bridges(plan, "core1") == {"br-lan0": ("app1",), "br-lan1": ("desk1",)}
    assert address(plan, "core1:br-lan1") == ["10.1.10.1/25"]
    assert address(plan, "desk1:eth0") == ["10.1.10.10/25"]
    assert routes(plan, "desk1") == {"0.0.0.0/0": ("10.1.10.1",)}


def test_a_machine_with_both_address_families_ties_two_prefixes_into_one_lan():
    plan = compiled(DUAL)
    assert bridges(plan, "core1") == {"br-lan0": ("app1",)}
    assert address(plan, "core1:br-lan0") == ["10.0.0.1/24", "fd00:1::1/64"]
    assert routes(plan, "app1") == {"0.0.0.0/0": ("10.0.0.1",), "::/0": ("fd00:1::1",)}


def test_two_machines_may_tie_three_prefixes_into_one_lan():
    def edit(data):
        data["on_premises"][0]["hosts"] += [
            {"name": "app2", "router": "core1", "address": "10.0.1.10"},
            {"name": "app3", "router": "core1", "address": "10.0.1.11", "ipv6_address": "fd00:1::11"},
        ]

    plan = changed(DUAL, edit)
    assert bridges(plan, "core1") == {"br-lan0": ("app1", "app2", "app3")}
    assert address(plan, "core1:br-lan0") == ["10.0.0.1/24", "fd00:1::1/64", "10.0.1.1/24"]
    assert routes(plan, "app2") == {"0.0.0.0/0": ("10.0.1.1",)}


def test_a_lan_nobody_lives_in_is_a_loopback_address_and_a_blackhole():
    plan = compiled(DUAL)
    assert address(plan, "core1:lo") == ["10.0.1.1/32"]
    assert routes(plan, "core1")["10.0.1.0/24"] == ()


def test_a_host_must_live_in_a_lan_of_its_router():
    def edit(data):
        data["on_premises"][0]["hosts"][0]["address"] = "10.9.9.9"

    with pytest.raises(PlanError, match=r"app1: 10\.9\.9\.9 is in no LAN of core1") as raised:
        changed("expressroute-basic", edit)
    assert raised.value.hint == "its LANs are 10.0.0.0/24"


def test_a_host_cannot_have_its_routers_address():
    def edit(data):
        data["on_premises"][0]["hosts"][0]["address"] = "10.0.0.1"

    with pytest.raises(PlanError, match=r"10\.0\.0\.1 would be the address of app1:eth0 and core1:br-lan0"):
        changed("expressroute-basic", edit)


def test_a_vpn_device_has_its_public_address_and_a_loopback_for_bgp():
    plan = compiled(VPN)
    assert plan.node("vpn1").role is Role.VPN_DEVICE
    assert address(plan, "vpn1:eth0") == ["203.0.113.110/30"]
    assert address(plan, "dmz1:br-lan0") == ["203.0.113.109/30"]
    assert address(plan, "vpn1:lo") == ["172.16.0.3/32"]


def test_the_inner_zone_defaults_to_the_firewall_and_the_outer_knows_what_is_behind_it():
    plan = compiled(VPN)
    assert routes(plan, "core1") == {"0.0.0.0/0": ("10.1.255.4",)}
    assert routes(plan, "dmz1") == {"10.0.0.0/24": ("192.0.2.4",), "10.1.10.0/25": ("192.0.2.4",)}
    assert routes(plan, "fw1") == {
        "10.0.0.0/24": ("10.1.255.3",),
        "10.1.10.0/25": ("10.1.255.3",),
        "203.0.113.108/30": ("192.0.2.3",),
    }


def test_a_firewall_lets_answers_pass_then_what_a_rule_permits_then_nothing():
    found = packet_filter(compiled(DUAL), "fw1")
    established, web, echo = found.rules
    assert established.established
    assert found.default is FilterAction.DROP
    assert (web.in_interfaces, web.out_interfaces) == (("core",), ("dmz",))
    assert (web.protocol, web.destination_ports) == ("tcp", ((80, 80), (443, 443)))
    assert (echo.protocol, echo.sources, echo.comment) == ("icmp", (), "echo")


def test_an_edge_router_passes_only_permitted_prefixes_over_a_limited_peering():
    def edit(data):
        del data["on_premises"][0]["edge_routers"][0]["attachments"][1]["permitted_protocols"]

    found = packet_filter(changed(VPN, edit), "ce1/dmz")
    into, out, no_more_in, no_more_out = found.rules
    remote = ["52.175.253.112/32", "52.175.250.191/32"]
    assert (into.in_interfaces, list(map(str, into.sources))) == (("er200",), remote)
    assert (out.out_interfaces, list(map(str, out.destinations))) == (("er200",), remote)
    assert (no_more_in.action, no_more_in.in_interfaces) == (FilterAction.DROP, ("er200",))
    assert (no_more_out.action, no_more_out.out_interfaces) == (FilterAction.DROP, ("er200",))
    assert found.default is FilterAction.ACCEPT
    assert "ce1/core" not in {one.namespace for one in compiled(VPN).filters}


def test_a_peering_for_tunnels_alone_passes_what_they_are_made_of():
    *passing, no_more_in, no_more_out = packet_filter(compiled(VPN), "ce1/dmz").rules
    into, out = passing[::2], passing[1::2]
    wanted = [("udp", ((500, 500), (4500, 4500))), ("esp", ()), ("icmp", ())]
    for rules, ports, remote in ((into, "in_interfaces", "sources"), (out, "out_interfaces", "destinations")):
        assert [(one.protocol, one.destination_ports) for one in rules] == wanted
        assert {getattr(one, ports) for one in rules} == {("er200",)}
        assert {len(getattr(one, remote)) for one in rules} == {2}
    assert no_more_in.action is no_more_out.action is FilterAction.DROP


def test_protocols_can_be_limited_without_naming_prefixes():
    def edit(data):
        attachment = data["on_premises"][0]["edge_routers"][0]["attachments"][1]
        del attachment["permitted_remote_prefixes"]
        attachment["permitted_protocols"] = ["icmp"]

    into, out, *_ = packet_filter(changed(VPN, edit), "ce1/dmz").rules
    assert (into.protocol, into.sources, out.destinations) == ("icmp", (), ())


def test_two_nodes_of_one_name_are_refused_with_everything_else_that_is_wrong():
    def edit(data):
        data["on_premises"][0]["hosts"].append({"name": "pe1", "router": "core1", "address": "10.0.0.11"})
        data["on_premises"][0]["hosts"].append({"name": "core", "router": "core1", "address": "10.0.0.12"})

    with pytest.raises(PlanError) as raised:
        changed("expressroute-basic", edit)
    assert raised.value.message.splitlines() == [
        "two nodes are called pe1",
        "core1 would have two interfaces called core",
    ]


def test_a_host_called_lo_cannot_be_wired():
    def edit(data):
        data["on_premises"][0]["hosts"][0]["name"] = "lo"

    with pytest.raises(PlanError, match="core1 would have an interface called lo"):
        changed("expressroute-basic", edit)


def test_a_tag_cannot_be_twice_on_one_port():
    def edit(data):
        attachment = data["on_premises"][0]["edge_routers"][0]["attachments"][1]
        attachment["vlan_id"] = 100

    with pytest.raises(PlanError, match="ce1:to-pe1 would carry VLAN 100 twice"):
        changed(VPN, edit)


def test_a_name_that_is_missing_lists_those_there_are():
    def edit(data):
        data["on_premises"][0]["edge_routers"][0]["attachments"][1]["import_policy"] = "nobody"

    with pytest.raises(PlanError, match="no policy of seattle 'nobody'") as raised:
        changed(VPN, edit)
    assert raised.value.hint == "defined: tunnel-endpoints-only"


def test_suggestions_are_commands_that_fit_the_plan():
    assert [one.command for one in compiled(VPN).suggestions] == [
        "exec app1 -- ping -c 3 10.17.1.4",
        "exec app1 -- ping -c 3 10.2.0.4",
        "show tunnels vpn1",
        "show routes msee1/private",
        "why ce1/core 10.17.0.0/16",
    ]


def test_what_is_suggested_to_ping_is_a_machine_that_learns_routes():
    def edit(data):
        data["virtual_machines"].reverse()

    plan = changed(VPN, edit)
    assert plan.suggestions[0].command == "exec app1 -- ping -c 3 10.17.1.4"
    assert plan.suggestions[0].shows == "app1 reaches vm-corp over private peering"


def test_without_gateways_there_is_still_an_msee_to_look_at():
    def edit(data):
        del data["connections"], data["virtual_network_gateways"]

    commands = [one.command for one in changed("expressroute-basic", edit).suggestions]
    assert commands == ["show routes msee1/private"]


def test_nothing_is_suggested_that_cannot_work():
    def edit(data):
        data["express_route_circuits"][0]["peerings"][0]["state"] = "Disabled"

    assert changed("expressroute-basic", edit).suggestions == compiled("mismatches").suggestions == ()
