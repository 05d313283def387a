"""Path attributes through ExaBGP's own packing and parsing, and back."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from agent_links import Link, attributes, link, path_attributes, unhurried
from exabgp.bgp.message.direction import Direction
from exabgp.bgp.message.open.asn import ASN
from exabgp.bgp.message.update.attribute.aspath import SEQUENCE, SET, ASPath
from exabgp.bgp.message.update.attribute.attribute import Attribute
from exabgp.bgp.message.update.attribute.attributes import Attributes
from exabgp.protocol.ip import NoNextHop
from hypothesis import given
from hypothesis import strategies as st

from lab.agent.codec import decode, encode, next_hop_of, prefix_of
from lab.bgp.route import Asn, PathAttributes

CODE = Attribute.CODE


def unpacked(session: Link, wire: bytes) -> Attributes:
    return Attributes.unpack(wire, Direction.IN, session.far.negotiated)


def carried(session: Link, sent: PathAttributes) -> PathAttributes | None:
    """What the far end of the session understands of what the near end means."""
    received = unpacked(session, encode(sent).pack(session.near.negotiated))
    if session.version == 4:
        return decode(received, received[CODE.NEXT_HOP])
    return decode(received, next_hop_of(sent.next_hop))  # it travels in MP_REACH_NLRI


# --- what arrives is what was sent ---


@pytest.mark.parametrize("version", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("internal", [False, True], ids=["external", "internal"])
@unhurried
@given(data=st.data())
def test_attributes_arrive_as_they_were_meant(version, internal, data):
    session = link(version, internal=internal)
    sent = data.draw(path_attributes(version, internal=internal))
    assert carried(session, sent) == sent


@unhurried
@given(path_attributes(4))
def test_32_bit_asns_pass_an_old_speaker(sent):
    session = link(asn4=False)
    assert not session.far.negotiated.asn4
    assert carried(session, sent) == sent


@pytest.mark.parametrize("asn4", [True, False], ids=["new speaker", "old speaker"])
@pytest.mark.parametrize("length", [254, 255, 256, 300, 511])
def test_a_path_longer_than_a_segment_arrives_in_one_piece(asn4, length):
    sent = attributes(as_path=tuple(Asn(4200000000 + number) for number in range(length)))
    assert carried(link(asn4=asn4), sent) == sent


@pytest.mark.parametrize("value", [0, 1, 2**32 - 1])
def test_zero_and_the_largest_number_are_numbers(value):
    sent = attributes(med=value, local_pref=value)
    assert carried(link(internal=True), sent) == sent


def test_no_med_is_not_a_med_of_zero():
    assert carried(link(), attributes(med=None)).med is None
    assert carried(link(), attributes(med=0)).med == 0


def test_local_pref_stays_inside_the_as():
    assert carried(link(internal=False), attributes(local_pref=300)).local_pref is None


def test_internal_peers_hear_a_local_pref_even_without_one():
    """RFC 4271 section 5.1.5: it shall be included; ExaBGP adds 100."""
    assert carried(link(internal=True), attributes(local_pref=None)).local_pref == 100


def test_equal_attributes_share_one_object():
    assert encode(attributes()) is encode(attributes())
    assert encode(attributes()) is not encode(attributes(med=8))


# --- what others may send ---


def received_with(**parts: bytes) -> PathAttributes | None:
    """Attributes from raw octets: (flags, code, value) of ORIGIN, AS_PATH, NEXT_HOP or MORE."""
    usual = {"origin": bytes.fromhex("40010100"), "as_path": bytes.fromhex("4002060201 0000fde9")}
    usual |= {"next_hop": bytes.fromhex("400304c0000202")}
    received = unpacked(link(), b"".join((usual | parts).values()))
    return decode(received, received.get(CODE.NEXT_HOP, NoNextHop))


USUAL = PathAttributes(attributes().next_hop + 1, (Asn(65001),))


def test_the_octets_of_these_tests_are_an_update():
    assert received_with() == USUAL


def test_the_members_of_an_as_set_stand_in_the_path_one_by_one():
    path = ASPath([SEQUENCE([ASN(65001)]), SET([ASN(65003), ASN(65002)])])
    octets = path.pack(link().near.negotiated)
    assert received_with(as_path=octets) == replace(USUAL, as_path=(65001, 65003, 65002))


def test_an_empty_as_path_is_a_path():
    assert received_with(as_path=bytes.fromhex("400200")) == replace(USUAL, as_path=())


@pytest.mark.parametrize("origin", [3, 7, 255])
def test_an_undefined_origin_makes_no_route(origin):
    assert received_with(origin=bytes((0x40, 1, 1, origin))) is None


@pytest.mark.parametrize("missing", ["origin", "next_hop"])
def test_a_missing_mandatory_attribute_makes_no_route(missing):
    assert received_with(**{missing: b""}) is None


def test_attributes_we_have_no_use_for_are_passed_over():
    atomic_aggregate, aggregator = bytes.fromhex("400600"), bytes.fromhex("c007080000fde9c0000201")
    large_community = bytes.fromhex("c0200c0000000100000002 00000003")
    unknown = bytes.fromhex("c0f003010203")
    assert received_with(more=atomic_aggregate + aggregator + large_community + unknown) == USUAL


def test_a_community_said_twice_is_one():
    assert received_with(more=bytes.fromhex("c008080001000200010002")).communities == {0x10002}


def test_attributes_in_any_order_are_the_same():
    assert received_with(origin=b"", more=bytes.fromhex("40010100")) == USUAL


# --- prefixes ---


@pytest.mark.parametrize(
    ("packed", "length", "prefix"),
    [
        (b"\x0a\x01\x00\x00", 16, "10.1.0.0/16"),
        (b"\x0a\x01\xff\xff", 16, "10.1.0.0/16"),
        (b"\0\0\0\0", 0, "0.0.0.0/0"),
        (b"\xff\xff\xff\xff", 32, "255.255.255.255/32"),
        (b"\x20\x01\x0d\xb8" + b"\xff" * 12, 32, "2001:db8::/32"),
        (bytes(16), 0, "::/0"),
    ],
)
def test_bits_behind_the_mask_do_not_count(packed, length, prefix):
    assert prefix_of(packed, length) == ip_network(prefix)
