"""Which interfaces come up, and which lose their carrier (rtnetlink(7), RTMGRP_LINK).

One that comes up is the moment to write the FIB again: the kernel drops the routes over an interface
that is set down and does not bring them back. A session to a neighbour on the wire ends with the
carrier, as routers have it (fast external fallover), and not when its hold time is over.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Protocol

from lab.bgp.route import Address

RTMGRP_LINK = 1
RTM_NEWLINK, RTM_NEWADDR, RTM_GETADDR = 16, 20, 22
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFF_LOWER_UP = 0x10000


class Links(Protocol):
    """``came_up``: whether there was a notice, since last asked, of an interface that is up; ``cut``:
    the addresses of those of which there was one that they have no carrier. ``fileno`` becomes
    readable with each."""

    def fileno(self) -> int: ...

    def came_up(self) -> bool: ...

    def cut(self) -> frozenset[Address]: ...


class LinkWatch:
    """Notices of the network namespace this object was made in."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            socket.NETLINK_ROUTE,
        )
        self._socket.bind((0, RTMGRP_LINK))
        self._asking = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._up = False
        self._without_carrier: set[int] = set()

    def fileno(self) -> int:
        return self._socket.fileno()

    def came_up(self) -> bool:
        self._read()
        up, self._up = self._up, False
        return up

    def cut(self) -> frozenset[Address]:
        self._read()
        indexes, self._without_carrier = self._without_carrier, set()
        if not indexes:
            return frozenset()
        return frozenset(address for index, address in self._addresses() if index in indexes)

    def _read(self) -> None:
        while True:
            try:
                for index, carrier in _notices(self._socket.recv(1 << 16)):
                    self._up = self._up or carrier
                    if not carrier:
                        self._without_carrier.add(index)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: notices were lost, so anything may have happened
                self._up = True

    def _addresses(self) -> Iterator[tuple[int, Address]]:
        """All addresses of the namespace, each with its interface's index."""
        body = struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, 0)
        header = struct.pack("=IHHII", 16 + len(body), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
        self._asking.send(header + body)
        while True:
            for kind, message in _messages(self._asking.recv(1 << 16)):
                if kind != RTM_NEWADDR:
                    return
                attributes = dict(_attributes(message[8:]))
                address = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS))
                if address is not None:
                    yield struct.unpack_from("=I", message, 4)[0], ip_address(address)


def _notices(data: bytes) -> Iterator[tuple[int, bool]]:
    """(index, whether it has a carrier) of each interface told of."""
    for kind, message in _messages(data):
        if kind == RTM_NEWLINK:
            index, flags = struct.unpack_from("=iI", message, 4)
            yield index, bool(flags & IFF_LOWER_UP)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, what follows the header) of each message of a datagram (netlink(7))."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        yield kind, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        yield kind, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
