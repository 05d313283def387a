"""Sessions' settings: timers, keys, limits, who waits, and what Microsoft imports and exports."""

from __future__ import annotations

import pytest
from plan_builders import changed, compiled, neighbor, neighbors

from lab.bgp.route import format_community
from lab.bgp.speaker import Timers

VPN = "expressroute-vpn"


def test_the_profile_sets_the_timers_and_an_attachment_its_own_end():
    assert neighbor(compiled(VPN), "msee1/private", "ce1/core").timers == Timers(3, 10, 5)
    azure = compiled("ipv6-everywhere")
    assert neighbor(azure, "msee2/microsoft", "ce2/dmz").timers == Timers(60, 180, 60)
    assert neighbor(azure, "ce2/dmz", "msee2/microsoft").timers == Timers(3, 10, 60)
    assert neighbor(azure, "ce2/core", "msee2/private").timers == Timers(60, 180, 60)


def test_ipv6_is_a_session_of_its_own():
    plan = compiled("ipv6-everywhere")
    session = neighbor(plan, "msee1/private", "ce1/core-ipv6")
    assert (str(session.local_address), str(session.peer_address)) == ("2001:db8:15::2", "2001:db8:15::1")
    assert session.password == 'blue "sky; 7'
    assert neighbors(plan, "ergw-six-0") == [
        "msee1/private",
        "msee1/private-ipv6",
        "msee2/private",
        "msee2/private-ipv6",
        "vnet-six",
        "vnet-six-ipv6",
    ]


@pytest.mark.parametrize(
    ("name", "namespace", "peer", "limit"),
    [
        (VPN, "msee1/private", "ce1/core", 4000),
        ("ipv6-everywhere", "msee1/private", "ce1/core", 10000),
        ("dual-stack", "msee1/private", "ce1/core-ipv6", 100),
        ("ipv6-everywhere", "msee1/microsoft", "ce1/dmz", 200),
        ("ipv6-everywhere", "msee1/microsoft", "ce1/dmz-ipv6", 200),
        (VPN, "ce1/core", "msee1/private", None),
    ],
)
def test_prefix_limits_follow_peering_sku_and_address_family(name, namespace, peer, limit):
    assert neighbor(compiled(name), namespace, peer).max_prefixes == limit


def test_a_gateway_counts_its_own_prefixes_for_the_sessions_with_circuits_only():
    plan = compiled("ipv6-everywhere")
    limits = {one.name: one.max_originations for one in plan.speaker("ergw-six-1").config.neighbors}
    assert {name for name, limit in limits.items() if limit} == {
        "msee1/private", "msee1/private-ipv6", "msee2/private", "msee2/private-ipv6",
    }  # fmt: skip
    assert set(limits.values()) == {(1000, 100), None}


def test_msees_and_gateway_instances_form_a_full_mesh():
    plan = compiled(VPN)
    for msee in ("msee1/private", "msee2/private"):
        for instance in ("ergw-corp-0", "ergw-corp-1"):
            near, far = neighbor(plan, msee, instance), neighbor(plan, instance, msee)
            assert (near.peer_asn, far.peer_asn) == (65515, 12076)
            assert (near.passive, far.passive) == (True, False)


def test_a_gateway_peers_with_msees_and_its_network_but_not_with_its_sister():
    assert neighbors(compiled(VPN), "ergw-corp-0") == ["msee1/private", "msee2/private", "vnet-corp"]


def test_a_gateways_own_as_number_is_used_throughout():
    def edit(data):
        data["virtual_network_gateways"][0]["bgp_settings"] = {"asn": 65100}

    plan = changed(VPN, edit)
    assert {plan.speaker(name).config.asn for name in ("ergw-corp-0", "ergw-corp-1", "vnet-corp")} == {65100}
    assert neighbor(plan, "msee1/private", "ergw-corp-1").peer_asn == 65100


def test_a_network_waits_for_its_gateways_and_hears_every_path():
    near = neighbor(compiled(VPN), "vnet-corp", "ergw-corp-0")
    assert (near.passive, near.add_path, near.export_policy.name) == (True, True, "reject-all")
    far = neighbor(compiled(VPN), "ergw-corp-0", "vnet-corp")
    assert (far.passive, far.add_path, far.next_hop_self) == (False, True, False)


