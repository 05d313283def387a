"""What belongs into a tunnel does not leave by another route while there is none."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from plan_builders import changed, compiled, routes
from plan_network import Network

from lab.plan.changes import Changes, changes_between
from lab.plan.dump import dump
from lab.plan.tunnel_facts import without_tunnels
from lab.plan.types import StaticRoute

VPN, PRIVATE, NVA = "expressroute-vpn", "vpn-over-private-peering", "nva-termination"
RESERVED = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"}


def last_resorts(plan, namespace):
    found = [one for one in plan.static_routes if one.namespace == namespace and one.last_resort]
    assert all(one.next_hops == () for one in found)
    return {str(one.prefix) for one in found}


def without_discards(data):
    data["on_premises"][0]["vpn_devices"][0]["discard_routes"] = False


# On premises.


@pytest.mark.parametrize(("topology", "network"), [(VPN, "10.2.0.0/24"), (PRIVATE, "10.17.0.0/16")])
def test_a_device_has_a_last_resort_for_what_its_tunnels_lead_to(topology, network):
    assert last_resorts(compiled(topology), "vpn1") == {network}
    assert last_resorts(changed(topology, without_discards), "vpn1") == set()


def test_networks_that_use_the_gateway_have_one_too():
    def edit(data):
        secure = data["virtual_networks"][1]
        secure["virtual_network_peerings"] = [
            {"name": "out", "remote_virtual_network": "vnet-spoke", "allow_gateway_transit": True}
        ]
        data["virtual_networks"].append(
            {
                "name": "vnet-spoke",
                "location": "West US 2",
                "address_space": {"address_prefixes": ["10.3.0.0/24"]},
                "subnets": [{"name": "workload", "address_prefixes": ["10.3.0.0/25"]}],
                "virtual_network_peerings": [
                    {"name": "in", "remote_virtual_network": "vnet-secure", "use_remote_gateways": True}
                ],
            }
        )

    assert last_resorts(changed(VPN, edit), "vpn1") == {"10.2.0.0/24", "10.3.0.0/24"}


def test_what_the_device_sends_itself_stays_inside_without_tunnels():
    """Private peering next to it leads to the same network, in the clear."""
    assert not Network(without_tunnels(compiled(PRIVATE))).reaches("vpn1", "10.17.1.4")
    assert Network(without_tunnels(changed(PRIVATE, without_discards))).reaches("vpn1", "10.17.1.4")


def test_the_last_resort_is_behind_what_bgp_brings():
    network = Network(compiled(VPN))
    assert network.reaches("vpn1", "10.2.0.4")
    assert network.reaches("app1", "10.2.0.4")


def test_it_can_change_in_a_lab_that_runs():
    with_it, without_it = compiled(VPN), changed(VPN, without_discards)
    route = StaticRoute("vpn1", ip_network("10.2.0.0/24"), (), last_resort=True)
    said = "vpn1: static route to 10.2.0.0/24"
    assert changes_between(with_it, without_it) == Changes((f"{said} removed",), removed_routes=(route,))
    assert changes_between(without_it, with_it) == Changes((f"{said} added",), routes=(route,))


# In Azure.


def test_a_vpn_gateway_sends_nothing_reserved_to_the_internet():
    plan = compiled(VPN)
    for instance in ("vpngw-secure-0", "vpngw-secure-1"):
        assert last_resorts(plan, instance) == RESERVED
    assert last_resorts(plan, "ergw-corp-0") == set(), "it has no way there"


def test_a_network_with_a_way_to_the_internet_sends_nothing_reserved_there():
    assert last_resorts(compiled(NVA), "vnet-secure") == RESERVED
    assert last_resorts(compiled(VPN), "vnet-secure") == set(), "it has no such way"


@pytest.mark.parametrize("space", ["172.16.0.0/12", "172.0.0.0/11"])
def test_reserved_prefixes_in_the_networks_own_space_are_its_own(space):
    def edit(data):
        data["virtual_networks"][0]["address_space"]["address_prefixes"].append(space)
        data["on_premises"][0]["vpn_devices"][0]["bgp_peering_address"] = "198.51.100.3"

    plan = changed(NVA, edit)
    assert last_resorts(plan, "vnet-secure") == RESERVED - {"172.16.0.0/12"}
    assert routes(plan, "vnet-secure")[space] == ()


def table(prefix):
    def edit(data):
        data["route_tables"][0]["routes"][0]["address_prefix"] = prefix

    return changed(NVA, edit)


def test_a_route_table_wins():
    assert last_resorts(table("10.0.0.0/8"), "vnet-secure") == RESERVED - {"10.0.0.0/8"}
    assert routes(table("10.0.0.0/8"), "vnet-secure")["10.0.0.0/8"] == ("10.2.0.68",)


def test_a_default_route_of_a_table_takes_them_all_away():
    assert last_resorts(table("0.0.0.0/0"), "vnet-secure") == set()


def test_one_beside_another_route_to_its_prefix_is_a_route_of_its_own():
    """A table's route that is taken out leaves the system's."""
    plan, after = table("10.0.0.0/8"), table("10.0.0.0/16")
    found = changes_between(plan, after)
    assert [(str(one.prefix), one.last_resort) for one in found.removed_routes] == [("10.0.0.0/8", False)]
    assert [(str(one.prefix), one.last_resort) for one in found.routes] == [
        ("10.0.0.0/16", False),
        ("10.0.0.0/8", True),
    ]


def test_the_dump_tells_them_from_others():
    assert "route vpn1 10.2.0.0/24 blackhole last resort" in dump(compiled(VPN))
