"""Reading taps: all that is there, and nothing that comes meanwhile."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from itertools import count

import pytest
from probe_frames import PLAN, captured

from lab.probe import probing
from lab.probe.capture import Captured
from lab.probe.marks import Marks
from lab.probe.pcapng import Packet
from lab.probe.probing import Taps
from lab.probe.record import Record

FAR_TOO_MANY = 10_000


def test_reading_ends_where_packets_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' packets may come faster than they are read."""
    read = []

    def never_ending(_tap: socket.socket, _buffer: memoryview) -> Iterator[Captured]:
        for number in count():
            assert number < FAR_TOO_MANY, "it goes on and on"
            read.append(number)
            now_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
            yield Captured(Packet(now_ns, b"", False), "eth0", captured(b"").link_type, to_us=False)

    monkeypatch.setattr(probing, "captured", never_ending)
    taps = Taps(Record(PLAN, [], [], Marks([])))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        taps.add("left", ours)
        taps.read()
    assert read
