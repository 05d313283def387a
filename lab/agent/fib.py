"""The kernel's routing table as our FIB, over rtnetlink (rtnetlink(7)).

Messages are built here with ``struct`` and sent many at a time: a general library spends
0.3 ms on a route, and a speaker at its limits has ten thousand of them. The contract is
``Fib``; ``MemoryFib`` is its twin for tests.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Collection, Mapping
from typing import Protocol

from lab.bgp.route import Address, Prefix
from lab.netlink import (
    ANSWER,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    RTM_DELROUTE,
    RTM_NEWROUTE,
    answers,
    attribute,
    message,
)

RTPROT_MSEELAB = 201
"""The protocol number our routes carry in the kernel (``ip route show proto 201``)."""

RTA_DST, RTA_GATEWAY, RTA_PRIORITY, RTA_MULTIPATH = 1, 5, 6, 9
RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, RTN_UNICAST = 254, 0, 1
METRIC = {socket.AF_INET: 20, socket.AF_INET6: 1024 + 20}
"""Behind connected and static routes, as an external route stands in a router. Without a
metric the kernel gives those 0 over IPv4, 256 and 1024 over IPv6."""

NETLINK_BATCH = 100
"""Messages in one send. A hundred routes with many next hops fit the kernel's usual send
buffer, and the answers to a hundred that are refused its usual receive buffer (208 KiB)."""

NextHops = tuple[Address, ...]


class Fib(Protocol):
    """Several next hops are ECMP. Removing an absent prefix is not an error.

    ``apply`` takes the new next hops per prefix, none meaning removal, and returns the text
    of what the kernel refused, by prefix. A refused prefix stays as it was; the others are
    applied all the same.
    """

    def apply(self, changes: Mapping[Prefix, NextHops]) -> dict[Prefix, str]: ...


class MemoryFib:
    """The twin: a dictionary. ``connected``: where a next hop must be; None is everywhere."""

    def __init__(self, connected: Collection[Prefix] | None = None) -> None:
        self.routes: dict[Prefix, NextHops] = {}
        self._connected = connected

    def apply(self, changes: Mapping[Prefix, NextHops]) -> dict[Prefix, str]:
        refused: dict[Prefix, str] = {}
        for prefix, next_hops in changes.items():
            if not all(map(self._reachable, next_hops)):
                refused[prefix] = os.strerror(errno.ENETUNREACH)
            elif next_hops:
                self.routes[prefix] = next_hops
            else:
                self.routes.pop(prefix, None)
        return refused

    def _reachable(self, next_hop: Address) -> bool:
        return self._connected is None or any(next_hop in network for network in self._connected)


def route_message(sequence: int, prefix: Prefix, next_hops: NextHops, *, ack: bool) -> bytes:
    """RTM_NEWROUTE (replacing) for some next hops, RTM_DELROUTE for none."""
    family = socket.AF_INET if prefix.version == 4 else socket.AF_INET6
    body = struct.pack(
        "=BBBBBBBBI",
        family,
        prefix.prefixlen,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_MSEELAB,
        RT_SCOPE_UNIVERSE,
        RTN_UNICAST if next_hops else 0,
        0,
    )
    body += attribute(RTA_DST, prefix.network_address.packed)
    body += attribute(RTA_PRIORITY, struct.pack("=I", METRIC[family]))
    if len(next_hops) == 1:
        body += attribute(RTA_GATEWAY, next_hops[0].packed)
    elif next_hops:
        body += attribute(RTA_MULTIPATH, b"".join(_hop(address) for address in next_hops))
    if next_hops:
        return message(RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_REPLACE, sequence=sequence, ack=ack)
    return message(RTM_DELROUTE, body, sequence=sequence, ack=ack)


def _hop(address: Address) -> bytes:
    gateway = attribute(RTA_GATEWAY, address.packed)
    return struct.pack("=HBBi", 8 + len(gateway), 0, 0, 0) + gateway


class KernelFib:
    """The main table of the network namespace this object was made in."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, 0))
        self._sequence = 0

    def apply(self, changes: Mapping[Prefix, NextHops]) -> dict[Prefix, str]:
        refused: dict[Prefix, str] = {}
        items = list(changes.items())
        for start in range(0, len(items), NETLINK_BATCH):
            refused |= self._send(items[start : start + NETLINK_BATCH])
        return refused

    def close(self) -> None:
        self._socket.close()

    def _send(self, batch: list[tuple[Prefix, NextHops]]) -> dict[Prefix, str]:
        """One send; the kernel answers for the last message, and for each that failed."""
        first = self._sequence + 1
        self._sequence += len(batch)
        last = len(batch) - 1
        self._socket.send(
            b"".join(
                route_message(first + index, prefix, next_hops, ack=index == last)
                for index, (prefix, next_hops) in enumerate(batch)
            )
        )
        refused: dict[Prefix, str] = {}
        answered = False
        while not answered:
            for sequence, code in answers(self._socket.recv(ANSWER)):
                prefix, next_hops = batch[sequence - first]
                if code and not (code == errno.ESRCH and not next_hops):
                    refused[prefix] = os.strerror(code)
                answered = answered or sequence == self._sequence
        return refused