def test_a_spoke_is_its_hubs_reflector_client():
    plan = compiled("hub-spoke")
    near = neighbor(plan, "vnet-hub", "vnet-app")
    assert (near.route_reflector_client, near.next_hop_self, near.add_path) == (True, True, False)
    assert neighbors(plan, "vnet-app") == ["vnet-hub"]
    assert plan.speaker("vnet-app").config.asn == plan.speaker("vnet-hub").config.asn == 65515


def test_a_network_without_gateway_transit_does_not_speak():
    speaking = {speaker.namespace for speaker in compiled("hub-spoke").speakers}
    assert "vnet-sandbox" not in speaking


def test_a_vpn_gateway_without_connections_does_not_speak_nor_does_its_network():
    def edit(data):
        del data["connections"][1]

    speaking = {speaker.namespace for speaker in changed(VPN, edit).speakers}
    assert not any(name.startswith("vpngw") for name in speaking)
    assert "vnet-secure" not in speaking


def test_a_gateway_announces_address_spaces_and_those_of_networks_that_use_it():
    originations = compiled("hub-spoke").speaker("ergw-hub-0").config.originations
    spokes = [f"10.{number}.0.0/16" for number in (11, 111, *range(12, 21))]
    assert [str(one.prefix) for one in originations] == ["10.10.0.0/16", *spokes]


def test_a_gateway_without_ipv6_announces_none():
    def edit(data):
        del data["virtual_networks"][0]["subnets"][1]["address_prefixes"][1]

    plan = changed("dual-stack", edit)
    originations = plan.speaker("ergw-six-0").config.originations
    assert [str(one.prefix) for one in originations] == ["10.20.0.0/16"]
    assert neighbors(plan, "ergw-six-0") == ["msee1/private", "msee2/private", "vnet-six"]


def test_microsofts_edge_announces_each_region_with_its_community():
    originations = compiled(VPN).speaker("msnet").config.originations
    assert {
        str(one.prefix): [format_community(community) for community in one.communities]
        for one in originations
    } == {
        "13.66.128.0/17": ["12076:51026"],
        "40.65.64.0/18": ["12076:51026"],
        "52.175.192.0/18": ["12076:51026"],
        "52.183.0.0/17": ["12076:51026"],
        "20.42.0.0/17": ["12076:51004"],
        "52.168.0.0/16": ["12076:51004"],
    }


def test_there_is_no_microsoft_network_where_nobody_needs_one():
    assert "msnet" not in {node.name for node in compiled("expressroute-basic").nodes}


def test_a_zones_routers_form_a_full_mesh_and_the_first_by_name_waits():
    plan = compiled(VPN)
    assert neighbors(plan, "ce1/core") == ["ce2/core", "core1", "vpn1", "msee1/private"]
    assert neighbors(plan, "core1") == ["ce1/core", "ce2/core", "vpn1"]
    assert neighbor(plan, "ce1/core", "ce2/core").passive
    assert neighbor(plan, "ce2/core", "core1").passive
    assert not neighbor(plan, "core1", "ce2/core").passive


def test_edge_routers_put_themselves_as_next_hop():
    plan = compiled(VPN)
    assert neighbor(plan, "ce1/core", "core1").next_hop_self
    assert not neighbor(plan, "core1", "ce1/core").next_hop_self


def test_zones_do_not_hear_of_each_other():
    plan = compiled(VPN)
    assert neighbors(plan, "ce1/dmz") == ["ce2/dmz", "dmz1", "msee1/microsoft"]
    assert neighbors(plan, "dmz1") == ["ce1/dmz", "ce2/dmz"]


def test_a_router_in_another_as_is_an_external_neighbour_of_its_own_site():
    plan = compiled("mismatches")
    assert neighbor(plan, "other1", "ce2/other").peer_asn == 65011
    assert ("other1", "ce2/other") not in plan.expected_down


def test_a_speaker_without_a_session_is_left_out():
    speaking = {speaker.namespace for speaker in compiled("mismatches").speakers}
    assert "er-dallas-msee1/private" not in speaking
    assert "msnet" not in {speaker.namespace for speaker in compiled("two-circuits").speakers}
