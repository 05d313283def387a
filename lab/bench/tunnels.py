"""The tunnels of the reference lab: what they add to `up`, and what one of them carries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from lab.bench.labs import COMMAND_END_S, command_seconds
from lab.bench.pair import Like, end, establish
from lab.bench.sending import transfer
from lab.runtime.steering import ROUTER

NAME, BY_HAND = "bench-tunnels", "bench-by-hand"
REFERENCE = Path(__file__).parents[2] / "scenarios" / "topologies" / "expressroute-vpn.yaml"

DEVICE, GATEWAY = "vpn1", "vpngw-secure-0"
INNER = IPv4Address("10.2.0.228")
"""The gateway's."""

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
    kept = [one for one in data["connections"] if "local_network_gateway2" not in one]
    with _written(data | {"connections": kept}) as path:
        yield path


@contextmanager
def _written(data: dict[str, Any]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(data, file)
        file.flush()
        yield file.name


@dataclass(frozen=True)
class Lab:
    """The reference lab, running."""

    name: str
    like: Like
    dataplane: str

    def throughput(self, seconds: float) -> float:
        """Mbit/s of TCP from the device's end of a tunnel to the gateway's."""
        return transfer(self.enter(DEVICE), self.enter(GATEWAY), INNER, seconds)

    def enter(self, namespace: str) -> tuple[str, ...]:
        return _words("exec", "--name", self.name, namespace, "--")


@contextmanager
def running(name: str) -> Iterator[Lab | None]:
    """None where it has no tunnels. With Azure's BGP timers: what sessions say to each other takes time, too,
    and the host that sends at its limit may forget to say it within those of drills."""
    try:
        with _written(yaml.safe_load(REFERENCE.read_text()) | {"timers": "azure"}) as path:
            command_seconds("up", path, "-q", "--name", name)
        facts = _json("inspect", "--name", name)
        yield _lab(name, facts) if facts["tunnels"] else None
    finally:
        command_seconds("down", "--name", name)


@contextmanager
def set_up_by_hand(lab: Lab) -> Iterator[Callable[[float], float]]:
    """A pair in the place of the lab's own, with the lab's network between them: what measures it."""
    ends = ((DEVICE, GATEWAY), (GATEWAY, DEVICE))
    tunnels = {(each["node"], each["peer"]): each for each in _json("inspect", "--name", lab.name)["tunnels"]}
    for node, peer in ends:
        stop = ("daemon_stop", f"node={node}", f"tunnel={peer}", "--as", node)
        _said("fault", "apply", "--name", lab.name, *stop)
    with tempfile.TemporaryDirectory() as folder:
        outer = [IPv4Address(tunnels[each]["local_address"]) for each in ends]
        near, far = (
            end(lab.enter("~".join(each)), Path(folder), number, outer[number], ROUTER.ip)
            for number, each in enumerate(ends)
        )
        establish(near, far, lab.like)
        yield lambda seconds: transfer(near.enter, far.enter, far.inner, seconds)


def _lab(name: str, facts: dict[str, Any]) -> Lab:
    tunnel = next(one for one in facts["tunnels"] if (one["node"], one["peer"]) == (DEVICE, GATEWAY))
    folder = next(Path(one["folder"]) for one in _json("list") if one["name"] == name)
    settings = (folder / "tunnels" / f"{DEVICE}~{GATEWAY}" / "strongswan.conf").read_text()
    link = json.loads(_said("exec", "--name", name, DEVICE, "--", "ip", "-j", "link", "show", GATEWAY))
    plugins = re.findall(r"load = (.*)", settings)[0]
    like = Like(plugins, KEYWORDS[tunnel["esp_proposal"]], link[0]["mtu"])
    return Lab(name, like, facts["dataplane"])


def _words(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "lab", *words)


def _said(*words: str) -> str:
    done = subprocess.run(_words(*words), check=True, capture_output=True, text=True, timeout=COMMAND_END_S)
    return done.stdout


def _json(*words: str) -> Any:
    return json.loads(_said(*words, "-f", "json"))
