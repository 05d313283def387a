"""The carrier of an interface whose driver lets us say so: IFLA_CARRIER (rtnetlink(7), linux/if_link.h).

Built here, because pyroute2 passes the attribute over without a word.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from lab.errors import BackendError
from lab.runtime.netns import NetworkNamespace

RTM_NEWLINK = 16
NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4
IFLA_IFNAME, IFLA_CARRIER = 3, 33
ANSWER = 4096


def set_carrier(namespace: NetworkNamespace, ifname: str, *, up: bool) -> None:
    """Say whether the interface's other end is there. Raises BackendError when the kernel refuses."""
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)
    body += _attribute(IFLA_IFNAME, ifname.encode() + b"\0") + _attribute(IFLA_CARRIER, bytes([up]))
    header = struct.pack("=IHHII", 16 + len(body), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
    with namespace.entered():
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    with kernel:
        kernel.send(header + body)
        code = -struct.unpack_from("=i", kernel.recv(ANSWER), 16)[0]
    if code:
        what = "has no carrier to set" if code == errno.EOPNOTSUPP else os.strerror(code)
        raise BackendError(f"{namespace.name}:{ifname}: {what}")


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("=HH", length, kind) + value + b"\0" * (-length % 4)
