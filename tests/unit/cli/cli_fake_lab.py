"""The far end of a control socket, without a lab: canned answers to the command line."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.runtime.control import listen
from lab.runtime.rundir import RunFolder

Answers = Mapping[str, Any]

LAB: dict[str, Any] = {
    "lab": "demo",
    "state": "running",
    "backend": "netns",
    "dataplane": None,
    "dataplane_reason": None,
    "rootless": True,
    "tagging": "VXLAN",
    "nodes": [
        {"name": "ce1", "vrf": None, "role": "edge-router", "state": "running"},
        {"name": "ce1", "vrf": "core", "role": "edge-router", "state": "restarting"},
        {"name": "app1", "vrf": None, "role": "host", "state": "running"},
    ],
    "links": [{"name": "ce1--pe1", "a": "ce1:to-pe1", "b": "pe1:to-ce1", "state": "down"}],
    "bgp_sessions": [
        {
            "node": "ce1",
            "vrf": "core",
            "neighbor": "msee1/private",
            "local_address": "192.168.100.129",
            "peer_address": "192.168.100.130",
            "local_asn": 65010,
            "peer_asn": 12076,
            "state": "idle",
            "prefixes_received": 0,
            "uptime_s": None,
        }
    ],
    "tunnels": [],
    "faults": [],
}
"""An answer to `inspect` in which something is wrong everywhere."""

EVENTS = [
    {"time": 100.5, "at": 0.5, "kind": "progress", "text": "wired 3 namespaces"},
    {"time": 101.25, "at": 1.25, "kind": "session-up", "node": "ce1/core", "neighbor": "msee1/private"},
    {"time": 102.0, "at": 2.0, "kind": "fib", "node": "app1", "installed": ["10.0.0.0/24"], "removed": []},
]


@contextmanager
def fake_lab(base: Path, name: str, answers: Answers) -> Iterator[RunFolder]:
    """A claimed run folder under ``base`` whose control socket gives ``answers`` by request;
    a LabError is told as the supervisor would."""
    folder = RunFolder(base / name)
    folder.path.mkdir(parents=True)
    folder.topology.write_text("express_route_circuits:\n  - name: er\nname: of-the-file\n")
    folder.events.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    lock = os.open(folder.path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    listening = listen(folder.control_socket)
    listening.listen()
    threading.Thread(target=_serve, args=(listening, answers), daemon=True).start()
    try:
        yield folder
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        os.close(lock)


def _serve(listening: socket.socket, answers: Answers) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        with client, client.makefile("rwb") as stream:
            for line in stream:
                stream.write(json.dumps(_reply(answers[json.loads(line)["do"]])).encode() + b"\n")
                stream.flush()


def _reply(answer: Any) -> dict[str, Any]:
    if isinstance(answer, LabError):
        return {"error": answer.message, "hint": answer.hint, "exit_code": answer.exit_code}
    return {"answer": answer}
