"""TCP from one place to another for a while: two small programs, and what they measured."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Address

from lab.runtime.process import node_environment
from lab.timing import PATIENCE

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
DONE_S = 60.0 * PATIENCE
"""For a transfer of seconds, and two interpreters to start."""


def transfer(source: tuple[str, ...], target: tuple[str, ...], address: IPv4Address, seconds: float) -> float:
    """Mbit/s from one place to an address of the other; a place is the words that run a command there.

    All that was sent has arrived, or this is no measurement.
    """
    receive = [*target, sys.executable, "-c", _RECEIVE]
    send = [*source, sys.executable, "-c", _SEND, str(address), str(seconds)]
    with subprocess.Popen(receive, stdout=subprocess.PIPE, text=True, env=node_environment()) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == LISTENING
        sender = subprocess.run(
            send, stdout=subprocess.PIPE, text=True, env=node_environment(), check=True, timeout=DONE_S
        )
        count, took = json.loads(receiver.communicate(timeout=DONE_S)[0])
    assert count == int(sender.stdout), f"sent {sender.stdout}, received {count}"
    return float(8 * count / took / 1e6)
