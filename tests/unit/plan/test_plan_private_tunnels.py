"""Tunnels over private peering: between private addresses, beside ExpressRoute in the clear."""

from __future__ import annotations

from plan_builders import changed, compiled, neighbor, routes
from plan_network import Network

PRIVATE = "vpn-over-private-peering"
GATEWAYS, MSEES = {"10.17.11.78", "10.17.11.79"}, {"10.17.11.68", "10.17.11.69"}


def test_tunnels_end_on_the_instances_private_addresses():
    plan = compiled(PRIVATE)
    pairs = {(str(one.local_address), str(one.remote_address)) for one in plan.tunnels}
    assert pairs == {pair for gateway in GATEWAYS for pair in (("10.1.0.2", gateway), (gateway, "10.1.0.2"))}
    assert all(one.identity == one.local_address for one in plan.tunnels)
    assert plan.tunnels_down == ()


def test_without_the_flag_they_end_on_the_public_ones_which_nobody_reaches_here():
    def edit(data):
        del data["connections"][1]["use_local_azure_ip_address"]

    plan = changed(PRIVATE, edit)
    assert {str(one.remote_address) for one in plan.tunnels if one.namespace == "vpn1"} == {
        "52.175.253.112",
        "52.175.250.191",
    }
    assert plan.tunnels_down == ("conn-vault-0", "conn-vault-1")


def test_outer_packets_take_the_network_and_private_peering():
    plan = compiled(PRIVATE)
    assert routes(plan, "vpngw-corp-0")["10.1.0.2/32"] == ("10.17.11.65",)
    assert routes(plan, "vpn1")["10.17.11.78/32"] == ("10.1.0.1",)
    paths = Network(plan).paths("vpngw-corp-0", "10.1.0.2")
    assert paths
    assert all("vnet-corp" in path and path[-2:] == ("vpn1", "arrived") for path in paths)


def test_without_a_way_over_private_peering_there_is_no_tunnel():
    def edit(data):
        data["on_premises"][0]["prefix_lists"][0]["rules"] = [{"prefix": "10.0.0.0/24"}]

    assert compiled(PRIVATE).tunnels_down == ()
    assert changed(PRIVATE, edit).tunnels_down == ("conn-vault-0", "conn-vault-1")


def test_bgp_runs_from_apipa_and_the_device_calls():
    near, far = (
        neighbor(compiled(PRIVATE), *pair) for pair in (("vpngw-corp-0", "vpn1"), ("vpn1", "vpngw-corp-0"))
    )
    assert (str(near.local_address), str(near.peer_address)) == ("169.254.21.10", "169.254.21.1")
    assert (near.passive, far.passive) == (True, False)


def test_disjoint_prefixes_keep_the_two_ways_apart():
    lab = Network(compiled(PRIVATE))
    assert set(lab.next_hops("vnet-corp", "10.0.0.0/24")) == MSEES
    assert set(lab.next_hops("vnet-corp", "10.0.1.0/24")) == GATEWAYS
    assert lab.reaches("vm-corp", "10.0.1.10")
    assert all("vpn1" in path for path in lab.paths("safe1", "10.17.1.4"))
    assert all("vpn1" not in path for path in lab.paths("app1", "10.17.1.4"))


def test_who_is_said_to_use_the_tunnels_does():
    shown = {one.shows: one.command for one in compiled(PRIVATE).suggestions}
    assert shown["safe1 reaches vm-corp through the tunnels"] == "exec safe1 -- ping -c 3 10.17.1.4"
    assert shown["app1 reaches vm-corp over private peering"] == "exec app1 -- ping -c 3 10.17.1.4"


def test_a_more_specific_prefix_through_the_tunnels_wins():
    lab = Network(compiled(PRIVATE))
    lab.originate("core1", "10.0.0.0/16")
    assert set(lab.next_hops("vnet-corp", "10.0.0.0/16")) == MSEES
    assert set(lab.next_hops("vnet-corp", "10.0.1.0/24")) == GATEWAYS


def test_an_identical_prefix_goes_by_expressroute():
    lab = Network(compiled(PRIVATE))
    lab.originate("core1", "10.0.1.0/24")
    assert set(lab.next_hops("vnet-corp", "10.0.1.0/24")) == MSEES
    assert all("vpn1" not in path for path in lab.paths("vm-corp", "10.0.1.10"))
