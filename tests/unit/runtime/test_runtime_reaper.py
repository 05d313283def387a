"""An init takes the exit status of every child, but for those that somebody waits for."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess

from lab.runtime.reaper import Reaper


async def _ended(*command: str) -> subprocess.Popen[bytes]:
    """A child that has ended, after the loop has heard of it."""
    child = subprocess.Popen(command)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(10):
        signal.raise_signal(signal.SIGCHLD)
        await asyncio.sleep(0)
    return child


def test_the_status_of_a_child_is_left_to_whoever_waits_for_it() -> None:
    async def scenario() -> int:
        with Reaper(asyncio.get_running_loop()).leaving_children():
            return (await _ended("sh", "-c", "exit 7")).wait()

    assert asyncio.run(scenario()) == 7


def test_other_children_do_not_stay() -> None:
    async def scenario() -> list[int]:
        reaper = Reaper(asyncio.get_running_loop())
        children = [await _ended("true")]
        with reaper.leaving_children():
            children.append(await _ended("true"))
        left = []
        for child in children:
            try:
                os.waitpid(child.pid, 0)
            except ChildProcessError:
                child.returncode = 0  # or Popen would wait for it, in vain
            else:
                left.append(child.pid)
        return left

    assert asyncio.run(scenario()) == []
