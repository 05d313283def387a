"""Packets taken apart: tags by either mechanism, and what ICMP says."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from probe_frames import MACS, ethernet, vxlan
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    IPv6,
)
from scapy.layers.l2 import ARP, Ether

from lab.probe.packets import (
    ECHO_REPLY,
    ECHO_REQUEST,
    Decoded,
    decode,
    echo_request,
    headers_length,
    out_of_udp,
    syn,
)
from lab.probe.pcapng import LINKTYPE_ETHERNET, LINKTYPE_RAW

HERE, THERE = ip_address("10.0.0.1"), ip_address("10.0.0.2")
HERE6, THERE6 = ip_address("fd00::1"), ip_address("fd00::2")
PROBE = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=49152, dport=33434) / b"mark"


def decoded(frame: object, *, trunk: bool = False) -> Decoded:
    found = decode(bytes(frame), LINKTYPE_ETHERNET, trunk=trunk)  # type: ignore[call-overload]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("frame", "tags"),
    [
        (ethernet(), ()),
        (ethernet(100), (100,)),
        (ethernet(8, 100), (8, 100)),
        (vxlan(100), (100,)),
        (vxlan(8 << 12 | 100), (8, 100)),
        (vxlan(4094 << 12 | 4094), (4094, 4094)),
    ],
)
def test_a_trunk_shows_the_customers_tags_by_either_mechanism(frame: Ether, tags: tuple[int, ...]) -> None:
    found = decoded(frame / PROBE, trunk=True)
    assert found.tags == tags
    assert (found.protocol, found.source, found.destination) == ("udp", HERE, THERE)
    assert (found.source_port, found.destination_port, found.payload) == (49152, 33434, b"mark")


def test_vxlan_away_from_a_trunk_is_a_datagram_like_any_other() -> None:
    assert decoded(vxlan(100) / PROBE).destination_port == 14792


def test_a_probe_to_a_port_of_ours_is_not_taken_for_tags() -> None:
    probe = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=49152, dport=14792) / b"mark"
    assert decoded(ethernet() / probe, trunk=True).destination_port == 14792


@pytest.mark.parametrize(
    "layer",
    [ARP(), IP(src="10.0.0.1", dst="10.0.0.2", proto=89) / b"ospf", b"", b"\x45"],
    ids=["arp", "ospf", "nothing", "half a header"],
)
def test_what_no_probe_is_made_of_is_passed_over(layer: object) -> None:
    assert decode(bytes(Ether(**MACS) / layer), LINKTYPE_ETHERNET) is None


@pytest.mark.parametrize(
    "layer",
    [
        IP(src="10.0.0.1", dst="10.0.0.2", proto=50) / b"spi+",
        IPv6(src="fd00::1", dst="fd00::2", nh=50) / b"spi+",
    ],
)
def test_esp_is_seen_and_not_looked_into(layer: object) -> None:
    assert decoded(Ether(**MACS) / layer).protocol == "esp"


@pytest.mark.parametrize(
    ("payload", "port", "protocol"),
    [
        (b"spi+sequence", 4500, "esp"),
        (bytes(4) + b"an IKE header", 4500, "udp"),
        (b"\xff", 4500, "udp"),
        (b"spi+sequence", 4501, "udp"),
    ],
)
def test_esp_inside_udp_is_esp_and_ike_is_not(payload: bytes, port: int, protocol: str) -> None:
    """RFC 3948: zeros mark IKE, and a single octet is a keepalive."""
    for ports in ({"sport": port}, {"dport": port}):
        packet = decoded(Ether(**MACS) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(**ports) / payload)
        assert out_of_udp(packet).protocol == protocol
        assert out_of_udp(packet).source == packet.source


def test_a_tunnel_begins_with_the_ip_header() -> None:
    found = decode(bytes(PROBE), LINKTYPE_RAW)
    assert found is not None
    assert found.destination == THERE


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(type=8, id=7) / b"mark", ECHO_REQUEST),
        (IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=0, id=7) / b"mark", ECHO_REPLY),
        (IPv6(src="fd00::1", dst="fd00::2") / ICMPv6EchoRequest(id=7, data=b"mark"), ECHO_REQUEST),
        (IPv6(src="fd00::2", dst="fd00::1") / ICMPv6EchoReply(id=7, data=b"mark"), ECHO_REPLY),
    ],
)
def test_echoes_of_both_versions(message: object, says: str) -> None:
    found = decoded(ethernet() / message)
    assert (found.protocol, found.says, found.number, found.payload) == ("icmp", says, 7, b"mark")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=1) / PROBE, "host unreachable"),
        (
            IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=4, nexthopmtu=1400) / PROBE,
            "fragmentation needed",
        ),
        (IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=11, code=0) / PROBE, "time to live exceeded"),
        (IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=12) / PROBE, "ICMP type 3 code 12"),
    ],
)
def test_an_icmp_error_says_what_and_quotes_the_packet(error: object, says: str) -> None:
    found = decoded(ethernet() / error)
    assert found.says == says
    assert found.quotes is not None
    assert (found.quotes.destination, found.quotes.payload) == (THERE, b"mark")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (ICMPv6DestUnreach(code=0), "no route to destination"),
        (ICMPv6DestUnreach(code=4), "port unreachable"),
        (ICMPv6PacketTooBig(mtu=1400), "packet too big"),
    ],
)
def test_an_icmpv6_error_too(header: object, says: str) -> None:
    quoted = IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1, dport=2) / b"mark"
    found = decoded(ethernet() / IPv6(src="fd00::9", dst="fd00::1") / header / quoted)
    assert found.says == says
    assert found.quotes is not None
    assert (found.quotes.destination, found.quotes.payload) == (THERE6, b"mark")


# Building.


@pytest.mark.parametrize(("source", "destination"), [(HERE, THERE), (HERE6, THERE6)])
def test_what_is_built_is_read_again(source: object, destination: object) -> None:
    echo = decode(echo_request(source, destination, 7, 1, b"mark"), LINKTYPE_RAW)  # type: ignore[arg-type]
    assert echo is not None
    assert (echo.source, echo.destination, echo.says, echo.number) == (source, destination, ECHO_REQUEST, 7)
    segment = decode(syn(source, destination, (1, 2), 99, b"x"), LINKTYPE_RAW)  # type: ignore[arg-type]
    assert segment is not None
    assert (segment.source_port, segment.destination_port, segment.number) == (1, 2, 99)
    assert (segment.flags, segment.payload) == ("S", b"x")


@pytest.mark.parametrize(("source", "destination"), [(HERE, THERE), (HERE6, THERE6)])
def test_the_length_of_headers_is_what_scapy_builds(source: object, destination: object) -> None:
    assert headers_length(destination, tcp=False) == len(echo_request(source, destination, 1, 1, b""))  # type: ignore[arg-type]
    assert headers_length(destination, tcp=True) == len(syn(source, destination, (1, 2), 1, b""))  # type: ignore[arg-type]


def test_no_probe_is_fragmented_on_its_way() -> None:
    assert IP(echo_request(HERE, THERE, 1, 1, b"")).flags.DF
    assert IP(syn(HERE, THERE, (1, 2), 1, b""))[TCP].flags == "S"
