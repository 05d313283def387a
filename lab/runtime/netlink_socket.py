"""Netlink messages of our own making, for what pyroute2 lacks or passes over without a word, and for
the event loop, inside which pyroute2 cannot run (netlink(7)).

Messages of one send are obeyed one after the other, at once.
"""

from __future__ import annotations

import os
import socket
import struct

from lab.runtime.netns import NetworkNamespace

NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x400
NLMSG_ERROR = 2
RTM_NEWLINK, IFLA_IFNAME, IFF_UP = 16, 3, 0x1
ANSWER = 1 << 16


def attribute(kind: int, value: bytes) -> bytes:
    """Padded to four octets."""
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A request that the kernel acknowledges."""
    return struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body


def link_change(ifname: str, attributes: bytes = b"", *, up: bool | None = None) -> bytes:
    """A request to change an interface, and to set it up or down (rtnetlink(7), RTM_NEWLINK)."""
    flags, mask = (0, 0) if up is None else (IFF_UP if up else 0, IFF_UP)
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, flags, mask)
    return message(RTM_NEWLINK, body + attribute(IFLA_IFNAME, ifname.encode() + b"\0") + attributes)


def send(namespace: NetworkNamespace, protocol: int, *messages: bytes) -> None:
    """All of them in one go. Raises OSError for the first that the kernel refuses; the others count."""
    with namespace.entered():
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    with kernel:
        kernel.send(b"".join(messages))
        codes: list[int] = []
        while len(codes) < len(messages):
            codes += _codes(kernel.recv(ANSWER))
    refused = next((code for code in codes if code), None)
    if refused is not None:
        raise OSError(refused, os.strerror(refused))


def _codes(data: bytes) -> list[int]:
    """The errno of every acknowledgement in a datagram; 0 is none."""
    codes = []
    while len(data) >= 20:
        length, kind = struct.unpack_from("=IH", data)
        if kind == NLMSG_ERROR:
            codes.append(-struct.unpack_from("=i", data, 16)[0])
        data = data[(length + 3) & ~3 :]
    return codes
