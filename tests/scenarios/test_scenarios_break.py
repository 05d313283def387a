"""Every shipped scenario fails when its claim is broken, at the step that makes the claim.

A false claim is waited for until the lab's timers are over, and then as long again. So all are run
at once, by one command, before the first result is looked at.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from shipped import Breakage, breakages

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="once is enough, as root"),
]

HASTY = Path(__file__).with_name("hasty.py")
AT_ONCE = 10
"""They mostly wait."""
LIMIT_S = 1200


@dataclass(frozen=True)
class Run:
    """What became of the broken scenarios, by the names of their files."""

    exit_code: int
    results: dict[str, Any]


@pytest.fixture(scope="module")
def broken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Those that this session has tests for, or all."""
    folder = tmp_path_factory.mktemp("broken")
    chosen = [item.callspec.params["breakage"] for item in request.session.items if _is_ours(item)]
    _write(chosen or breakages(), folder)
    done = subprocess.run(
        [sys.executable, str(HASTY), "test", str(folder), "-j", str(AT_ONCE), "-f", "json"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stdout, done.stderr
    results = json.loads(done.stdout)["scenarios"]
    return Run(done.returncode, {Path(result["file"]).stem: result for result in results})


def _is_ours(item: Any) -> bool:
    return item.path == Path(__file__) and hasattr(item, "callspec")


def _write(chosen: Iterable[Breakage], folder: Path) -> None:
    for breakage in chosen:
        document = breakage.document() | {"name": f"broken-{len(list(folder.iterdir()))}"}
        (folder / f"{_stem(breakage)}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def _stem(breakage: Breakage) -> str:
    return str(breakage).replace("/", "-")


@pytest.mark.parametrize("breakage", breakages(), ids=str)
def test_it_fails_where_its_claim_is_made(broken: Run, breakage: Breakage) -> None:
    result = broken.results[_stem(breakage)]
    if result["skipped"]:
        pytest.skip(result["skipped"])
    steps = result["steps"]
    stopped = [step for step in steps if step["outcome"] in ("failed", "error")]
    assert [(step["say"], step["outcome"]) for step in stopped] == [(breakage.fails, "failed")], stopped
    assert not (stopped[0]["later"] or "").startswith("it held"), "it was only slow"


def test_the_command_says_so(broken: Run) -> None:
    assert broken.exit_code == 1
