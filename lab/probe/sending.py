"""Sending the packets of flows from inside their node, routed by its own kernel.

ICMP and TCP leave through a raw socket, headers and all as scapy made them (IP_HDRINCL, raw(7)).
UDP leaves through an ordinary socket: when a node has several next hops itself, the kernel hashes
the ports of a packet of its own only if it comes from a socket that has ports. So flows that are
to spread are UDP; those of a raw socket all take one branch of the node's own.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from lab.bgp.route import Address
from lab.probe.flows import Flow
from lab.probe.marks import Marks

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 23, 62
PMTUDISC_PROBE = 3
"""Never fragment, and do not remember what a router said of a path's MTU (linux/in.h)."""
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
BLACKHOLE = "the route is a blackhole"
"""What the kernel calls EINVAL."""


def send(flows: Sequence[Flow], marks: Marks, indices: Iterable[int]) -> dict[str, str]:
    """One packet of each of these flows. By index, as text for JSON: what the kernel said against it."""
    refused = {}
    for index in indices:
        try:
            if flows[index].protocol == "udp":
                _send_datagram(flows[index], marks.payload(index))
            else:
                _send_whole(flows[index], marks, index)
        except OSError as error:
            refused[str(index)] = what_is_said(error)
    return refused


def what_is_said(error: OSError) -> str:
    """Why a packet was not sent."""
    code = error.errno or errno.EIO
    return BLACKHOLE if code == errno.EINVAL else os.strerror(code)


def _send_datagram(flow: Flow, payload: bytes) -> None:
    with datagram_socket(flow.destination.version) as sock:
        sock.bind((str(flow.source_address or ""), flow.source_port))
        sock.sendto(payload, (str(flow.destination), flow.destination_port))


def datagram_socket(version: int) -> socket.socket:
    """One that never fragments. It may have any source address: IP_TRANSPARENT lets it have one that
    is not the node's."""
    sock = socket.socket(FAMILIES[version], socket.SOCK_DGRAM)
    if version == 4:
        sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
    return sock


def _send_whole(flow: Flow, marks: Marks, index: int) -> None:
    source = flow.source_address or source_address(flow.destination)
    with socket.socket(FAMILIES[flow.destination.version], socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(marks.packet(index, source), (str(flow.destination), 0))


def source_address(destination: Address) -> Address:
    """The address the kernel of this process would send from. Raises OSError when there is no way."""
    with socket.socket(FAMILIES[destination.version], socket.SOCK_DGRAM) as sock:
        sock.connect((str(destination), 9))
        return ip_address(sock.getsockname()[0])
