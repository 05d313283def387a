"""Timing labs: the reference lab through the command line, the line through the runtime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.bench.line import line_plan
from lab.cli.down import end
from lab.runtime.launch import Launch, Orders
from lab.runtime.rundir import RunFolder, claim
from lab.timing import Budget

LINE_CONVERGED = Budget("line-converged", 60.0)


def command_seconds(*words: str) -> float:
    """How long a command takes from outside, start of the interpreter included."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "lab", *words], check=True, capture_output=True, timeout=120)
    return time.monotonic() - started


@dataclass(frozen=True)
class LineRun:
    """``converge_s``: from the first daemon's start until converged; ``up_s``: all of it;
    ``pss_mb``: memory of all speakers and what they share, per speaker."""

    converge_s: float
    up_s: float
    pss_mb: float


def run_line(length: int) -> LineRun:
    started_at = time.monotonic()
    launch = Launch()
    try:
        plan = line_plan(length)
        launch.await_isolation()
        folder, lock = claim(f"bench-{plan.name}")
        launch.begin(Orders(plan, folder.path, started_at, LINE_CONVERGED), lock)
        os.close(lock)
        ready = launch.wait(lambda _: None)
    except BaseException:
        launch.abandon()
        raise
    try:
        wired = next(event["at"] for event in _events(folder) if event["kind"] == "progress")
        return LineRun(ready.seconds - wired, ready.seconds, _speaker_memory_mb() / length)
    finally:
        end(folder)


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
