"""Arithmetic of prefixes against the plain definition of each question."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.model.prefixes import Claim, first_usable, inside, is_edge, overlaps, reserved_by_azure

SMALL = st.builds(
    lambda number, length: IPv4Network((number >> (32 - length) << (32 - length), length)),
    st.integers(0x0A000000, 0x0A0000FF),
    st.integers(26, 32),
)
PREFIXES = st.lists(
    SMALL | st.just(ip_network("2001:db8::/64")) | st.just(ip_network("::a00:0/127")), max_size=8
)


@settings(max_examples=200, database=None, derandomize=True, deadline=None)
@given(PREFIXES)
def test_overlaps_are_those_of_all_pairs(prefixes: list[IPv4Network]) -> None:
    claims = [Claim(prefix, (index,), "") for index, prefix in enumerate(prefixes)]
    found = list(overlaps(claims))
    met = {
        (a.loc, b.loc)
        for a in claims
        for b in claims
        if a.loc < b.loc and a.prefix.version == b.prefix.version and a.prefix.overlaps(b.prefix)
    }
    assert {(first.loc, second.loc) for first, second in found} <= met
    involved = {claim.loc for pair in found for claim in pair}
    assert involved == {loc for pair in met for loc in pair}


@pytest.mark.parametrize(("inner", "outers", "expected"), [
    ("10.0.0.0/24", ["10.0.0.0/24"], True), ("10.0.0.0/24", ["10.0.0.0/25", "10.0.0.128/25"], False),
    ("10.0.1.0/24", ["10.0.0.0/24", "10.0.0.0/8"], True), ("10.0.0.0/23", ["10.0.0.0/24"], False),
    ("10.0.0.0/24", ["::/0"], False), ("10.0.0.0/24", [], False),
])  # fmt: skip
def test_a_prefix_inside_one_of_others(inner: str, outers: list[str], expected: bool) -> None:
    assert inside(ip_network(inner), map(ip_network, outers)) is expected


@pytest.mark.parametrize(("prefix", "first", "edges"), [
    ("10.0.0.0/24", "10.0.0.1", ["10.0.0.0", "10.0.0.255"]),
    ("10.0.0.0/30", "10.0.0.1", ["10.0.0.0", "10.0.0.3"]),
    ("10.0.0.0/31", "10.0.0.0", []),
    ("10.0.0.0/32", "10.0.0.0", []),
    ("2001:db8::/64", "2001:db8::1", ["2001:db8::"]),
    ("2001:db8::/126", "2001:db8::1", ["2001:db8::"]),
    ("2001:db8::/127", "2001:db8::", []),
])  # fmt: skip
def test_what_a_machine_may_be_called_in_a_prefix(prefix: str, first: str, edges: list[str]) -> None:
    network = ip_network(prefix)
    assert first_usable(network) == ip_address(first)
    ends = {network[0], network[-1], network[network.num_addresses // 2]}
    assert {address for address in ends if is_edge(address, network)} == {ip_address(edge) for edge in edges}


def test_azure_keeps_five_addresses_of_a_subnet() -> None:
    subnet = ip_network("10.0.0.0/28")
    kept = [str(address) for address in subnet if reserved_by_azure(address, subnet)]
    assert kept == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.15"]
    assert isinstance(subnet[0], IPv4Address)
