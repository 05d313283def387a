"""The pcapng file format, as far as one interface's packets need it.

draft-ietf-opsawg-pcapng: a section header, one interface description, then enhanced packet blocks
and the secrets that decrypt them. Written here because it is little, with nanoseconds and
directions, and because scapy's writer would cost half a second of imports before the first packet is
seen.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SECTION_HEADER, INTERFACE_DESCRIPTION, ENHANCED_PACKET, DECRYPTION_SECRETS = 0x0A0D0D0A, 1, 6, 10
BYTE_ORDER_MAGIC = 0x1A2B3C4D
UNKNOWN_LENGTH = -1

SHB_USERAPPL, IF_NAME, IF_DESCRIPTION, IF_TSRESOL, EPB_FLAGS = 4, 2, 3, 9, 2
NANOSECONDS = b"\x09"
INBOUND, OUTBOUND = 1, 2

LINKTYPE_ETHERNET, LINKTYPE_RAW = 1, 101
"""tcpdump.org/linktypes.html; RAW begins with the IP header."""

NO_SNAP_LENGTH = 0

SECRETS_ESP = 0x45535053
"""The keys of ESP associations, as comma separated values."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole packet as it was on the interface. ``time_ns``: since the epoch."""

    time_ns: int
    data: bytes
    outbound: bool


def file_header(link_type: int, interface: str, description: str) -> bytes:
    """The blocks before the first packet."""
    section = struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, UNKNOWN_LENGTH)
    options = _options(
        (IF_NAME, interface.encode()), (IF_DESCRIPTION, description.encode()), (IF_TSRESOL, NANOSECONDS)
    )
    return _block(SECTION_HEADER, section + _options((SHB_USERAPPL, b"mseelab"))) + _block(
        INTERFACE_DESCRIPTION, struct.pack("<HHI", link_type, 0, NO_SNAP_LENGTH) + options
    )


def packet_block(packet: Packet) -> bytes:
    high, low = packet.time_ns >> 32, packet.time_ns & 0xFFFF_FFFF
    head = struct.pack("<IIIII", 0, high, low, len(packet.data), len(packet.data))
    flags = struct.pack("<I", OUTBOUND if packet.outbound else INBOUND)
    return _block(ENHANCED_PACKET, head + _padded(packet.data) + _options((EPB_FLAGS, flags)))


def secrets_block(kind: int, data: bytes) -> bytes:
    return _block(DECRYPTION_SECRETS, struct.pack("<II", kind, len(data)) + _padded(data))


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _options(*options: tuple[int, bytes]) -> bytes:
    """Each padded to 32 bits; an empty one ends the list."""
    return b"".join(
        struct.pack("<HH", code, len(value)) + _padded(value) for code, value in (*options, (0, b""))
    )


def _padded(value: bytes) -> bytes:
    return value + b"\0" * (-len(value) % 4)
