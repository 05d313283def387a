"""Which interfaces come up: the moment to write the FIB again (rtnetlink(7), RTMGRP_LINK).

The kernel drops the routes over an interface that is set down and does not bring them back
when it is set up again. A session outlives an interruption shorter than its hold time, so the
engine sees nothing of it.
"""

from __future__ import annotations

import socket
import struct
from typing import Protocol

RTMGRP_LINK = 1
RTM_NEWLINK = 16
IFF_LOWER_UP = 0x10000


class Links(Protocol):
    """``came_up``: whether there was a notice, since last asked, of an interface that is up;
    ``fileno`` becomes readable with each."""

    def fileno(self) -> int: ...

    def came_up(self) -> bool: ...


class LinkWatch:
    """Notices of the network namespace this object was made in."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK,
            socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
            socket.NETLINK_ROUTE,
        )
        self._socket.bind((0, RTMGRP_LINK))

    def fileno(self) -> int:
        return self._socket.fileno()

    def came_up(self) -> bool:
        up = False
        while True:
            try:
                up = _tells_of_up(self._socket.recv(1 << 16)) or up
            except BlockingIOError:
                return up
            except OSError:  # ENOBUFS: notices were lost, so anything may have happened
                up = True


def _tells_of_up(data: bytes) -> bool:
    offset = 0
    while offset + 32 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        flags = struct.unpack_from("=I", data, offset + 24)[0]
        if kind == RTM_NEWLINK and flags & IFF_LOWER_UP:
            return True
        offset += (length + 3) & ~3
    return False
