"""A few shipped scenarios hold in containers, too; `make scenarios BACKEND=docker` runs all."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from shipped import SCENARIOS

from lab.runtime.docker.engine import Engine

pytestmark = [pytest.mark.lab, pytest.mark.docker]

FEW = (
    "filtering/region-added-live",
    "limits/private-peering-4000",
    "tunnels/provider-edge-down",
    "tunnels/rekey-without-loss",
    "tunnels/silent-peer",
)
"""Changes of a lab that runs, a session that is dropped, links and daemons that a fault takes, flows."""
AT_ONCE = 2
LIMIT_S = 300


@pytest.fixture(scope="module")
def outcomes(containers: Engine) -> dict[str, Any]:
    """What became of all, by the path of the file."""
    files = [str(SCENARIOS[name]) for name in FEW]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "lab",
            "test",
            *files,
            "--backend",
            "docker",
            "-j",
            str(AT_ONCE),
            "-f",
            "json",
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stdout, done.stderr
    return {result["file"]: result for result in json.loads(done.stdout)["scenarios"]}


@pytest.mark.parametrize("name", FEW)
def test_it_holds(outcomes: dict[str, Any], name: str) -> None:
    result = outcomes[str(SCENARIOS[name])]
    assert result["outcome"] == "passed", result
