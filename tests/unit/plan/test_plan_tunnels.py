"""IPsec tunnels in plans: what each end is told, BGP inside, and ways that stay outside."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from plan_builders import changed, compiled, neighbor, neighbors, routes
from plan_network import Network

from lab.model.vpn import IpsecPolicy
from lab.plan.dump import dump, to_json
from lab.plan.proposals import AZURE_ACCEPTS, AZURE_OFFERS, custom
from lab.plan.render.clamp import render_clamp
from lab.plan.tunnel_facts import begins_inside, inner_sessions, sessions_at_tunnels, without_tunnels
from lab.plan.tunnels import Child, Initiation, can_come_up

VPN = "expressroute-vpn"
POLICY = {
    "sa_life_time_seconds": 3600,
    "sa_data_size_kilobytes": 2048,
    "ipsec_encryption": "AES256",
    "ipsec_integrity": "SHA256",
    "ike_encryption": "AES256",
    "ike_integrity": "SHA384",
    "dh_group": "ECP384",
    "pfs_group": "PFS2048",
}


def end(plan, name, node):
    return next(one for one in plan.tunnels if (one.name, one.namespace) == (name, node))


def edited(**connection):
    return changed(VPN, lambda data: data["connections"][1].update(connection))


def with_device(**tunnel):
    def edit(data):
        overrides = [{"connection": "conn-secure", **tunnel}]
        data["on_premises"][0]["vpn_devices"][0]["tunnels"] = overrides

    return changed(VPN, edit)


# Both ends.


def test_there_is_a_tunnel_to_each_instance_and_an_end_at_each_side():
    ends = [(one.name, one.namespace, one.ifname, one.peer) for one in compiled(VPN).tunnels]
    assert ends == [
        ("conn-secure-0", "vpngw-secure-0", "vpn1", "vpn1"),
        ("conn-secure-0", "vpn1", "vpngw-secure-0", "vpngw-secure-0"),
        ("conn-secure-1", "vpngw-secure-1", "vpn1", "vpn1"),
        ("conn-secure-1", "vpn1", "vpngw-secure-1", "vpngw-secure-1"),
    ]


def test_a_gateway_that_is_not_active_active_has_one_tunnel():
    def edit(data):
        gateway = data["virtual_network_gateways"][1]
        gateway["active_active"] = False
        del gateway["ip_configurations"][1]

    assert {one.name for one in changed(VPN, edit).tunnels} == {"conn-secure-0"}


def test_the_devices_end_mirrors_azures():
    azure, device = (end(compiled(VPN), "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    assert (azure.local_address, azure.remote_address) == (device.remote_address, device.local_address)
    assert azure.shared_key == device.shared_key
    assert (azure.offered, azure.accepted) == (device.offered, device.accepted)
    assert azure.inner_address == ip_address("10.2.0.228")
    assert device.inner_peer_address == azure.inner_address
    assert azure.inner_peer_address == device.inner_address == ip_address("172.16.0.3")
    assert device.routes == azure.routes == (), "BGP says the rest"


def test_lifetimes_mtu_and_dpd_are_the_published_ones():
    one = end(compiled(VPN), "conn-secure-0", "vpngw-secure-0")
    assert (one.ike_lifetime, one.child_lifetime, one.child_bytes) == (28800, 27000, 104857600000)
    assert (one.dpd_timeout, one.mtu, one.mss) == (45, 1400, 1350)


def test_a_key_left_out_is_made_of_names_and_differs_between_connections():
    key = end(compiled(VPN), "conn-secure-0", "vpn1").shared_key
    assert key == end(compiled(VPN), "conn-secure-1", "vpn1").shared_key
    assert key != end(edited(name="conn-other"), "conn-other-0", "vpn1").shared_key
    assert len(key) == 64


def test_keys_are_shown_nowhere():
    plan = edited(shared_key="s3cret.key")
    assert end(plan, "conn-secure-0", "vpn1").shared_key == "s3cret.key"
    assert "s3cret.key" not in dump(plan) + str(to_json(plan)) + repr(plan)


@pytest.mark.parametrize(
    ("azure", "device", "starts"),
    [
        ("Default", None, (Initiation.PATIENT, Initiation.AT_ONCE)),
        ("Default", "ResponderOnly", (Initiation.AT_ONCE, Initiation.NEVER)),
        ("InitiatorOnly", None, (Initiation.AT_ONCE, Initiation.AT_ONCE)),
        ("ResponderOnly", None, (Initiation.NEVER, Initiation.AT_ONCE)),
    ],
)
def test_who_starts(azure, device, starts):
    def edit(data):
        data["connections"][1]["connection_mode"] = azure
        if device:
            override = {"connection": "conn-secure", "connection_mode": device}
            data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [override]

    plan = changed(VPN, edit)
    ends = (end(plan, "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    assert tuple(one.initiation for one in ends) == starts
    assert end(plan, "conn-secure-0", "vpngw-secure-0").answers is (azure != "InitiatorOnly")


# Selectors.


def test_route_based_is_any_to_any_and_azure_takes_any():
    azure, device = (end(compiled(VPN), "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    assert azure.children == device.children == (Child("any"),)
    assert (azure.takes_any_selectors, device.takes_any_selectors) == (True, False)


def test_policy_based_selectors_are_every_prefix_with_every_address_space():
    def edit(data):
        data["connections"][1]["use_policy_based_traffic_selectors"] = True
        space = {"address_prefixes": ["10.0.0.0/24", "10.1.10.0/25"]}
        data["local_network_gateways"][0]["local_network_address_space"] = space

    plan = changed(VPN, edit)
    azure, device = (end(plan, "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    pairs = [(str(one.local[0]), str(one.remote[0])) for one in azure.children]
    assert pairs == [("10.2.0.0/24", "10.0.0.0/24"), ("10.2.0.0/24", "10.1.10.0/25")]
    assert [(one.remote, one.local) for one in device.children] == [
        (one.local, one.remote) for one in azure.children
    ]


def test_ranges_of_one_policy_are_one_child():
    ranges = {
        "local_address_ranges": ["10.2.0.0/24"],
        "remote_address_ranges": ["10.0.0.0/24", "10.1.0.0/24"],
    }
    (child,) = end(edited(traffic_selector_policies=[ranges]), "conn-secure-0", "vpngw-secure-0").children
    assert list(map(str, child.remote)) == ["10.0.0.0/24", "10.1.0.0/24"]


# Proposals.


def test_the_default_policy_accepts_more_than_it_offers():
    assert AZURE_OFFERS.ike == AZURE_ACCEPTS.ike
    assert AZURE_OFFERS.ike[:2] == ("aes256-sha1-modp1024", "aes256-sha256-modp1024")
    assert AZURE_ACCEPTS.esp[:6] == AZURE_OFFERS.esp
    assert (len(AZURE_OFFERS.ike), len(AZURE_OFFERS.esp), len(AZURE_ACCEPTS.esp)) == (6, 6, 26)
    assert len(set(AZURE_ACCEPTS.esp)) == 26
    assert not any("modp" in proposal for proposal in AZURE_OFFERS.esp), "never offers PFS"


@pytest.mark.parametrize(
    ("changes", "ike", "esp"),
    [
        ({}, "aes256-sha384-ecp384", "aes256-sha256-modp2048"),
        ({"pfs_group": "None"}, "aes256-sha384-ecp384", "aes256-sha256"),
        ({"pfs_group": "PFSMM"}, "aes256-sha384-ecp384", "aes256-sha256-ecp384"),
        ({"pfs_group": "PFS14", "dh_group": "DHGroup14"}, "aes256-sha384-modp2048", "aes256-sha256-modp2048"),
        ({"dh_group": "DHGroup24", "pfs_group": "PFS24"}, "aes256-sha384-modp2048s256",
         "aes256-sha256-modp2048s256"),
        ({"ike_encryption": "GCMAES256"}, "aes256gcm16-prfsha384-ecp384", "aes256-sha256-modp2048"),
        ({"ipsec_encryption": "GCMAES128", "ipsec_integrity": "GCMAES128"}, "aes256-sha384-ecp384",
         "aes128gcm16-modp2048"),
        ({"ipsec_encryption": "None", "ipsec_integrity": "SHA1"}, "aes256-sha384-ecp384",
         "null-sha1-modp2048"),
        ({"ike_encryption": "DES3", "ike_integrity": "MD5", "dh_group": "DHGroup1"}, "3des-md5-modp768",
         "aes256-sha256-modp2048"),
    ],
)  # fmt: skip
def test_a_custom_policy_is_one_proposal(changes, ike, esp):
    found = custom(IpsecPolicy.model_validate(POLICY | changes))
    assert (found.ike, found.esp) == ((ike,), (esp,))


def test_a_custom_policy_is_the_only_offer_and_brings_its_lifetimes():
    one = end(edited(ipsec_policies=[POLICY]), "conn-secure-1", "vpngw-secure-1")
    assert one.offered == one.accepted
    assert (one.child_lifetime, one.child_bytes) == (3600, 2048 * 1024)


# Whether they come up.


def test_ends_that_fit_come_up():
    assert compiled(VPN).tunnels_down == ()
    assert not compiled(VPN).expected_down


@pytest.mark.parametrize(
    "tunnel",
    [
        {"shared_key": "another"},
        {"ipsec_policies": [POLICY]},
    ],
)
def test_ends_that_differ_on_purpose_stay_down_and_bgp_inside_with_them(tunnel):
    plan = with_device(**tunnel)
    assert plan.tunnels_down == ("conn-secure-0", "conn-secure-1")
    assert set(plan.expected_down) == {
        ("vpn1", "vpngw-secure-0"),
        ("vpn1", "vpngw-secure-1"),
        ("vpngw-secure-0", "vpn1"),
        ("vpngw-secure-1", "vpn1"),
    }


def no_filter(data):
    del data["express_route_circuits"][0]["peerings"][1]["route_filter"]


def another_region(data):
    data["route_filters"][0]["rules"][0]["communities"] = ["12076:51004"]


def not_validated(data):
    config = data["express_route_circuits"][0]["peerings"][1]["microsoft_peering_config"]
    config["advertised_public_prefixes_state"] = "ValidationNeeded"


@pytest.mark.parametrize("edit", [no_filter, another_region, not_validated])
def test_a_tunnel_without_a_way_outside_stays_down_and_bgp_inside_with_it(edit):
    plan = changed(VPN, edit)
    assert plan.tunnels_down == ("conn-secure-0", "conn-secure-1")
    assert inner_sessions(plan) <= set(plan.expected_down)


def test_one_path_of_microsoft_peering_is_way_enough():
    def edit(data):
        primary = data["on_premises"][0]["edge_routers"][0]["attachments"]
        del primary[1]

    assert changed(VPN, edit).tunnels_down == ()


def test_pfs_is_no_obstacle_at_first_because_the_first_child_has_no_key_exchange():
    one, other = (end(compiled(VPN), "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    strict = replace(one, offered=replace(one.offered, esp=("aes256-sha1-modp2048",)))
    strict = replace(strict, accepted=strict.offered)
    without = replace(other, accepted=other.offered)
    assert can_come_up(strict, without)


def test_selectors_matter_only_when_azure_starts():
    one, other = (end(compiled(VPN), "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    narrow = replace(one, children=(Child("a", (ip_network("10.9.0.0/16"),), (ip_network("10.8.0.0/16"),)),))
    foreign = replace(
        other, children=(Child("b", (ip_network("10.7.0.0/16"),), (ip_network("10.6.0.0/16"),)),)
    )
    assert can_come_up(narrow, foreign), "the device asks, and Azure takes what it is asked for"
    assert not can_come_up(narrow, replace(foreign, initiation=Initiation.NEVER))


def test_nobody_starts_nobody_comes():
    one, other = (end(compiled(VPN), "conn-secure-0", node) for node in ("vpngw-secure-0", "vpn1"))
    never = Initiation.NEVER
    assert not can_come_up(replace(one, initiation=never), replace(other, initiation=never))


# BGP inside, and the ways around.


def test_the_gateway_calls_and_the_device_waits():
    plan = compiled(VPN)
    near, far = neighbor(plan, "vpngw-secure-0", "vpn1"), neighbor(plan, "vpn1", "vpngw-secure-0")
    assert (near.passive, far.passive) == (False, True)
    assert (str(near.local_address), str(near.peer_address)) == ("10.2.0.228", "172.16.0.3")
    assert (near.peer_asn, far.peer_asn, near.max_prefixes) == (65010, 65000, 4000)
    assert near.ttl is far.ttl is None, "several hops"
    assert {end.namespace for end in plan.tunnels if begins_inside(plan, end)} == {
        "vpngw-secure-0",
        "vpngw-secure-1",
    }


def with_apipa(data):
    device = data["on_premises"][0]["vpn_devices"][0]
    device["bgp_peering_address"] = "169.254.21.1"
    data["local_network_gateways"][0]["bgp_settings"]["bgp_peering_address"] = "169.254.21.1"
    for index, one in enumerate(data["virtual_network_gateways"][1]["ip_configurations"]):
        one["custom_bgp_ip_address"] = f"169.254.21.{2 + index}"


def test_with_apipa_the_device_calls():
    plan = changed(VPN, with_apipa)
    near, far = neighbor(plan, "vpngw-secure-0", "vpn1"), neighbor(plan, "vpn1", "vpngw-secure-0")
    assert (near.passive, far.passive) == (True, False)
    assert str(near.local_address) == "169.254.21.2"
    assert {end.namespace for end in plan.tunnels if begins_inside(plan, end)} == {"vpn1"}
    assert not plan.expected_down


def test_with_apipa_nobody_calls_when_the_device_waits():
    def edit(data):
        with_apipa(data)
        waits = {"connection": "conn-secure", "bgp_passive": True}
        data["on_premises"][0]["vpn_devices"][0]["tunnels"] = [waits]

    plan = changed(VPN, edit)
    near, far = neighbor(plan, "vpngw-secure-0", "vpn1"), neighbor(plan, "vpn1", "vpngw-secure-0")
    assert (near.passive, far.passive) == (True, True)
    assert {("vpn1", "vpngw-secure-0"), ("vpngw-secure-0", "vpn1")} <= set(plan.expected_down)
    assert not plan.tunnels_down


@pytest.mark.parametrize("paths", [None, 1, 3])
def test_a_device_uses_as_many_equal_paths_as_it_is_told(paths):
    def edit(data):
        if paths is not None:
            data["on_premises"][0]["vpn_devices"][0]["maximum_paths"] = paths

    plan = changed(VPN, edit)
    assert plan.speaker("vpn1").config.maximum_paths == (paths or 8)
    assert plan.speaker("core1").config.maximum_paths == 8


def test_azure_timers_are_used_in_the_azure_profile():
    plan = changed(VPN, lambda data: data.update(timers="azure"))
    timers = neighbor(plan, "vpngw-secure-0", "vpn1").timers
    assert (timers.keepalive, timers.hold) == (60, 180)


def static(data):
    data["connections"][1]["enable_bgp"] = False
    space = {"address_prefixes": ["10.0.0.0/24", "10.1.10.0/25"]}
    data["local_network_gateways"][0]["local_network_address_space"] = space


def test_a_connection_without_bgp_has_no_session_but_routes():
    plan = changed(VPN, static)
    assert "vpngw-secure-0" not in {speaker.namespace for speaker in plan.speakers}
    assert not any(one.startswith("vpngw") for one in neighbors(plan, "vpn1"))
    azure, device = (end(plan, "conn-secure-1", node) for node in ("vpngw-secure-1", "vpn1"))
    assert list(map(str, azure.routes)) == ["10.0.0.0/24", "10.1.10.0/25"]
    assert list(map(str, device.routes)) == ["10.2.0.0/24"]
    assert (azure.metric, device.metric) == (0, 1), "on the device the other tunnel is first"
    assert azure.inner_peer_address is None


def test_static_routes_reach_as_far_as_bgp():
    lab = Network(changed(VPN, static))
    assert lab.reaches("app1", "10.2.0.4")
    assert lab.reaches("vm-secure", "10.0.0.10")
    (known,) = lab.known("core1", "10.2.0.0/24")
    assert known["peer"] == "vpn1"


def test_far_ends_are_reached_outside_whatever_is_learned_inside():
    plan = compiled(VPN)
    for far in ("52.175.253.112/32", "52.175.250.191/32"):
        assert routes(plan, "vpn1")[far] == ("203.0.113.109",)
    assert routes(plan, "vpngw-secure-1")["203.0.113.110/32"] == ("100.64.64.2",)


def test_host_and_machine_reach_each_other_through_both_tunnels_and_never_in_clear():
    lab = Network(compiled(VPN))
    assert lab.reaches("app1", "10.2.0.4")
    assert lab.reaches("vm-secure", "10.0.0.10")
    passed = {path[2] for path in lab.paths("app1", "10.2.0.4")}
    assert passed == {"vpn1"}
    assert {path[3] for path in lab.paths("app1", "10.2.0.4")} == {"vpngw-secure-0", "vpngw-secure-1"}


def test_the_device_tells_azure_the_zones_own_prefixes_only():
    lab = Network(compiled(VPN))
    learned = {route["prefix"] for route in lab.engines["vpngw-secure-0"].routes()}
    assert learned == {"10.0.0.0/24", "10.1.10.0/25", "10.2.0.0/24"}


def test_without_a_tunnel_nothing_leaves_the_private_side():
    lab = Network(without_tunnels(compiled(VPN)))
    assert not lab.reaches("vm-secure", "10.0.0.10")
    assert not lab.reaches("app1", "10.2.0.4")


def test_without_tunnels_nobody_is_told_to_look_at_them():
    plan = compiled(VPN)
    shown = " ".join(one.command for one in plan.suggestions)
    assert "show tunnels vpn1" in shown
    assert "10.2.0.4" in shown
    assert [one for one in plan.suggestions if one not in without_tunnels(plan).suggestions] == [
        one for one in plan.suggestions if one.command.endswith((" 10.2.0.4", "tunnels vpn1"))
    ]


def test_inner_sessions_are_those_through_tunnels():
    plan = compiled(VPN)
    assert ("vpn1", "vpngw-secure-0") in inner_sessions(plan)
    assert ("vpn1", "core1") not in inner_sessions(plan)
    assert inner_sessions(plan, {"conn-secure-1"}) == {
        ("vpn1", "vpngw-secure-1"),
        ("vpngw-secure-1", "vpn1"),
    }
    assert inner_sessions(plan) < sessions_at_tunnels(plan)


def test_the_clamp_is_in_both_directions_of_every_tunnel():
    text = render_clamp([end(compiled(VPN), "conn-secure-0", "vpn1")])
    assert text.count("tcp option maxseg size > 1350 tcp option maxseg size set 1350") == 2
    assert 'iifname "vpngw-secure-0"' in text
    assert 'oifname "vpngw-secure-0"' in text
