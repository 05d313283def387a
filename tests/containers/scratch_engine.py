"""An engine of a test's own, small and gone with the test; the host's are not touched."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import BackendError
from lab.runtime.docker.engine import Engine, connect
from lab.runtime.process import node_environment
from lab.timing import Budget, wait_until

ENGINE_STARTS = Budget("engine-starts", 60)
ENGINE_ENDS = Budget("engine-ends", 30)

START = """\
mount -t tmpfs -o size={size} tmpfs {folder}
for ids in {ids}; do
  printf '%s:100000:65536\n' nobody nogroup >{folder}/ids
  mount --bind {folder}/ids $ids
done
exec dockerd --data-root {folder}/data --exec-root {folder}/exec --pidfile {folder}/pid \
  --host unix://{socket} --iptables=false --bridge=none {options}
"""
"""In a mount namespace, which takes its disk along when the engine ends, and its files of subordinate ids."""

REMAPPED = "--userns-remap=nobody:nogroup"
SUBORDINATE_IDS = ("/etc/subuid", "/etc/subgid")


@contextlib.contextmanager
def scratch_engine(size: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> Iterator[Engine]:
    """An engine with a disk of ``size``, begun with these options, and DOCKER_HOST names it."""
    if os.geteuid() != 0 or shutil.which("dockerd", path=node_environment()["PATH"]) is None:
        pytest.skip("an engine of the test's own needs root and dockerd")
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, Path(folder, "log").open("wb") as log:
        Path(folder).chmod(0o711)  # a remapped root is an ordinary user to the kernel
        (disk := Path(folder, "disk")).mkdir()
        ids = SUBORDINATE_IDS if REMAPPED in options else ()
        script = START.format(
            size=size,
            folder=disk,
            socket=f"{folder}/socket",
            ids=" ".join(filter(os.path.exists, ids)),
            options=" ".join(options),
        )
        daemon = subprocess.Popen(
            ["unshare", "--mount", "sh", "-euc", script], stdout=log, stderr=log, env=node_environment()
        )
        try:
            monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/socket")
            engine = _connected(Path(folder, "log"))
            yield engine
            engine.close()
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(ENGINE_ENDS.seconds)
            _end_shims(folder)


def _end_shims(folder: str) -> None:
    """Of an engine that was killed: what containers hang on stays, and so do those that never began."""
    found = subprocess.run(
        ["pgrep", "-f", f"^[^ ]*containerd-shim.*{folder}/"], stdout=subprocess.PIPE, text=True
    )
    for shim in found.stdout.split():
        subprocess.run(["pkill", "-KILL", "--parent", shim], check=False)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(shim), signal.SIGKILL)


def _connected(log: Path) -> Engine:
    def attempt() -> Engine | str:
        try:
            return connect()
        except BackendError as error:
            return f"{error.message}; {log.read_text()[-500:]}"

    found = wait_until("an engine", attempt, lambda seen: isinstance(seen, Engine), ENGINE_STARTS)
    assert isinstance(found, Engine)
    return found
