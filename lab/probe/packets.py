"""Packets built and taken apart with scapy. Nothing else knows scapy, and nothing of it leaves here.

``scapy.layers`` costs a quarter of a second of imports, so only those who send import this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address
from typing import Any

from scapy.fields import ByteField, IntField, LongField, ShortField, XStrFixedLenField
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from lab.bgp.route import Address
from lab.probe.flows import WireProtocol
from lab.probe.pcapng import LINKTYPE_ETHERNET
from lab.runtime.tags import FIRST_PORT, UNDERLAY

ECHO_REQUEST, ECHO_REPLY = "echo request", "echo reply"
PORT_UNREACHABLE = "port unreachable"
DONT_FRAGMENT = "DF"
ESP = 50
ESP_IN_UDP = 4500
NO_ESP = bytes(4)
"""What IKE begins with on that port, where a security association's number would stand (RFC 3948
section 2.2)."""
HOPS = 64
UNDERLAY_NETWORK = IPv4Network((UNDERLAY, 16))

_ERRORS_4 = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): PORT_UNREACHABLE,
    (3, 4): "fragmentation needed",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "administratively prohibited",
    (11, 0): "time to live exceeded",
}
"""RFC 792, RFC 1812 section 5.2.7.1."""
_ERRORS_6 = {
    (1, 0): "no route to destination",
    (1, 1): "administratively prohibited",
    (1, 3): "address unreachable",
    (1, 4): PORT_UNREACHABLE,
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded",
}
"""RFC 4443 section 3."""
_ERROR_TYPES_4 = {3, 11}
_ERRORS_OF_6 = (ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6TimeExceeded)


@dataclass(frozen=True, slots=True)
class Decoded:
    """An IP packet's headers, and the tags around it, outer first.

    ``says``: the ICMP message in words. ``quotes``: the packet an ICMP error gives back.
    ``number``: the identifier of an echo, the sequence number of TCP.
    """

    protocol: WireProtocol
    source: Address
    destination: Address
    tags: tuple[int, ...] = ()
    source_port: int | None = None
    destination_port: int | None = None
    number: int = 0
    acknowledged: int = 0
    flags: str = ""
    says: str = ""
    quotes: Decoded | None = None
    payload: bytes = b""


# Building.


def echo_request(
    source: Address, destination: Address, identifier: int, sequence: int, payload: bytes
) -> bytes:
    """A whole IP packet that asks for an echo."""
    if destination.version == 4:
        message = ICMP(type=8, id=identifier, seq=sequence) / payload
    else:
        message = ICMPv6EchoRequest(id=identifier, seq=sequence, data=payload)
    return bytes(_ip_header(source, destination) / message)


def syn(
    source: Address, destination: Address, ports: tuple[int, int], sequence: int, payload: bytes
) -> bytes:
    """A whole IP packet that asks for a TCP connection. Data in a SYN is legal (RFC 9293
    section 3.4) and fills it up to a size; a listener ignores it."""
    segment = TCP(sport=ports[0], dport=ports[1], flags="S", seq=sequence) / payload
    return bytes(_ip_header(source, destination) / segment)


def _ip_header(source: Address, destination: Address) -> Any:
    if destination.version == 4:
        return IP(src=str(source), dst=str(destination), ttl=HOPS, flags=DONT_FRAGMENT)
    return IPv6(src=str(source), dst=str(destination), hlim=HOPS)


class Stamp(Packet):  # type: ignore[misc]
    """What a datagram of a stream begins with: ``token`` is the stream's, ``way`` 0 on the way
    there and 1 on the way back, ``flow`` counts its ports, ``sent_ns`` is monotonic time."""

    name = "Stamp"
    fields_desc = [
        XStrFixedLenField("token", b"", 8),
        ByteField("way", 0),
        ShortField("flow", 0),
        IntField("number", 0),
        LongField("sent_ns", 0),
    ]


def stamp(token: bytes, way: int, flow: int, fill: int) -> bytes:
    """The payload of a stream's datagram, ``fill`` bytes of nothing behind its stamp."""
    return bytes(Stamp(token=token, way=way, flow=flow) / bytes(fill))


def headers_length(destination: Address, *, tcp: bool) -> int:
    """The bytes before the payload: IP, and TCP or one of the two that need eight."""
    return (20 if destination.version == 4 else 40) + (20 if tcp else 8)


# Taking apart.


def decode(data: bytes, link_type: int, *, trunk: bool = False) -> Decoded | None:
    """What is inside the frame; None for what is not ICMP, UDP, TCP or ESP over IP.

    On a ``trunk`` the frame inside a VXLAN counts, and its network identifier as tags.
    """
    if link_type != LINKTYPE_ETHERNET:
        return _of_ip(data, ())
    tags, inside = _untagged(Ether(data))
    if trunk and _stands_for_tags(inside):
        outer = VXLAN(bytes(inside[UDP].payload))
        tags, inside = _tags_of(outer.vni), outer.payload.payload
    return _of_layer(inside, tags)


