"""Whether an interface is fit for use, told to the kernel: linux/if_link.h, RFC 2863.

The carrier is for drivers that let us set it. An interface without one is set up and down, and is
*dormant* from when it is up until its routes are there.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.errors import BackendError
from lab.netlink import NLM_F_CREATE, NLM_F_REPLACE, RTM_NEWROUTE, attribute, message
from lab.runtime.netlink_socket import link_change, send
from lab.runtime.netns import NetworkNamespace

IFLA_OPERSTATE, IFLA_CARRIER = 16, 33
IF_OPER_DORMANT, IF_OPER_UP = 5, 6
RTA_DST, RTA_OIF, RTA_PRIORITY, RTA_PREFSRC = 1, 4, 6, 7
RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_LINK, RTN_UNICAST = 254, 4, 253, 1


@dataclass(frozen=True)
class DeviceRoute:
    """A route into an interface. ``source``: what packets of our own come from."""

    prefix: IPv4Network
    source: IPv4Address | None
    metric: int


def set_carrier(namespace: NetworkNamespace, ifname: str, *, up: bool) -> None:
    """Say whether the interface's other end is there. Raises BackendError when the kernel refuses."""
    _tell(namespace, ifname, link_change(ifname, attribute(IFLA_CARRIER, bytes([up]))))


def put_out_of_use(namespace: NetworkNamespace, ifname: str) -> None:
    """Down; the kernel drops the routes into it. Raises BackendError."""
    _tell(namespace, ifname, link_change(ifname, _operational(IF_OPER_DORMANT), up=False))


def put_into_use(namespace: NetworkNamespace, ifname: str, routes: Iterable[DeviceRoute]) -> None:
    """Up, with its routes. A speaker hears of the interface before it has them, and finds no way to its
    next hops; so it hears of it once more at the end. Raises BackendError."""
    with namespace.entered():
        try:
            index = socket.if_nametoindex(ifname)
        except OSError:
            raise BackendError(f"{namespace.name}: no interface {ifname}") from None
    _tell(
        namespace,
        ifname,
        link_change(ifname, up=True),
        *(_route(route, index) for route in routes),
        link_change(ifname, _operational(IF_OPER_UP)),
    )


def _operational(state: int) -> bytes:
    return attribute(IFLA_OPERSTATE, bytes([state]))


def _route(route: DeviceRoute, index: int) -> bytes:
    body = struct.pack(
        "=BBBBBBBBI",
        socket.AF_INET,
        route.prefix.prefixlen,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_STATIC,
        RT_SCOPE_LINK,
        RTN_UNICAST,
        0,
    )
    body += attribute(RTA_DST, route.prefix.network_address.packed)
    body += attribute(RTA_OIF, struct.pack("=I", index))
    body += attribute(RTA_PRIORITY, struct.pack("=I", route.metric))
    if route.source is not None:
        body += attribute(RTA_PREFSRC, route.source.packed)
    return message(RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_REPLACE)


def _tell(namespace: NetworkNamespace, ifname: str, *messages: bytes) -> None:
    try:
        send(namespace, socket.NETLINK_ROUTE, *messages)
    except OSError as error:
        what = "has no carrier to set" if error.errno == errno.EOPNOTSUPP else os.strerror(error.errno or 0)
        raise BackendError(f"{namespace.name}:{ifname}: {what}") from None
