"""What ExaBGP reports, as the agent hears it."""

from __future__ import annotations

import struct
from ipaddress import ip_address, ip_network

import pytest
from agent_links import attributes, heard, link
from exabgp.bgp.message.open.capability import REFRESH
from exabgp.bgp.message.refresh import RouteRefresh
from exabgp.bgp.message.update.eor import EOR
from exabgp.protocol.family import AFI, SAFI

from lab.agent.codec import encode

A, B = ip_network("10.1.0.0/16"), ip_network("10.2.0.0/16")
NLRI_A, NLRI_B = b"\x10\x0a\x01", b"\x10\x0a\x02"
NET6, NLRI6 = ip_network("fd00:1::/32"), b"\x20\xfd\x00\x00\x01"

UNDEFINED_ORIGIN = struct.pack("!BBBB", 0x40, 1, 1, 9)
"""An ORIGIN that RFC 4271 does not define."""


def message(kind, body):
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def update(attributes=b"", nlri=b"", withdrawn=b""):
    """RFC 4271 section 4.3."""
    body = struct.pack("!H", len(withdrawn)) + withdrawn + struct.pack("!H", len(attributes)) + attributes
    return message(2, body + nlri)


def packed(session, **changes):
    return encode(attributes(session.version, **changes)).pack(session.near.negotiated)


def reach(nlri, *next_hops):
    """MP_REACH_NLRI, RFC 4760 section 3; two next hops as in RFC 2545 section 3."""
    octets = b"".join(ip_address(text).packed for text in next_hops)
    value = struct.pack("!HBB", 2, 1, len(octets)) + octets + b"\0" + nlri
    return struct.pack("!BBH", 0x90, 14, len(value)) + value


def test_one_update_may_announce_and_withdraw():
    session = link()
    told = heard(session, update(packed(session), NLRI_A, NLRI_B))
    assert told.announced == {(A, 0): attributes()}
    assert told.withdrawn == [(B, 0)]


def test_path_identifiers_tell_the_paths_of_a_prefix_apart():
    session = link(add_path=True)
    told = heard(session, update(packed(session), b"\0\0\0\1" + NLRI_A + b"\xff\xff\xff\xff" + NLRI_A))
    assert set(told.announced) == {(A, 1), (A, 2**32 - 1)}


@pytest.mark.parametrize("version", [4, 6])
def test_an_end_of_rib_is_no_update(version):
    family = (AFI.ipv4 if version == 4 else AFI.ipv6, SAFI.unicast)
    session = link(version)
    told = heard(session, EOR(*family).message(session.near.negotiated))
    assert (told.ends_of_rib, told.announced, told.withdrawn) == (1, {}, [])


def test_prefixes_without_valid_attributes_are_withdrawn():
    """RFC 7606 section 7.1: treat-as-withdraw."""
    session = link()
    told = heard(session, update(UNDEFINED_ORIGIN, NLRI_A))
    assert (told.announced, told.withdrawn) == ({}, [(A, 0)])


def test_prefixes_without_a_next_hop_are_withdrawn():
    """RFC 7606 section 3 d."""
    told = heard(link(), update(bytes.fromhex("40010100 400200"), NLRI_A + NLRI_B))
    assert (told.announced, told.withdrawn) == ({}, [(A, 0), (B, 0)])


def test_of_two_ipv6_next_hops_the_global_one_counts():
    session = link(6)
    told = heard(session, update(packed(session) + reach(NLRI6, "2001:db8::1", "fe80::1")))
    assert told.announced == {(NET6, 0): attributes(6)}
    assert told.withdrawn == []


def test_an_ipv4_next_hop_may_be_link_local():
    """VPN gateways speak BGP from 169.254.21.0/24 and 169.254.22.0/24."""
    session, apipa = link(), ip_address("169.254.21.2")
    told = heard(session, update(packed(session, next_hop=apipa), NLRI_A))
    assert told.announced == {(A, 0): attributes(next_hop=apipa)}


@pytest.mark.parametrize(
    ("family", "reserved", "refreshes"),
    [
        ((AFI.ipv4, SAFI.unicast), RouteRefresh.request, 1),
        ((AFI.ipv4, SAFI.unicast), RouteRefresh.start, 0),
        ((AFI.ipv4, SAFI.unicast), RouteRefresh.end, 0),
        ((AFI.ipv6, SAFI.unicast), RouteRefresh.request, 0),
        ((AFI.ipv4, SAFI.multicast), RouteRefresh.request, 0),
    ],
    ids=["request", "begin", "end", "another family", "another subsequent family"],
)
def test_only_a_request_for_our_family_is_a_route_refresh(family, reserved, refreshes):
    told = heard(link(), RouteRefresh(*family, reserved).message())
    assert told.refreshes == refreshes


def test_two_of_our_speakers_negotiate_route_refresh():
    assert link().near.negotiated.refresh == link().far.negotiated.refresh == REFRESH.ENHANCED
