"""Labs with tunnels for tests: changed topologies, and captures of several interfaces at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_client import COMMAND, Lab, environment
from scapy.utils import PcapNgReader

from lab.runtime.capability import libipsec

REFERENCE = Path(__file__).parents[2] / "scenarios" / "topologies" / "expressroute-vpn.yaml"
DEVICE, GATEWAYS = "203.0.113.110", ("52.175.253.112", "52.175.250.191")
HOST, SECURE_VM = "10.0.0.10", "10.2.0.4"


def _missing() -> str | None:
    """What this host lacks for tunnels."""
    if shutil.which("charon-systemd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
        return "charon-systemd is not installed"
    if libipsec() is None:
        return "strongSwan's plugin kernel-libipsec is not installed"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"/dev/net/tun is not open to us: {error.strerror}"
    return None


MISSING = _missing()
needs_data_plane = pytest.mark.skipif(MISSING is not None, reason=f"no IPsec tunnels here: {MISSING}")


def topology(folder: Path, change: Callable[[Any], None]) -> Path:
    """The reference topology with a change, as a file."""
    data = yaml.safe_load(REFERENCE.read_text())
    change(data)
    path = folder / "topology.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def secure(data: Any) -> Any:
    return next(one for one in data["connections"] if one["name"] == "conn-secure")


def device(data: Any) -> Any:
    return data["on_premises"][0]["vpn_devices"][0]


def tunnel(lab: Lab, name: str, node: str) -> dict[str, Any]:
    return next(one for one in lab.inspect()["tunnels"] if (one["name"], one["node"]) == (name, node))


def states(lab: Lab) -> set[str]:
    return {one["state"] for one in lab.inspect()["tunnels"]}


@contextmanager
def captured(lab: Lab, *interfaces: str, folder: Path) -> Iterator[list[Any]]:
    """What passes those interfaces inside the block, in the list after it."""
    seen: list[Any] = []
    paths = [folder / f"{number}.pcapng" for number, _ in enumerate(interfaces)]
    with ExitStack() as stack:
        running = []
        for interface, path in zip(interfaces, paths, strict=True):
            process = subprocess.Popen(
                [*COMMAND, "capture", interface, "-w", str(path)],
                stderr=subprocess.PIPE,
                env=environment(lab.mark, MSEELAB_NAME=lab.name),
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stderr is not None
            assert process.stderr.readline().startswith(b"capturing on ")
            running.append(process)
        yield seen
        for process in running:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    for path in paths:
        with PcapNgReader(str(path)) as reader:
            seen += list(reader)


def policy(**changes: Any) -> dict[str, Any]:
    policy = {
        "sa_life_time_seconds": 3600,
        "sa_data_size_kilobytes": 102400000,
        "ipsec_encryption": "GCMAES256",
        "ipsec_integrity": "GCMAES256",
        "ike_encryption": "AES256",
        "ike_integrity": "SHA256",
        "dh_group": "DHGroup14",
        "pfs_group": "None",
    }
    return {"connection": "conn-secure", "ipsec_policies": [policy | changes]}
