"""What holds of every plan, whatever the topology."""

from __future__ import annotations

from collections import Counter

import pytest
from plan_builders import FILES, compiled

from lab.plan.queries import interfaces_of, own_addresses
from lab.plan.segments import segments
from lab.plan.types import Endpoint, Role

pytestmark = pytest.mark.parametrize("plan", [pytest.param(compiled(name), id=name) for name in FILES])


def ends(plan):
    """Every end of a session: its namespace, its AS, and the neighbour it is configured with."""
    return [
        (speaker.namespace, speaker.config.asn, near)
        for speaker in plan.speakers
        for near in speaker.config.neighbors
    ]


def up(plan):
    return [end for end in ends(plan) if (end[0], end[2].name) not in plan.expected_down]


def test_interface_names_are_unique_in_their_namespace_and_short_enough(plan):
    for namespace in plan.namespaces:
        names = list(interfaces_of(plan, namespace.name))
        assert len(set(names)) == len(names), namespace.name
        assert all(0 < len(name) <= 15 and name != "lo" for name in names)


def test_every_fact_is_about_a_namespace_that_exists(plan):
    known = {namespace.name for namespace in plan.namespaces}
    mentioned = {end.namespace for wire in plan.wires for end in (wire.a, wire.b)}
    for facts in (plan.sub_interfaces, plan.bridges, plan.addresses, plan.static_routes, plan.filters):
        mentioned |= {fact.namespace for fact in facts}
    mentioned |= {sub.port.namespace for sub in plan.sub_interfaces}
    mentioned |= {speaker.namespace for speaker in plan.speakers}
    assert mentioned <= known


def test_every_namespace_belongs_to_a_node_and_every_node_has_its_base(plan):
    nodes = [node.name for node in plan.nodes]
    assert len(set(nodes)) == len(nodes)
    assert {namespace.node for namespace in plan.namespaces} == set(nodes)
    assert {namespace.node for namespace in plan.namespaces if namespace.vrf is None} == set(nodes)


def test_a_base_namespace_with_tables_beside_it_forwards_nothing(plan):
    with_tables = {namespace.node for namespace in plan.namespaces if namespace.vrf is not None}
    bases = [one for one in plan.namespaces if one.vrf is None and one.node in with_tables]
    assert not any(namespace.forwarding for namespace in bases)


def test_addresses_sit_on_interfaces_that_exist(plan):
    for assigned in plan.addresses:
        assert assigned.ifname == "lo" or assigned.ifname in set(interfaces_of(plan, assigned.namespace))


def test_bridge_ports_exist_hold_no_address_and_serve_one_bridge(plan):
    addressed = {(assigned.namespace, assigned.ifname) for assigned in plan.addresses}
    ports = [(bridge.namespace, port) for bridge in plan.bridges for port in bridge.ports]
    assert len(set(ports)) == len(ports)
    for namespace, port in ports:
        assert port in set(interfaces_of(plan, namespace))
        assert (namespace, port) not in addressed


def test_trunks_carry_tags_and_nothing_else(plan):
    trunks = {end for wire in plan.wires if wire.trunk for end in (wire.a, wire.b)}
    assert {sub.port for sub in plan.sub_interfaces} <= trunks
    assert not {Endpoint(one.namespace, one.ifname) for one in plan.addresses} & trunks
    assert all(wire.mtu >= 1600 for wire in plan.wires if wire.trunk)
    tags = Counter((sub.port, sub.c_tag, sub.s_tag) for sub in plan.sub_interfaces)
    assert max(tags.values(), default=1) == 1


def test_a_sub_interfaces_port_is_in_its_own_node(plan):
    for sub in plan.sub_interfaces:
        assert sub.namespace.partition("/")[0] == sub.port.namespace.partition("/")[0]


def test_no_address_is_twice_in_a_segment_unless_a_session_was_broken_on_purpose(plan):
    joined = segments(plan)
    found = Counter(
        (joined[Endpoint(assigned.namespace, assigned.ifname)], assigned.address.ip)
        for assigned in plan.addresses
    )
    twice = [address for (_, address), times in found.items() if times > 1]
    assert not twice or plan.expected_down


def test_both_ends_of_a_session_mirror_each_other(plan):
    by_addresses = {(near.local_address, near.peer_address): (asn, near) for _, asn, near in up(plan)}
    for _, asn, near in up(plan):
        far_asn, far = by_addresses[near.peer_address, near.local_address]
        assert (near.peer_asn, far.peer_asn) == (far_asn, asn)
        assert near.passive != far.passive
        assert near.password == far.password
        assert near.add_path == far.add_path
        assert near.ttl == far.ttl


def test_a_peer_is_named_after_the_namespace_that_has_its_address(plan):
    for namespace, _, near in up(plan):
        owners = [one.name for one in plan.namespaces if near.peer_address in own_addresses(plan, one.name)]
        assert owners == [near.name.removesuffix("-ipv6")]
        assert near.local_address in own_addresses(plan, namespace)


def test_a_peers_address_is_on_a_connected_network(plan):
    for speaker in plan.speakers:
        for near in speaker.config.neighbors:
            assert any(near.peer_address in network for network in speaker.config.connected)


def test_neighbour_names_and_bgp_identifiers_are_unique(plan):
    for speaker in plan.speakers:
        names = [near.name for near in speaker.config.neighbors]
        assert len(set(names)) == len(names)
        assert speaker.config.name == speaker.namespace
    identifiers = [speaker.config.bgp_identifier for speaker in plan.speakers]
    assert len(set(identifiers)) == len(identifiers)


def test_the_msee_waits_and_counts_what_it_is_told(plan):
    for namespace, _, near in ends(plan):
        if plan.node(namespace.partition("/")[0]).role is Role.MSEE and not near.name.startswith("msnet"):
            assert near.passive
            assert near.ttl == 1
            to_gateway = plan.node(near.name.partition("/")[0].removesuffix("-ipv6")).role is Role.ER_GATEWAY
            assert (near.max_prefixes is None) == to_gateway  # a gateway counts for itself


def test_next_hops_of_static_routes_are_on_a_connected_network_or_onlink(plan):
    for route in plan.static_routes:
        networks = [
            assigned.address.network
            for assigned in plan.addresses
            if assigned.namespace == route.namespace and assigned.ifname != "lo"
        ]
        assert route.prefix not in networks
        for next_hop in route.next_hops:
            assert route.onlink or any(next_hop in network for network in networks)
        assert not route.onlink or route.ifname in set(interfaces_of(plan, route.namespace))


def test_a_speakers_own_prefixes_are_in_its_kernel_already(plan):
    for speaker in plan.speakers:
        known = set(speaker.config.connected)
        known |= {route.prefix for route in plan.static_routes if route.namespace == speaker.namespace}
        assert {origination.prefix for origination in speaker.config.originations} <= known


def test_filters_speak_of_interfaces_that_exist(plan):
    assert len({one.namespace for one in plan.filters}) == len(plan.filters)
    for found in plan.filters:
        names = set(interfaces_of(plan, found.namespace))
        for rule in found.rules:
            assert {*rule.in_interfaces, *rule.out_interfaces} <= names


def test_groups_begin_with_one_of_four_places(plan):
    places = {"on-premises", "provider", "microsoft", "azure"}
    assert {node.group[0] for node in plan.nodes} <= places
