"""Links of circuits: nodes, trunks, tags and addresses."""

from __future__ import annotations

from itertools import product

import pytest
from plan_builders import FILES, address, changed, compiled, neighbor, neighbors

from lab.plan.errors import PlanError
from lab.plan.types import Namespace, Node, Role

VPN = "expressroute-vpn"


def tags(plan, namespace):
    """The sub-interfaces of a namespace: name to (port, s-tag, c-tag)."""
    return {
        sub.ifname: (str(sub.port), sub.s_tag, sub.c_tag)
        for sub in plan.sub_interfaces
        if sub.namespace == namespace
    }


def bridges(plan, namespace):
    return {bridge.ifname: bridge.ports for bridge in plan.bridges if bridge.namespace == namespace}


def test_one_circuit_makes_two_provider_edges_and_two_msees():
    plan = compiled(VPN)
    assert plan.node("pe1") == Node("pe1", Role.PROVIDER_EDGE, ("provider", "er-seattle"))
    assert plan.node("msee2") == Node("msee2", Role.MSEE, ("microsoft", "Seattle"))
    own = [namespace for namespace in plan.namespaces if namespace.node == "msee1"]
    assert own == [
        Namespace("msee1", forwarding=False),
        Namespace("msee1", "private"),
        Namespace("msee1", "microsoft"),
    ]


def test_several_circuits_put_their_name_in_front():
    nodes = {node.name for node in compiled("two-circuits").nodes}
    assert {"er-seattle-pe1", "er-seattle-msee1", "er-chicago-pe2", "er-chicago-msee2"} <= nodes
    assert "pe1" not in nodes


def test_one_wire_between_two_devices_carries_all_peerings():
    plan = compiled(VPN)
    (wire,) = (wire for wire in plan.wires if wire.name == "ce1--pe1")
    assert (str(wire.a), str(wire.b), wire.mtu, wire.trunk) == ("ce1:to-pe1", "pe1:to-ce1", 1600, True)
    assert {sub.mtu for sub in plan.sub_interfaces} == {1500}


def test_the_customer_has_one_tag_and_the_msee_two():
    plan = compiled(VPN)
    assert tags(plan, "ce1/core") == {"er100": ("ce1:to-pe1", None, 100)}
    assert tags(plan, "ce1/dmz") == {"er200": ("ce1:to-pe1", None, 200)}
    assert tags(plan, "msee1/private") == {"er100": ("msee1:to-pe1", 8, 100)}
    assert tags(plan, "msee1/microsoft") == {"er200": ("msee1:to-pe1", 8, 200)}


def test_a_layer_2_provider_bridges_each_peering_by_itself():
    plan = compiled(VPN)
    assert tags(plan, "pe1")["ce1-100"] == ("pe1:to-ce1", None, 100)
    assert tags(plan, "pe1")["msee1-100"] == ("pe1:to-msee1", 8, 100)
    assert bridges(plan, "pe1") == {
        "br-private": ("ce1-100", "msee1-100"),
        "br-microsoft": ("ce1-200", "msee1-200"),
    }
    assert [one for one in plan.addresses if one.namespace == "pe1"] == []


def test_both_links_of_a_peering_use_the_same_customer_tag():
    plan = compiled(VPN)
    assert tags(plan, "ce2/core")["er100"][2] == tags(plan, "ce1/core")["er100"][2] == 100


def test_a_circuit_without_an_outer_tag_gets_one_by_its_place_in_the_file():
    plan = compiled("mismatches")
    outer = {sub.namespace: sub.s_tag for sub in plan.sub_interfaces if "msee1/private" in sub.namespace}
    assert outer == {
        "er-seattle-msee1/private": 1000,
        "er-chicago-msee1/private": 1001,
        "er-dallas-msee1/private": 1002,
    }


def test_the_customer_takes_the_first_usable_address_and_the_msee_the_second():
    plan = compiled(VPN)
    assert address(plan, "ce1/core:er100") == ["192.168.100.129/30"]
    assert address(plan, "msee1/private:er100") == ["192.168.100.130/30"]
    assert address(plan, "ce2/core:er100") == ["192.168.100.133/30"]
    assert address(plan, "msee2/private:er100") == ["192.168.100.134/30"]
    dual = compiled("dual-stack")
    assert address(dual, "ce2/core:er100") == ["192.168.15.5/30", "2001:db8:15::5/126"]
    assert address(dual, "msee2/private:er100") == ["192.168.15.6/30", "2001:db8:15::6/126"]


def test_two_legs_in_one_zone_have_two_interfaces():
    plan = compiled("two-circuits")
    assert tags(plan, "ce1/core") == {
        "er100": ("ce1:to-er-seeb7-pe1", None, 100),
        "er100-2": ("ce1:to-er-sef0d-pe2", None, 100),
    }


def test_a_layer_3_provider_routes_between_two_links():
    plan = compiled("layer3-provider")
    assert bridges(plan, "pe1") == {}
    assert address(plan, "ce1/core:er100") == ["172.16.1.1/30"]
    assert address(plan, "pe1/private:ce1-100") == ["172.16.1.2/30"]
    assert address(plan, "pe1/private:msee1-100") == ["172.16.0.1/30"]
    assert address(plan, "msee1/private:er100") == ["172.16.0.2/30"]
    assert neighbors(plan, "pe1/private") == ["msee1/private", "ce1/core"]
    assert neighbors(plan, "ce1/core") == ["core1", "pe1/private"]


def test_a_layer_3_providers_key_is_its_own():
    plan = compiled("layer3-provider")
    assert neighbor(plan, "pe2/private", "msee2/private").password == "provider-and-azure"
    assert neighbor(plan, "ce2/core", "pe2/private").password == "leeds-and-provider"
    assert neighbor(plan, "ce1/core", "pe1/private").password is None


