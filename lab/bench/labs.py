"""Timing labs: the reference lab through the command line, the line through the runtime."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.bench.line import line_plan
from lab.plan.types import Plan
from lab.runtime.lifecycle import running
from lab.runtime.rundir import RunFolder
from lab.timing import PATIENCE, Budget

LINE_CONVERGED = Budget("line-converged", 60.0 * PATIENCE)
COMMAND_END_S = 120.0 * PATIENCE
"""No command takes this long."""


def command_seconds(*words: str) -> float:
    """How long a command takes from outside, start of the interpreter included."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "lab", *words], check=True, capture_output=True, timeout=COMMAND_END_S
    )
    return time.monotonic() - started


@dataclass(frozen=True)
class LineRun:
    """``converge_s``: from the first daemon's start until converged; ``up_s``: all of it;
    ``pss_mb``: memory of all speakers and what they share, per speaker."""

    converge_s: float
    up_s: float
    pss_mb: float


def run_line(length: int) -> LineRun:
    with running(lambda: _named(length), LINE_CONVERGED) as up:
        wired = next(event["at"] for event in _events(up.folder) if event["kind"] == "progress")
        return LineRun(up.ready.seconds - wired, up.ready.seconds, _speaker_memory_mb() / length)


def _named(length: int) -> Plan:
    plan = line_plan(length)
    return replace(plan, name=f"bench-{plan.name}")


def _events(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.events.read_text().splitlines()]


def _speaker_memory_mb() -> float:
    """Proportional set size (proc(5), smaps_rollup) of all speakers and their zygote."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            name = (entry / "comm").read_text()
            if name.startswith(("bgp-r", "mseelab-zygote")):
                rollup = (entry / "smaps_rollup").read_text()
                total += int(rollup.split("Pss:")[1].split()[0])
        except OSError:
            continue
    return total / 1024
