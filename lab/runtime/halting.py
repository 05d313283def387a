"""How a daemon ends, and how a fault keeps it from doing anything, whichever daemon it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection

from lab.fault.effects import Halt

STATES = {Halt.STOP: "stopped", Halt.KILL: "stopped", Halt.FREEZE: "frozen"}
"""The state of a daemon that a fault holds."""

SIGNALS = {Halt.STOP: signal.SIGTERM, Halt.KILL: signal.SIGKILL, Halt.FREEZE: signal.SIGSTOP}


def strongest(halts: Collection[Halt], before: Halt | None) -> Halt | None:
    """What several faults at once come to, after ``before``: who is killed need not be asked, and what
    has ended is not frozen."""
    for halt in (Halt.KILL, Halt.STOP):
        if halt in halts:
            return halt
    if not halts:
        return None
    return before if ends(before) else Halt.FREEZE


def ends(halt: Halt | None) -> bool:
    """Whether there is no process while it lasts."""
    return halt in (Halt.STOP, Halt.KILL)


def press(pid: int | None, before: Halt | None, halt: Halt | None) -> None:
    """Make the process, if there is one, do what is wanted of it now."""
    if pid is None:
        return
    numbers = [signal.SIGCONT] if before is Halt.FREEZE and halt is not Halt.FREEZE else []
    numbers += [SIGNALS[halt]] if halt is not None else []
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def exit_of(pid: int) -> None:
    """Until the process has ended; whoever is its parent reaps it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
