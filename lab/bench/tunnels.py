"""The tunnels of the reference lab: what they add to `up`, and what one of them carries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.bench.labs import command_seconds
from lab.bench.pair import Like
from lab.bench.sending import LISTENING, RECEIVE, SEND, mbit_per_second

NAME = "bench-tunnels"
REFERENCE = Path(__file__).parents[2] / "scenarios" / "topologies" / "expressroute-vpn.yaml"

DEVICE, GATEWAY = "vpn1", "vpngw-secure-0"
INNER = {DEVICE: "172.16.0.3", GATEWAY: "10.2.0.228"}

KEYWORDS = {"AES_GCM_16/256": "aes256gcm16"}
"""strongSwan's for the proposal of the reference lab."""


def up_seconds(topology: str) -> float:
    """From outside; the lab is ended again."""
    try:
        return command_seconds("up", topology, "-q", "--name", NAME)
    finally:
        command_seconds("down", "--name", NAME)


@contextmanager
def without_tunnels() -> Iterator[str]:
    """The reference topology less its connections of type IPsec, as a file."""
    data = yaml.safe_load(REFERENCE.read_text())
    data["connections"] = [one for one in data["connections"] if "local_network_gateway2" not in one]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(data, file)
        file.flush()
        yield file.name


@dataclass(frozen=True)
class Lab:
    """The reference lab, running."""

    like: Like
    dataplane: str
    routers: int
    """Between the two charons."""

    def throughput(self, source: str, target: str, seconds: float) -> float:
        """Mbit/s of TCP from one end of a tunnel to the other."""
        with subprocess.Popen(
            _words("exec", target, "--", *RECEIVE), stdout=subprocess.PIPE, text=True
        ) as far:
            assert far.stdout is not None
            assert far.stdout.readline() == LISTENING
            sent = _said("exec", source, "--", *SEND, INNER[target], str(seconds))
            return mbit_per_second(sent, far.stdout.read())


@contextmanager
def running() -> Iterator[Lab | None]:
    """None where it has no tunnels."""
    command_seconds("up", str(REFERENCE), "-q", "--name", NAME)
    try:
        lab = json.loads(_said("inspect", "-f", "json"))
        yield _lab(lab) if lab["tunnels"] else None
    finally:
        command_seconds("down", "--name", NAME)


def _lab(lab: dict[str, Any]) -> Lab:
    tunnel = next(one for one in lab["tunnels"] if (one["node"], one["peer"]) == (DEVICE, GATEWAY))
    labs = json.loads(_said("list", "-f", "json"))
    folder = next(Path(one["folder"]) for one in labs if one["name"] == NAME)
    settings = (folder / "tunnels" / f"{DEVICE}~{GATEWAY}" / "strongswan.conf").read_text()
    link = json.loads(_said("exec", DEVICE, "--", "ip", "-j", "link", "show", GATEWAY))
    plugins = re.findall(r"load = (.*)", settings)[0]
    like = Like(plugins, KEYWORDS[tunnel["esp_proposal"]], link[0]["mtu"])
    return Lab(like, lab["dataplane"], _routers(tunnel["remote_address"]))


def _routers(address: str) -> int:
    """Those that an answer from the far end has passed, by its TTL, and the two ends' own, behind which
    their charons are."""
    answer = _said("exec", DEVICE, "--", "ping", "-n", "-c", "1", address)
    return 64 - int(re.findall(r"ttl=(\d+)", answer)[0]) + 2


def _words(verb: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "lab", verb, "--name", NAME, *words]


def _said(verb: str, *words: str) -> str:
    command = [sys.executable, "-m", "lab", "list", *words] if verb == "list" else _words(verb, *words)
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
