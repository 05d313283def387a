"""Interface names, addresses and segments: the small tools of the passes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from lab.plan.addresses import first_of, holding, link, usable
from lab.plan.errors import PlanError
from lab.plan.names import ifname, port_to
from lab.plan.segments import segments
from lab.plan.types import AddressAssignment, Bridge, Endpoint, Plan, SubInterface, Wire


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ce1", "ce1"),
        ("vpngw-secure-0", "vpngw-secure-0"),
        ("exactly-15-long", "exactly-15-long"),
        ("er-seattle-msee1", "er-sea728-msee1"),
        ("er-seattle-msee2", "er-sea692-msee2"),
        ("averyveryverylongname", "averyveryver9f3"),
        ("ends-in-averylongword", "ends-in-aver3b1"),
    ],
)
def test_a_long_interface_name_keeps_its_ends_and_stays_apart(text, expected):
    assert ifname(text) == expected
    assert len(expected) <= 15


def test_a_port_is_named_after_the_node_at_its_other_end():
    assert port_to("pe1") == "to-pe1"


@pytest.mark.parametrize(
    ("network", "ordinal", "expected"),
    [
        ("192.0.2.0/30", 1, "192.0.2.1/30"),
        ("192.0.2.0/30", 2, "192.0.2.2/30"),
        ("192.0.2.0/31", 1, "192.0.2.0/31"),
        ("192.0.2.0/31", 2, "192.0.2.1/31"),
        ("192.0.2.7/32", 1, "192.0.2.7/32"),
        ("2001:db8::/126", 1, "2001:db8::1/126"),
        ("2001:db8::/126", 3, "2001:db8::3/126"),
        ("2001:db8::/127", 1, "2001:db8::/127"),
    ],
)
def test_usable_addresses_are_counted_from_one(network, ordinal, expected):
    assert str(usable(ip_network(network), ordinal)) == expected


@pytest.mark.parametrize(
    ("network", "ordinal"), [("192.0.2.0/30", 3), ("192.0.2.0/31", 3), ("192.0.2.7/32", 2)]
)
def test_there_is_no_usable_address_beyond_the_last(network, ordinal):
    with pytest.raises(PlanError, match=f"no usable address number {ordinal}"):
        usable(ip_network(network), ordinal)


def test_links_are_cut_out_of_a_block_in_order():
    block = ip_network("100.64.0.0/29")
    assert [str(end) for end in link(block, 3)] == ["100.64.0.6/31", "100.64.0.7/31"]
    with pytest.raises(PlanError):
        link(block, 4)


def test_networks_are_found_by_version_and_by_what_they_hold():
    networks = [ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("10.1.0.0/16")]
    assert first_of(networks, 6) == networks[1]
    assert holding(networks, ip_network("10.1.2.3/32").network_address) == networks[2]
    assert holding(networks, ip_network("192.0.2.1/32").network_address) is None


def test_segments_join_wires_bridges_and_equal_tags():
    near, far = Endpoint("a", "trunk"), Endpoint("b", "trunk")
    plan = Plan(
        "test",
        wires=(
            Wire("w", Endpoint("h", "eth0"), Endpoint("s", "h")),
            Wire("t", near, far, trunk=True),
        ),
        sub_interfaces=(
            SubInterface("a", "er100", near, 100),
            SubInterface("b", "er100", far, 100),
            SubInterface("a", "er200", near, 200),
            SubInterface("b", "er200", far, 200, s_tag=5),
        ),
        bridges=(Bridge("s", "br", ("h", "x")),),
        addresses=(AddressAssignment("alone", "eth0", usable(ip_network("10.0.0.0/24"), 1)),),
    )
    joined = segments(plan)
    assert joined[Endpoint("h", "eth0")] == joined[Endpoint("s", "br")] == joined[Endpoint("s", "x")]
    assert joined[Endpoint("a", "er100")] == joined[Endpoint("b", "er100")]
    assert Endpoint("a", "er200") not in joined
    assert joined[Endpoint("alone", "eth0")] == Endpoint("alone", "eth0")
