"""An engine that goes while a lab on it comes up: the reason is told, and nothing runs on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scratch_engine import scratch_engine

from lab.errors import BackendError
from lab.runtime.docker.containers import LAB
from lab.runtime.docker.engine import Engine
from lab.runtime.docker.images import BASE, EXABGP, STRONGSWAN
from lab.runtime.rundir import folder_of
from lab.timing import Budget, wait_until

BEGUN = Budget("test-begun", 60)
ENDED = Budget("test-ended", 60)


def test_an_engine_that_dies_while_a_lab_comes_up_is_the_reason_told(
    containers: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [b"".join(containers.client.api.get_image(name)) for name in (BASE, EXABGP, STRONGSWAN)]
    with scratch_engine("1200m", monkeypatch) as engine:
        for image in images:
            engine.client.images.load(image)
        name = f"test-dying-{os.getpid() % 10000}"
        words = ["up", "expressroute-vpn", "--name", name, "--backend", "docker"]
        command = subprocess.Popen(
            [sys.executable, "-m", "lab", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        begun = wait_until("one of the last runs", lambda: _running(engine, name), _has_last, BEGUN)
        pids = [each.attrs["State"]["Pid"] for each in begun]
        os.kill(_daemon(engine), signal.SIGKILL)
        said, _ = command.communicate(timeout=ENDED.seconds)
        assert command.returncode == BackendError.exit_code, said
        assert "the Docker engine went away" in said
        assert "Traceback" not in said
        wait_until("no process is left", lambda: [p for p in pids if Path(f"/proc/{p}").exists()], _no, ENDED)
        folder_of(name).remove()  # it waits for an engine that does not come back


def _no(left: list[int]) -> bool:
    return not left


def _has_last(begun: list[Any]) -> bool:
    """Those without a daemon come last, and there are more of them than begin at a time."""
    return BASE in {each.attrs["Config"]["Image"] for each in begun}


def _running(engine: Engine, lab: str) -> list[Any]:
    return list(engine.client.containers.list(filters={"label": f"{LAB}={lab}"}))


def _daemon(engine: Engine) -> int:
    """The pid of the engine, as the mount namespace of its disk has it in a file."""
    folder = Path(engine.address.removeprefix("unix://")).parent
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"dockerd") and f"unix://{folder}/socket".encode() in words:
                return int(entry.name)
    raise AssertionError("no engine runs")
