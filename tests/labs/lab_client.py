"""Driving real labs from tests: through the command line, as a user does.

Every process started here carries a mark in its environment, which all its descendants
inherit; so "nothing is left" can be asked of the kernel.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from lab.runtime.names import DOCKER
from lab.runtime.process import node_environment
from lab.timing import PATIENCE, PATIENCE_VARIABLE

MARK = "MSEELAB_TEST_MARK"
COMMAND = [sys.executable, "-m", "lab"]
LIMIT_S = 120 * PATIENCE
"""No command takes this long; one that does is killed and the test fails."""

IN_NODE = """
import sys
from lab.cli.options import connect
from lab.probe.joining import join
_, name, node, script, *rest = sys.argv
join(connect(name), node)
sys.argv = ["-c", *rest]
exec(script)
"""


def environment(mark: str, **more: str) -> dict[str, str]:
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("MSEELAB_") or key == PATIENCE_VARIABLE
    }
    return inherited | {MARK: mark} | more


def new_mark() -> str:
    return uuid.uuid4().hex


def unique(name: str) -> str:
    """Two runs of these tests may go on at once: a name of this run's own, short enough."""
    return f"{name}-{os.getpid() % 10000}"


def mseelab(*words: str, mark: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with these environment variables; output is text."""
    return subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(mark, **variables),
        check=False,
    )


def start(*words: str, mark: str) -> subprocess.Popen[str]:
    """Start a command without waiting."""
    return subprocess.Popen(
        [*COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(mark),
    )


@contextmanager
def bearable(topology: str) -> Iterator[str]:
    """Name or file of a topology; on a slow host it has Azure's BGP timers. Those of drills are ten seconds,
    and who needs so long for a round of keepalives loses sessions, mends them and is slower still."""
    if PATIENCE < SLOW:
        yield topology
        return
    path = Path(topology) if topology.endswith(".yaml") else TOPOLOGIES / f"{topology}.yaml"
    with TemporaryDirectory() as folder:
        borne = Path(folder, path.name)
        borne.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"timers": "azure"}))
        yield str(borne)


SLOW = 4
"""The patience from which on a host is."""
TOPOLOGIES = Path(__file__).parents[2] / "scenarios" / "topologies"


def marked_processes(mark: str) -> list[int]:
    """The pids of all living processes that carry the mark, wherever they stand."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def eventually(what: str, holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll fast until it holds; fail with ``what`` when it does not, on a slow host later."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


class Lab:
    """A running lab, by name."""

    def __init__(self, name: str, mark: str = "") -> None:
        self.name = name
        self.mark = mark

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return mseelab(verb, *words, mark=self.mark, MSEELAB_NAME=self.name)

    def json(self, verb: str, *words: str) -> Any:
        done = self.run(verb, *words, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def inspect(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.json("inspect")
        return answer

    def execute(self, node: str, *command: str) -> subprocess.CompletedProcess[str]:
        return self.run("exec", node, "--", *command)

    def python(self, node: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Python with what is installed here, and in the node's network."""
        with self.python_started(node, script, *arguments) as process:
            try:
                said, told = process.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, said, told)

    def python_started(self, node: str, script: str, *arguments: str) -> subprocess.Popen[str]:
        """The same, without waiting."""
        return subprocess.Popen(
            [sys.executable, "-c", IN_NODE, self.name, node, script, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=node_environment(environment(self.mark)),
        )

    def kill(self, node: str, pid: int, how: signal.Signals = signal.SIGKILL) -> None:
        """A daemon there, by the pid that its event has: in the lab's own numbers, or where nodes are
        containers in those of this host."""
        if self.inspect()["backend"] == DOCKER:
            os.kill(pid, how)
            return
        done = self.execute(node, "kill", f"-{how.value}", str(pid))
        assert done.returncode == 0, done.stderr

    def reaches(self, node: str, address: str) -> bool:
        """Whether one of a few echo requests is answered."""
        return self.execute(node, "ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", address).returncode == 0

    def pings(self, node: str, address: str, count: int, *words: str) -> None:
        """So many echo requests, all but the last in quick succession. ping waits for the answer to its last
        one no longer than for the next; here the last goes alone, behind the others, and is awaited."""
        for some in (("-c", str(count - 1), "-i", "0.02"), ("-c", "1")):
            done = self.execute(node, "ping", "-n", *some, "-W", "10", *words, address)
            assert done.returncode == 0, done.stdout

    def routes(self, node: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.json("show", "routes", node)
        return answer

    def best(self, node: str, prefix: str) -> dict[str, Any] | None:
        for route in self.routes(node):
            if route["prefix"] == prefix and route["best"]:
                return route
        return None

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("events").stdout.splitlines()]
