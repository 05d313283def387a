"""The datagrams of one stream: built once, then numbered and stamped for each sending, and read.

scapy makes them and takes them apart for whoever looks at a capture; hundreds a second, on both ends
and beside the lab itself, are a matter of a few bytes in a fixed place.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from lab.probe.packets import headers_length, stamp
from lab.probe.stream import DIRECTIONS, Direction, Stream

TOKEN = 8
LAYOUT = struct.Struct("!8sBHIQ")
"""As ``lab.probe.packets.Stamp`` has it."""
_NUMBER_AND_MOMENT = struct.Struct("!IQ")
_OFFSET = LAYOUT.size - _NUMBER_AND_MOMENT.size


class Stamped(NamedTuple):
    """``flow`` counts the stream's ports from 0."""

    flow: int
    number: int


class Stamps:
    """``token`` is random bytes."""

    def __init__(self, stream: Stream, token: bytes | None = None) -> None:
        self._token = os.urandom(TOKEN) if token is None else token
        self._ports = stream.ports
        headers = headers_length(stream.destination, tcp=False)
        fill = max(0, (stream.size or 0) - headers - LAYOUT.size)
        self._datagrams = {
            direction: [bytearray(stamp(self._token, code, flow, fill)) for flow in range(stream.ports)]
            for code, direction in enumerate(DIRECTIONS)
        }

    def datagram(self, direction: Direction, flow: int, number: int, moment: float) -> bytearray:
        """The next one to send, good until the one after it; ``moment``: seconds, monotonic."""
        datagram = self._datagrams[direction][flow]
        _NUMBER_AND_MOMENT.pack_into(datagram, _OFFSET, number, int(moment * 1e9))
        return datagram

    def read(self, direction: Direction, datagram: bytes) -> Stamped | None:
        """Which one it is; None for somebody else's."""
        if len(datagram) < LAYOUT.size:
            return None
        token, code, flow, number, _ = LAYOUT.unpack_from(datagram)
        ours = token == self._token and code == DIRECTIONS.index(direction) and flow < self._ports
        return Stamped(flow, number) if ours else None
