"""Labs with tunnels for tests: changed topologies, and captures of several interfaces at once."""

from __future__ import annotations

import asyncio
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

from lab.errors import BackendError
from lab.ipsec.vici import Session
from lab.runtime.capability import obstacles_here
from lab.runtime.isolation import run_isolated
from lab.runtime.planes import PLANES
from lab.runtime.rundir import short_path
from lab.timing import PATIENCE

REFERENCE = Path(__file__).parents[2] / "scenarios" / "topologies" / "expressroute-vpn.yaml"
DEVICE, GATEWAYS = "203.0.113.110", ("52.175.253.112", "52.175.250.191")
HOST, SECURE_VM = "10.0.0.10", "10.2.0.4"


def _obstacles() -> dict[str, str | None]:
    try:
        found: dict[str, str | None] = run_isolated(obstacles_here)
    except BackendError as error:
        return dict.fromkeys((plane.name for plane in PLANES), error.message)
    return found


OBSTACLES = _obstacles()
"""What keeps each data plane from working on this host; None where nothing does."""
MISSING = "; ".join(map(str, OBSTACLES.values())) if all(OBSTACLES.values()) else None
"""What keeps this host from having tunnels; None where it has some."""


def needs_data_plane(test: Callable[..., None]) -> Callable[..., None]:
    """Runs on every data plane that is here, if the labs it takes are started for it alone."""
    missing = pytest.mark.skipif(MISSING is not None, reason=f"no IPsec tunnels here: {MISSING}")
    marked: Callable[..., None] = pytest.mark.data_plane(missing(test))
    return marked


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
def captured(lab: Lab, *interfaces: str, folder: Path, words: tuple[str, ...] = ()) -> Iterator[list[Any]]:
    """What passes those interfaces inside the block, in the list after it; ``words`` are further ones
    for `capture`."""
    seen: list[Any] = []
    paths = [folder / f"{number}.pcapng" for number, _ in enumerate(interfaces)]
    with ExitStack() as stack:
        running = []
        for interface, path in zip(interfaces, paths, strict=True):
            process = subprocess.Popen(
                [*COMMAND, "capture", interface, "-w", str(path), *words],
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
            process.wait(20 * PATIENCE)
    for path in paths:
        with PcapNgReader(str(path)) as reader:
            seen += list(reader)


def folder_of(lab: Lab) -> Path:
    """Its run folder."""
    return next(Path(one["folder"]) for one in lab.json("list") if one["name"] == lab.name)


def rekeyed(lab: Lab, children: int = 1) -> None:
    """New keys asked for at the device: ESP associations some times, IKE associations once."""
    folders = sorted((folder_of(lab) / "tunnels").glob("vpn1~*"))
    asyncio.run(_rekeyed(folders, children))


async def _rekeyed(folders: list[Path], children: int) -> None:
    for folder in folders:
        with short_path(folder / "vici.sock") as path:
            session = await Session.connect(path, lambda _name, _facts: None)
        (associations,) = await session.streamed("list-sas", "list-sa")
        for what in (*[{"child": "any"}] * children, {"ike": next(iter(associations))}):
            answer = await session.command("rekey", what)
            assert int(answer["matches"]) >= 1
        await session.close()


def replaced(lab: Lab, times: int) -> None:
    """The IKE association of one tunnel by another, so many times in a row."""
    asyncio.run(_replaced(folder_of(lab) / "tunnels" / "vpn1~vpngw-secure-0", times))


async def _replaced(folder: Path, times: int) -> None:
    with short_path(folder / "vici.sock") as path:
        session = await Session.connect(path, lambda _name, _facts: None)
    async with asyncio.timeout(REPLACED_S * PATIENCE):
        for _ in range(times):
            before = await _standing(session)
            assert before
            await session.command("rekey", {"ike-id": min(before)})
            while await _standing(session) <= before:
                pass
    await session.close()


REPLACED_S = 60


async def _standing(session: Session) -> set[str]:
    listed = await session.streamed("list-sas", "list-sa")
    ikes = (ike for event in listed for ike in event.values())
    return {ike["uniqueid"] for ike in ikes if ike["state"] == "ESTABLISHED"}


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
