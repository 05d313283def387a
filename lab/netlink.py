"""Messages of netlink(7) as bytes: what is built and read by hand, by the agent and by the runtime.

For what a general library is too slow for or lacks, and for event loops that it cannot run in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

NLMSG_ERROR = 2
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_DUMP, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x300, 0x400
RTM_NEWLINK, RTM_NEWADDR, RTM_GETADDR, RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 16, 20, 22, 24, 25, 26

ANSWER = 1 << 16
"""Bytes; no datagram of the kernel's is longer."""

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")


def message(kind: int, body: bytes, flags: int = 0, *, sequence: int = 1, ack: bool = True) -> bytes:
    """A request. ``ack``: the kernel answers it even when there is nothing wrong."""
    flags |= NLM_F_REQUEST | (NLM_F_ACK if ack else 0)
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """Padded to four octets."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + b"\0" * (-len(value) % 4)


def messages(datagram: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, sequence, what follows the header) of each message."""
    offset = 0
    while offset + HEADER.size <= len(datagram):
        length, kind, _, sequence, _ = HEADER.unpack_from(datagram, offset)
        yield kind, sequence, datagram[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """By type."""
    found = {}
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        found[kind] = data[offset + ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def answers(datagram: bytes) -> Iterator[tuple[int, int]]:
    """(sequence, errno) of each acknowledgement; errno 0 is one that nothing was wrong with."""
    for kind, sequence, body in messages(datagram):
        if kind == NLMSG_ERROR:
            yield sequence, -struct.unpack_from("=i", body)[0]