def test_what_the_attachment_gives_wins_at_the_customers_end_alone():
    plan = compiled("mismatches")
    assert address(plan, "ce1/core:er100") == ["192.168.100.2/30"]
    assert tags(plan, "ce1/core")["er101"][2] == 101
    assert tags(plan, "er-seattle-pe2")["ce1-100"][2] == 100
    assert plan.speaker("ce2/other").config.asn == 65011
    assert neighbor(plan, "er-chicago-msee2/private", "ce2/other").peer_asn == 65010
    assert neighbor(plan, "ce2/core", "er-chicago-msee1/private").password == "wrong"
    assert neighbor(plan, "er-chicago-msee1/private", "ce2/core").password is None


def test_a_router_with_the_msees_address_looks_for_its_peer_at_the_other():
    plan = compiled("mismatches")
    swapped = neighbor(plan, "ce1/core", "er-seattle-msee1/private")
    assert (str(swapped.local_address), str(swapped.peer_address)) == ("192.168.100.2", "192.168.100.1")


def test_sessions_that_cannot_come_up_are_listed():
    assert set(compiled("mismatches").expected_down) == {
        ("ce1/core", "er-seattle-msee1/private"),  # the two addresses swapped
        ("er-seattle-msee1/private", "ce1/core"),
        ("ce1/core", "er-seattle-msee2/private"),  # another VLAN
        ("er-seattle-msee2/private", "ce1/core"),
        ("ce2/core", "er-chicago-msee1/private"),  # another key
        ("er-chicago-msee1/private", "ce2/core"),
        ("ce2/other", "er-chicago-msee2/private"),  # another AS number
        ("er-chicago-msee2/private", "ce2/other"),
        ("ce2/core", "er-dallas-msee1/private"),  # disabled: no end at Microsoft's side
        ("ce1/dmz", "er-seattle-msee1/microsoft"),  # not validated: neither
    }


def test_sessions_that_fit_are_not_listed():
    assert [name for name in FILES if compiled(name).expected_down] == ["mismatches"]


@pytest.mark.parametrize(
    ("level", "key", "value"),
    [
        ("circuit", "circuit_provisioning_state", "Disabled"),
        ("circuit", "service_provider_provisioning_state", "NotProvisioned"),
        ("peering", "state", "Disabled"),
    ],
)
def test_microsofts_end_is_missing_while_the_peering_is_not_in_service(level, key, value):
    def edit(data):
        circuit = data["express_route_circuits"][0]
        (circuit if level == "circuit" else circuit["peerings"][0])[key] = value

    plan = changed("expressroute-basic", edit)
    assert "msee1/private" not in {speaker.namespace for speaker in plan.speakers}
    assert neighbors(plan, "ce1/core") == ["ce2/core", "core1", "msee1/private"]
    assert set(plan.expected_down) == {
        ("ce1/core", "msee1/private"),
        ("ce2/core", "msee2/private"),
        *product(("ergw-corp-0", "ergw-corp-1"), ("msee1/private", "msee2/private")),
    }


def test_a_disabled_ipv6_peering_leaves_ipv4_alone():
    def edit(data):
        data["express_route_circuits"][0]["peerings"][0]["ipv6_peering_config"]["state"] = "Disabled"

    plan = changed("ipv6-everywhere", edit)
    assert set(plan.expected_down) == {
        ("ce1/core", "msee1/private-ipv6"),
        ("ce2/core", "msee2/private-ipv6"),
        *product(("ergw-six-0", "ergw-six-1"), ("msee1/private-ipv6", "msee2/private-ipv6")),
    }


def test_a_path_without_a_router_has_no_session():
    def edit(data):
        del data["on_premises"][0]["edge_routers"][1]

    plan = changed("expressroute-basic", edit)
    assert neighbors(plan, "msee2/private") == ["ergw-corp-0", "ergw-corp-1"]
    assert bridges(plan, "pe2") == {"br-private": ("msee2-100",)}
    assert plan.expected_down == ()


def test_a_layer_2_path_ends_on_one_router():
    def edit(data):
        data["on_premises"][0]["edge_routers"][1]["attachments"][0]["path"] = "primary"

    with pytest.raises(PlanError, match="ce1 and ce2 both attach to the primary path") as raised:
        changed("expressroute-basic", edit)
    assert raised.value.exit_code == 2
    assert raised.value.hint is not None


def test_a_layer_3_path_may_end_on_several_routers():
    def edit(data):
        attachment = data["on_premises"][1]["edge_routers"][0]["attachments"][0]
        attachment["path"] = "primary"

    plan = changed("layer3-provider", edit)
    assert neighbors(plan, "pe1/private") == ["msee1/private", "ce1/core", "ce2/core"]
    assert plan.expected_down == ()


@pytest.mark.parametrize(
    ("missing", "message"),
    [("provider_asn", "layer3 without provider_asn"), ("provider_address_prefix", "provider_address_prefix")],
)
def test_layer_3_needs_the_providers_numbers(missing, message):
    def edit(data):
        circuit = data["express_route_circuits"][0]
        attachment = data["on_premises"][0]["edge_routers"][0]["attachments"][0]
        del (circuit if missing in circuit else attachment)[missing]

    with pytest.raises(PlanError, match=message):
        changed("layer3-provider", edit)


def test_one_routing_table_has_one_as_number():
    def edit(data):
        first, second = data["on_premises"][0]["edge_routers"][0]["attachments"]
        first["asn"], second["asn"] = 65001, 65002

    with pytest.raises(PlanError, match="different AS numbers"):
        changed("two-circuits", edit)
