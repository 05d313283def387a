"""Names: which must differ from which, and which the lab keeps for nodes of its own."""

from __future__ import annotations

from typing import Any

import pytest
from model_builders import REFERENCE, Changes, changed, problems_of

SITE = "on_premises.0"
RULE = {"name": "r", "source_zone": "core", "destination_zone": "dmz"}
AUTHORIZATION = {"name": "r", "authorization_key": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}
PEERING = {"name": "r", "remote_virtual_network": "vnet-secure"}

# Every object that becomes a node, by the place of its name.
NODES = {
    "express_route_circuits.0.name": "er-seattle",
    "virtual_networks.0.name": "vnet-corp",
    "virtual_network_gateways.0.name": "ergw-corp",
    "virtual_machines.0.name": "vm-corp",
    "on_premises.0.name": "seattle",
    f"{SITE}.edge_routers.0.name": "ce1",
    f"{SITE}.routers.0.name": "core1",
    f"{SITE}.hosts.0.name": "app1",
    f"{SITE}.vpn_devices.0.name": "vpn1",
    f"{SITE}.firewalls.0.name": "fw1",
}

RESERVED = [
    "msnet", "pe1", "pe2", "msee1", "msee2", "ergw-corp-0", "ergw-corp-1", "vpngw-secure-0",
    "sw-core", "sw-dmz",
]  # fmt: skip

LISTS: dict[str, list[dict[str, Any]]] = {
    "route_filters": [REFERENCE["route_filters"][0]] * 2,
    "connections": [REFERENCE["connections"][0]] * 2,
    "microsoft_network.regions": [REFERENCE["microsoft_network"]["regions"][0]] * 2,
    "express_route_circuits.0.authorizations": [AUTHORIZATION] * 2,
    "virtual_networks.0.subnets": [*REFERENCE["virtual_networks"][0]["subnets"],
                                   {"name": "WORKLOAD", "address_prefixes": ["10.17.2.0/24"]}],
    "virtual_networks.0.virtual_network_peerings": [PEERING] * 2,
    "virtual_network_gateways.0.ip_configurations": [{"name": "i"}, {"name": "I"}],
    f"{SITE}.zones": [*REFERENCE["on_premises"][0]["zones"],
                      {"name": "core", "address_prefixes": ["10.9.0.0/24"]}],
    f"{SITE}.prefix_lists": REFERENCE["on_premises"][0]["prefix_lists"] * 2,
    f"{SITE}.policies": REFERENCE["on_premises"][0]["policies"] * 2,
    f"{SITE}.policies.0.rules": REFERENCE["on_premises"][0]["policies"][0]["rules"] * 2,
    f"{SITE}.firewalls.0.rules": [RULE] * 2,
}  # fmt: skip


def broken_by(changes: Changes, rule: str) -> int:
    return sum(name == rule for name, _ in problems_of(changed(changes)))


@pytest.mark.parametrize("place", NODES)
def test_what_becomes_a_node_shares_its_name_with_no_other(place: str) -> None:
    for name in NODES.values():
        assert broken_by({place: name}, "N-10") == (name != NODES[place]), name


@pytest.mark.parametrize("name", RESERVED)
def test_the_labs_own_nodes_keep_their_names(name: str) -> None:
    assert broken_by({f"{SITE}.hosts.0.name": name}, "N-10") == 1


@pytest.mark.parametrize("name", ["pe3", "msee0", "ergw-corp-2", "ergw-corp", "sw-lan", "seattle-sw-core"])
def test_names_that_only_look_like_the_labs_are_free(name: str) -> None:
    assert broken_by({f"{SITE}.hosts.0.name": name}, "N-10") == (name == "ergw-corp")


def two_of(section: str) -> Changes:
    twin = REFERENCE[section][0] | {"name": "twin"}
    return {f"{section}.+": twin}


@pytest.mark.parametrize(("name", "taken"), [("pe1", 0), ("er-seattle-pe1", 1), ("twin-msee2", 1)])
def test_of_several_circuits_the_nodes_have_the_circuits_name_in_front(name: str, taken: int) -> None:
    changes = two_of("express_route_circuits") | {f"{SITE}.hosts.0.name": name}
    assert broken_by(changes, "N-10") == taken


@pytest.mark.parametrize(("name", "taken"), [("sw-core", 0), ("seattle-sw-core", 1), ("b-sw-dmz", 1)])
def test_of_several_sites_the_lans_have_the_sites_name_in_front(name: str, taken: int) -> None:
    assert broken_by({"on_premises.+": site("b", "dmz"), f"{SITE}.hosts.0.name": name}, "N-10") == taken


def site(name: str, zone: str) -> dict[str, Any]:
    """A site with one zone and one edge router."""
    end = {"circuit": "er-seattle", "peering_type": "MicrosoftPeering", "path": "primary", "zone": zone}
    zones = [{"name": zone, "address_prefixes": ["10.9.0.0/24"]}]
    return {
        "name": name,
        "asn": 65010,
        "zones": zones,
        "edge_routers": [{"name": "ce9", "attachments": [end]}],
    }


def test_two_nodes_of_the_labs_own_may_not_meet_either() -> None:
    """The LAN of a zone sw-a of seattle, and that of a zone a of seattle-sw."""
    changes = {f"{SITE}.zones.+": {"name": "sw-a", "address_prefixes": ["10.8.0.0/24"]}}
    assert broken_by(changes | {"on_premises.+": site("seattle-sw", "a")}, "N-10") == 1
    assert broken_by(changes | {"on_premises.+": site("seattle-sw", "b")}, "N-10") == 0


@pytest.mark.parametrize("place", LISTS)
def test_names_in_a_list_differ_whatever_their_case(place: str) -> None:
    assert broken_by({place: LISTS[place]}, "N-11") == 1
    assert broken_by({place: LISTS[place][:-1]}, "N-11") == 0


def test_policy_rules_may_be_without_a_name() -> None:
    assert broken_by({f"{SITE}.policies.0.rules": [{}, {}]}, "N-11") == 0
