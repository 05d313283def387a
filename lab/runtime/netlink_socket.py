"""Netlink messages sent into a namespace, and the kernel's answers (``lab.netlink``).

For what pyroute2 lacks or passes over without a word, and for the event loop, inside which it cannot
run. Messages of one send are obeyed one after the other, at once.
"""

from __future__ import annotations

import os
import socket
import struct

from lab.netlink import ANSWER, RTM_NEWLINK, answers, attribute, message
from lab.runtime.netns import NetworkNamespace

IFLA_IFNAME, IFF_UP = 3, 0x1


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
            codes += [code for _, code in answers(kernel.recv(ANSWER))]
    refused = next((code for code in codes if code), None)
    if refused is not None:
        raise OSError(refused, os.strerror(refused))
