"""How a daemon ends, and how a fault keeps it from doing anything, whichever daemon it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection

from lab.errors import BackendError
from lab.fault.effects import Halt
from lab.timing import DAEMON_END, Backoff

FIRST_RESTART_S = 0.25
LONGEST_RESTART_S = 10.0

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


def restarts() -> Backoff:
    """The pauses before a daemon is started again that ends and ends; they double."""
    return Backoff(FIRST_RESTART_S, LONGEST_RESTART_S, growth=2)


async def end_of(daemon: str, ended: asyncio.Event) -> None:
    """Until it has ended. Raises BackendError when it does not in time."""
    try:
        await asyncio.wait_for(ended.wait(), DAEMON_END.seconds)
    except TimeoutError:
        limit = f"{DAEMON_END.seconds:g} s ({DAEMON_END.name})"
        raise BackendError(f"{daemon} did not end in {limit}", hint="`how: kill` does not ask it") from None


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