def out_of_udp(packet: Decoded) -> Decoded:
    """ESP without the UDP around it (RFC 3948); any other packet as it is.

    A single octet keeps a NAT's entry alive.
    """
    of_ipsec = packet.protocol == "udp" and ESP_IN_UDP in (packet.source_port, packet.destination_port)
    if not of_ipsec or len(packet.payload) <= 1 or packet.payload[:4] == NO_ESP:
        return packet
    return Decoded("esp", packet.source, packet.destination, packet.tags)


def _stands_for_tags(layer: Any) -> bool:
    """VXLAN in the place of tags (``lab.runtime.tags``) is between addresses of a range of its own."""
    return (
        isinstance(layer, IP)
        and isinstance(layer.payload, UDP)
        and layer.payload.dport >= FIRST_PORT
        and ip_address(layer.src) in UNDERLAY_NETWORK
    )


def _untagged(frame: Any) -> tuple[tuple[int, ...], Any]:
    """The tags around the packet, outer first, and the packet."""
    tags, inside = [], frame.payload
    while isinstance(inside, Dot1Q):
        tags.append(int(inside.vlan))
        inside = inside.payload
    return tuple(tags), inside


def _tags_of(vni: int) -> tuple[int, ...]:
    """The pair of tags a VXLAN network identifier stands for; an S-tag of 0 is none."""
    s_tag, c_tag = vni >> 12, vni & 0xFFF
    return (s_tag, c_tag) if s_tag else (c_tag,)


def _of_ip(data: bytes, tags: tuple[int, ...]) -> Decoded | None:
    if not data:
        return None
    return _of_layer(IP(data) if data[0] >> 4 == 4 else IPv6(data), tags)


def _of_layer(layer: Any, tags: tuple[int, ...]) -> Decoded | None:
    if not isinstance(layer, IP | IPv6):
        return None
    source, destination = ip_address(layer.src), ip_address(layer.dst)
    inside = layer.payload
    if isinstance(inside, UDP | TCP):
        return _of_transport(inside, source, destination, tags)
    if isinstance(inside, ICMP):
        return _of_icmp(inside, source, destination, tags)
    if isinstance(layer, IPv6):
        return _of_icmp6(inside, source, destination, tags, layer.nh)
    return Decoded("esp", source, destination, tags) if layer.proto == ESP else None


def _of_transport(inside: Any, source: Address, destination: Address, tags: tuple[int, ...]) -> Decoded:
    is_tcp = isinstance(inside, TCP)
    return Decoded(
        "tcp" if is_tcp else "udp",
        source,
        destination,
        tags,
        source_port=inside.sport,
        destination_port=inside.dport,
        number=inside.seq if is_tcp else 0,
        acknowledged=inside.ack if is_tcp else 0,
        flags=str(inside.flags) if is_tcp else "",
        payload=bytes(inside.payload),
    )


def _of_icmp(inside: Any, source: Address, destination: Address, tags: tuple[int, ...]) -> Decoded:
    kind, code, payload = inside.type, inside.code, bytes(inside.payload)
    if kind in (0, 8):
        says = ECHO_REQUEST if kind == 8 else ECHO_REPLY
        return Decoded("icmp", source, destination, tags, number=inside.id, says=says, payload=payload)
    says = _ERRORS_4.get((kind, code), f"ICMP type {kind} code {code}")
    quotes = _of_ip(payload, ()) if kind in _ERROR_TYPES_4 else None
    return Decoded("icmp", source, destination, tags, says=says, quotes=quotes)


def _of_icmp6(
    inside: Any, source: Address, destination: Address, tags: tuple[int, ...], next_header: int
) -> Decoded | None:
    if isinstance(inside, ICMPv6EchoRequest):  # and its subclass, the reply
        says = ECHO_REPLY if isinstance(inside, ICMPv6EchoReply) else ECHO_REQUEST
        return Decoded(
            "icmp", source, destination, tags, number=inside.id, says=says, payload=bytes(inside.data)
        )
    if isinstance(inside, _ERRORS_OF_6):
        says = _ERRORS_6.get((inside.type, inside.code), f"ICMPv6 type {inside.type} code {inside.code}")
        quotes = _of_ip(bytes(inside.payload), ())
        return Decoded("icmp", source, destination, tags, says=says, quotes=quotes)
    return Decoded("esp", source, destination, tags) if next_header == ESP else None
