"""Kills, repetition, neighbours, dead daemons: nothing is left and the next lab works."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from host_state import snapshot
from lab_client import Lab, eventually, marked_processes, mseelab, new_mark, start, unique

TOPOLOGY = "expressroute-basic"
KILLS = 50
UP_TAKES_S = 2.0
"""Kills are spread over this long; some fall after `up` is done, which is as good."""


def _comm(pid: int) -> str:
    with contextlib.suppress(OSError), Path(f"/proc/{pid}/comm").open() as file:
        return file.read().strip()
    return ""


def _supervisor(mark: str, command: int) -> int | None:
    """The init of the lab: the marked process whose PID in its own namespace is 1."""
    for pid in marked_processes(mark):
        with contextlib.suppress(OSError), Path(f"/proc/{pid}/status").open() as file:
            for line in file:
                if line.startswith("NSpid:") and line.split()[-1] == "1" and pid != command:
                    return pid
    return None


def _kill_at(moment_s: float, victim: str, name: str) -> None:
    """Start `up`, kill -9 the command or the supervisor after a while, and see all go."""
    mark = new_mark()
    command = start("up", TOPOLOGY, "--name", name, mark=mark)
    with contextlib.suppress(Exception):
        command.wait(moment_s)
    pid = command.pid if victim == "command" else _supervisor(mark, command.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid or command.pid, signal.SIGKILL)
    if victim == "supervisor" and pid is not None:
        output, _ = command.communicate(timeout=30)
        assert command.returncode in (0, 3), output
        assert (command.returncode == 0) == (" is up after " in output), output
        assert "Traceback" not in output
    command.kill()
    command.communicate()
    if any(_comm(process) for process in marked_processes(mark)):
        # Killed after `up` had returned: the lab lives on, as it should; end it.
        eventually(
            f"the lab ends or runs (killed the {victim} at {moment_s:.3f} s)",
            lambda: not marked_processes(mark) or mseelab("down", "--name", name).returncode == 0,
        )
    eventually(
        f"no process is left (killed the {victim} at {moment_s:.3f} s)",
        lambda: not marked_processes(mark),
    )


@pytest.mark.usefixtures("host_alone")
def test_kill_at_random_moments_leaves_nothing() -> None:
    before, name = snapshot(), unique("test-kill")
    moments = random.Random(20260301)
    for number in range(KILLS):
        victim = "command" if number % 2 else "supervisor"
        _kill_at(moments.uniform(0.0, UP_TAKES_S), victim, name)
    assert snapshot() == before
    done = mseelab("up", TOPOLOGY, "--name", name)
    assert done.returncode == 0, done.stderr
    assert mseelab("down", "--name", name).returncode == 0


def test_interrupting_up_leaves_nothing_and_exits_130() -> None:
    mark, name = new_mark(), unique("test-interrupt")
    command = start("up", TOPOLOGY, "--name", name, mark=mark)
    eventually("the supervisor is there", lambda: _supervisor(mark, command.pid) is not None)
    command.send_signal(signal.SIGINT)
    output, _ = command.communicate(timeout=30)
    assert command.returncode == 130, output
    eventually("no process is left", lambda: not marked_processes(mark))
    assert name not in mseelab("list").stdout


@pytest.mark.usefixtures("host_alone")
def test_twenty_labs_in_a_row() -> None:
    before, name = snapshot(), unique("test-twenty")
    mark = new_mark()
    for _ in range(20):
        up = mseelab("up", TOPOLOGY, "--name", name, mark=mark)
        assert up.returncode == 0, up.stderr
        down = mseelab("down", "--name", name)
        assert down.returncode == 0, down.stderr
        eventually("no process is left", lambda: not marked_processes(mark))
    assert snapshot() == before


def test_four_labs_side_by_side_with_the_same_addresses(start_lab: Callable[[str, str], Lab]) -> None:
    labs = [start_lab(TOPOLOGY, f"test-side-{number}") for number in range(4)]
    for lab in labs:
        assert {session["state"] for session in lab.inspect()["bgp_sessions"]} == {"established"}
        assert lab.reaches("app1", "10.17.1.4")
    ambiguous = mseelab("inspect")
    assert ambiguous.returncode == 2
    assert "--name" in ambiguous.stderr


@pytest.fixture
def lab(start_lab: Callable[[str, str], Lab]) -> Lab:
    return start_lab(TOPOLOGY, "test-robust")


def test_entering_nodes_leaves_no_descriptor_behind_in_the_supervisor(lab: Lab) -> None:
    def descriptors() -> list[str]:
        return lab.execute("app1", "ls", "/proc/1/fd").stdout.split()

    before = descriptors()
    assert before
    for _ in range(5):
        assert len(descriptors()) == len(before)


def _daemon_pids(lab: Lab, node: str) -> list[int]:
    """Every pid the node's daemon has had, oldest first, in the lab's own numbers."""
    return [e["pid"] for e in lab.events() if e["kind"] == "daemon-started" and e["node"] == node]


def _kill_daemon(lab: Lab, node: str) -> None:
    lab.kill(node, _daemon_pids(lab, node)[-1])


@pytest.mark.everywhere
def test_a_daemon_that_dies_is_seen_and_started_again(lab: Lab) -> None:
    _kill_daemon(lab, "ce1/core")
    eventually("the death is an event", lambda: "daemon-died" in {e["kind"] for e in lab.events()})
    died = next(e for e in lab.events() if e["kind"] == "daemon-died")
    assert died["node"] == "ce1/core"
    assert died["status"] == "SIGKILL"
    eventually(
        "all sessions are back",
        lambda: {s["state"] for s in lab.inspect()["bgp_sessions"]} == {"established"},
        seconds=30,
    )
    assert lab.reaches("app1", "10.17.1.4")


@pytest.mark.everywhere
def test_a_daemon_that_keeps_dying_shows_and_is_restarted_with_growing_pauses(lab: Lab) -> None:
    for number in range(1, 5):
        eventually("it runs", lambda count=number: len(_daemon_pids(lab, "core1")) == count)
        _kill_daemon(lab, "core1")
    assert {node["name"]: node["state"] for node in lab.inspect()["nodes"]}["core1"] == "restarting"
    pauses = [e["restart_in_s"] for e in lab.events() if e["kind"] == "daemon-died"]
    assert pauses == [pauses[0] * 2**number for number in range(4)]


@pytest.mark.everywhere
def test_a_second_lab_of_the_same_name_is_refused_and_the_first_lives(lab: Lab) -> None:
    done = mseelab("up", TOPOLOGY, "--name", lab.name)
    assert done.returncode == 2
    assert "already running" in done.stderr
    assert "Traceback" not in done.stderr
    assert lab.inspect()["state"] == "running"


def test_down_is_idempotent() -> None:
    assert mseelab("down", "--name", "test-never-was").returncode == 0
