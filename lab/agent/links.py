"""The interfaces of a speaker, as the kernel tells of them (rtnetlink(7), RTMGRP_LINK).

One that comes up is the moment to write the FIB again: the kernel drops the routes over an interface
that is set down and does not bring them back. A session to a neighbour on the wire ends with the
carrier, as routers have it (fast external fallover), and not when its hold time is over. And a next
hop counts while the kernel has a way to it: with an interface that is removed, a tunnel's say, the
kernel drops every route with a next hop there, those by other interfaces included.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Protocol

from lab.agent.fib import RTPROT_MSEELAB
from lab.bgp.route import Address, Prefix
from lab.netlink import (
    ANSWER,
    NLM_F_DUMP,
    RTM_GETADDR,
    RTM_GETROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    attributes,
    message,
    messages,
)

RTMGRP_LINK = 1
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFF_LOWER_UP = 0x10000
RT_TABLE_MAIN, RTN_UNICAST = 254, 1
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA = 1, 4, 5, 18
RTNH_F_DEAD = 0x1
LENGTHS: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}
"""Of an address, in bytes."""


class Links(Protocol):
    """``came_up``: whether there was a notice, since last asked, of an interface that is up; ``changed``:
    of any, one that is gone included; ``cut``: the addresses of those of which there was one that they
    have no carrier. ``fileno`` becomes readable with each.

    ``networks``: those that the kernel now sends to by an interface of its own, without a router."""

    def fileno(self) -> int: ...

    def came_up(self) -> bool: ...

    def changed(self) -> bool: ...

    def cut(self) -> frozenset[Address]: ...

    def networks(self) -> frozenset[Prefix]: ...


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
        self._changed = True  # of what was before nobody told us
        self._without_carrier: set[int] = set()

    def fileno(self) -> int:
        return self._socket.fileno()

    def came_up(self) -> bool:
        self._read()
        up, self._up = self._up, False
        return up

    def changed(self) -> bool:
        self._read()
        changed, self._changed = self._changed, False
        return changed

    def cut(self) -> frozenset[Address]:
        self._read()
        indexes, self._without_carrier = self._without_carrier, set()
        if not indexes:
            return frozenset()
        return frozenset(address for index, address in self._addresses() if index in indexes)

    def networks(self) -> frozenset[Prefix]:
        return frozenset(self._direct(socket.AF_INET)) | frozenset(self._direct(socket.AF_INET6))

    def _read(self) -> None:
        while True:
            try:
                notices = self._socket.recv(ANSWER)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: notices were lost, so anything may have happened
                self._up = self._changed = True
                continue
            self._changed = True
            for index, carrier in _links(notices):
                self._up = self._up or carrier
                if not carrier:
                    self._without_carrier.add(index)

    def _addresses(self) -> Iterator[tuple[int, Address]]:
        """All addresses of the namespace, each with its interface's index."""
        question = struct.pack("=BBBBI", socket.AF_UNSPEC, 0, 0, 0, 0)
        for body in self._dump(RTM_GETADDR, question, RTM_NEWADDR):
            found = attributes(body[8:])
            address = found.get(IFA_LOCAL, found.get(IFA_ADDRESS))
            if address is not None:
                yield struct.unpack_from("=I", body, 4)[0], ip_address(address)

    def _direct(self, family: int) -> Iterator[Prefix]:
        """Destinations of the main table's routes into an interface that is fit for use."""
        question = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0)
        for body in self._dump(RTM_GETROUTE, question, RTM_NEWROUTE):
            length, table, protocol, kind, flags = struct.unpack_from("=xBxxBBxBI", body)
            if protocol == RTPROT_MSEELAB or (table, kind) != (RT_TABLE_MAIN, RTN_UNICAST):
                continue
            if flags & RTNH_F_DEAD:
                continue
            found = attributes(body[12:])
            if RTA_OIF in found and not {RTA_GATEWAY, RTA_VIA} & found.keys():
                yield ip_network((found.get(RTA_DST, bytes(LENGTHS[family])), length))

    def _dump(self, question: int, body: bytes, answer: int) -> Iterator[bytes]:
        """What follows the header of each answer of that type."""
        self._asking.send(message(question, body, NLM_F_DUMP, ack=False))
        while True:
            for kind, _, found in messages(self._asking.recv(ANSWER)):
                if kind != answer:
                    return
                yield found


def _links(notices: bytes) -> Iterator[tuple[int, bool]]:
    """(index, whether it has a carrier) of each interface told of that is still there."""
    for kind, _, body in messages(notices):
        if kind == RTM_NEWLINK:
            index, flags = struct.unpack_from("=iI", body, 4)
            yield index, bool(flags & IFF_LOWER_UP)
