"""TCP from one place to another for a while: two small programs, and what they measured."""

from __future__ import annotations

import json
import sys

LISTENING = "listening\n"

_RECEIVE = """
import json, socket, time
with socket.create_server(("", 5001)) as server:
    print("listening", flush=True)
    peer, _ = server.accept()
    count, buffer, started = 0, memoryview(bytearray(1 << 18)), time.monotonic()
    while length := peer.recv_into(buffer):
        count += length
    print(json.dumps([count, time.monotonic() - started]))
"""
_SEND = """
import socket, sys, time
address, seconds = sys.argv[1], float(sys.argv[2])
piece, count, started = bytes(1 << 18), 0, time.monotonic()
with socket.create_connection((address, 5001), 20) as peer:
    while time.monotonic() - started < seconds:
        peer.sendall(piece)
        count += len(piece)
print(count)
"""

RECEIVE = [sys.executable, "-c", _RECEIVE]
SEND = [sys.executable, "-c", _SEND]
"""And the address and for how many seconds."""


def mbit_per_second(sent: str, received: str) -> float:
    """From what the two printed. All that was sent has arrived, or the measurement is none."""
    count, seconds = json.loads(received)
    assert count == int(sent), f"sent {sent}, received {count}"
    return float(8 * count / seconds / 1e6)
