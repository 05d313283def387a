"""Virtual appliances as the Azure end of tunnels: translated addresses, BGP inside, route tables."""

from __future__ import annotations

import pytest
from plan_builders import address, changed, compiled, neighbor, packet_filter, routes
from plan_network import Network

from lab.ipsec.charon import connections, secret
from lab.plan.changes import changes_between
from lab.plan.dump import dump
from lab.plan.errors import PlanError
from lab.plan.render.translation import render_translations
from lab.plan.tunnels import can_come_up

NVA = "nva-termination"
PRIVATE, PUBLIC, DEVICE = "10.2.0.68", "52.175.253.112", "203.0.113.110"


def ends(plan, name="nva1-seattle-0"):
    """The appliance's and the device's."""
    pair = {one.namespace: one for one in plan.tunnels if one.name == name}
    return pair["nva1"], pair["vpn1"]


def machine(data, name):
    return next(one for one in data["virtual_machines"] if one["name"] == name)


def not_forwarding(data):
    machine(data, "nva1")["enable_ip_forwarding"] = False


# The tunnel, and the translation on its way.


def test_the_appliance_has_its_private_address_and_the_device_knows_the_public_one():
    near, far = ends(compiled(NVA))
    assert (str(near.local_address), str(near.remote_address)) == (PRIVATE, DEVICE)
    assert (str(far.local_address), str(far.remote_address)) == (DEVICE, PUBLIC)
    assert address(compiled(NVA), "nva1:eth0") == [f"{PRIVATE}/27"]
    assert not any(PUBLIC in str(one.address) for one in compiled(NVA).addresses), "nobody has it"
    assert can_come_up(near, far)


def test_the_appliance_proves_to_be_the_address_it_is_known_by():
    near, far = ends(compiled(NVA))
    for ours, theirs in zip(connections(near).values(), connections(far).values(), strict=True):
        assert ours["local_addrs"] == [PRIVATE]
        assert ours["local"]["id"] == theirs["remote"]["id"] == PUBLIC
        assert ours["remote"]["id"] == theirs["local"]["id"] == DEVICE
    assert set(secret(near)[1]["owners"]) == set(secret(far)[1]["owners"]) == {PUBLIC, DEVICE}


def test_the_virtual_network_translates_on_its_way_to_microsofts_edge():
    assert [
        (one.namespace, one.ifname, str(one.inside), str(one.outside)) for one in compiled(NVA).translations
    ] == [
        ("vnet-secure", "msnet", PRIVATE, PUBLIC),
        ("vnet-secure", "msnet", "10.2.0.69", "52.175.250.191"),
    ]
    plan = compiled(NVA)
    assert routes(plan, "msnet")[f"{PUBLIC}/32"] == ("100.64.192.0",)
    assert routes(plan, "vnet-secure")["0.0.0.0/0"] == ("100.64.192.1",)
    assert f"translate vnet-secure:msnet {PRIVATE} <-> {PUBLIC}" in dump(plan)


def test_both_directions_are_rewritten():
    (one, *_) = compiled(NVA).translations
    text = render_translations([one])
    assert f'iifname "msnet" ip daddr {PUBLIC} ip daddr set {PRIVATE}' in text
    assert f'oifname "msnet" ip saddr {PRIVATE} ip saddr set {PUBLIC}' in text


def test_machines_without_a_public_address_do_not_get_out():
    lab = Network(compiled(NVA))
    assert lab.paths("vm-secure", DEVICE) == [("vm-secure", "vnet-secure", "filtered")]
    assert all(path[:3] == ("nva1", "vnet-secure", "msnet") for path in lab.paths("nva1", "203.0.113.109"))


# Without a public address, or where nobody may forward.


def test_an_appliance_needs_a_public_address():
    def edit(data):
        del machine(data, "nva1")["public_ip_address"]

    with pytest.raises(PlanError, match="nva1 ends tunnels and has no public address"):
        changed(NVA, edit)


def test_without_ip_forwarding_bgp_is_up_and_packets_are_lost():
    plan = changed(NVA, not_forwarding)
    assert plan.tunnels_down == plan.expected_down == ()
    assert [rule.comment for rule in packet_filter(plan, "nva1").rules].count(
        "IP forwarding is not enabled"
    ) == 2
    assert not Network(plan).reaches("vm-secure", "10.0.0.10")


def test_nothing_goes_back_by_the_port_it_came_in():
    """What belongs into a tunnel that is down would go round between appliance and network."""
    (rule,) = packet_filter(compiled(NVA), "nva1").rules
    assert rule.in_interfaces == rule.out_interfaces == ("eth0",)


# BGP inside, and the route table.


def test_bgp_runs_between_loopbacks_and_the_appliance_calls():
    plan = compiled(NVA)
    near, far = neighbor(plan, "nva1", "vpn1"), neighbor(plan, "vpn1", "nva1")
    assert (str(near.local_address), str(near.peer_address)) == ("172.16.1.1", "172.16.0.3")
    assert (near.peer_asn, far.peer_asn) == (65010, 65020)
    assert (near.passive, far.passive) == (False, True)
    assert near.max_prefixes is None, "no gateway's limit"
    assert address(plan, "nva1:lo") == ["172.16.1.1/32"]


def test_the_device_learns_the_network_from_both_and_the_appliances_your_prefixes():
    lab = Network(compiled(NVA))
    assert set(lab.next_hops("vpn1", "10.2.0.0/24")) == {"172.16.1.1", "172.16.1.2"}
    assert lab.next_hops("nva2", "10.0.0.0/24") == ("172.16.0.3",)
    assert lab.reaches("app1", "10.2.0.4")


def test_the_way_back_is_the_route_tables():
    plan = compiled(NVA)
    assert routes(plan, "vnet-secure")["10.0.0.0/16"] == (PRIVATE,)
    paths = Network(plan).paths("vm-secure", "10.0.0.10")
    assert paths
    assert all("nva1" in path and "nva2" not in path for path in paths)


def test_a_route_of_type_none_drops():
    def edit(data):
        route = data["route_tables"][0]["routes"][0]
        route["next_hop_type"] = "None"
        del route["next_hop_ip_address"]

    plan = changed(NVA, edit)
    assert routes(plan, "vnet-secure")["10.0.0.0/16"] == ()
    assert not Network(plan).reaches("vm-secure", "10.0.0.10")


def test_a_table_that_no_subnet_names_routes_nothing():
    def edit(data):
        del data["virtual_networks"][0]["subnets"][0]["route_table"]

    assert "10.0.0.0/16" not in routes(changed(NVA, edit), "vnet-secure")


def test_a_running_lab_takes_over_another_next_hop_and_no_other_translation():
    def other_hop(data):
        data["route_tables"][0]["routes"][0]["next_hop_ip_address"] = "10.2.0.69"

    def other_address(data):
        machine(data, "nva1")["public_ip_address"] = "52.175.192.9"

    (route,) = changes_between(compiled(NVA), changed(NVA, other_hop)).routes
    assert [str(hop) for hop in route.next_hops] == ["10.2.0.69"]
    with pytest.raises(PlanError):
        changes_between(compiled(NVA), changed(NVA, other_address))
