"""An engine that labs cannot run on is told apart by what it says of itself, and nothing is begun there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from scratch_engine import REMAPPED, scratch_engine

from lab.errors import BackendError
from lab.runtime.rundir import folder_of


def test_an_engine_that_remaps_users_is_refused_and_doctor_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"test-remapped-{os.getpid() % 10000}"
    with scratch_engine("100m", monkeypatch, REMAPPED) as engine:
        asked = engine.client.info()["SecurityOptions"]
        assert "name=userns" in asked
        for words in (("up", "expressroute-basic", "--name", name, "--backend", "docker"), ("doctor",)):
            done = run(*words)
            assert "Traceback" not in done.stderr
            assert f"the engine at {engine.address} remaps users (userns-remap)" in done.stdout + done.stderr
            assert "start an engine without `userns-remap`" in done.stdout + done.stderr
            assert done.returncode == (BackendError.exit_code if words[0] == "up" else 0)
        assert not engine.client.containers.list(all=True)
    assert not folder_of(name).path.exists()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "lab", *words], capture_output=True, text=True, check=False)
