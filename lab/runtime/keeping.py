"""Keeping a tunnel's end: its charon is started again when it dies, and its tunnel begun again.

The lab begins tunnels, not charon: an end that starts tries at once when told to, and again every
few seconds for as long as there is no tunnel, as Azure's gateways do. An end that leaves the first
word to its peer begins a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from lab.errors import BackendError
from lab.ipsec.associations import DOWN
from lab.plan.tunnels import Initiation
from lab.runtime.halting import ends, exit_of, restarts
from lab.runtime.tunnel_end import RunningEnd
from lab.timing import TUNNEL_RETRY_S

PATIENCE_S = 3.0
"""What an end that could begin itself leaves its peer to do so."""


async def keep(running: RunningEnd) -> None:
    """Start its charon again when it dies, after a pause that doubles up to a limit."""
    events, namespace = running.around.events, running.end.namespace
    pauses = restarts()
    while True:
        if running.pid is not None:
            await exit_of(running.pid)
        await running.drop()
        if ends(running.halt):
            events.write("daemon-halted", namespace, daemon="charon")
            pauses = restarts()
        else:
            pause = pauses.next()
            events.write("daemon-died", namespace, daemon="charon", restart_in_s=pause)
            await asyncio.sleep(pause)
        while ends(running.halt):
            running.resumed.clear()
            await running.resumed.wait()
        try:
            await running.launch()
            pauses = restarts()
        except BackendError as error:
            events.write("daemon-failed", namespace, daemon="charon", text=str(error))
            kill(running)


def kill(running: RunningEnd) -> None:
    """Without asking."""
    if running.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)


async def initiate(running: RunningEnd, opened: asyncio.Event) -> None:
    """Begin its tunnel once that is ``opened``, and again whenever there is none."""
    await opened.wait()
    useless: frozenset[str] = frozenset()
    while True:
        if running.end.initiation is Initiation.PATIENT:
            await _until_begun(running)
        with contextlib.suppress(BackendError):
            useless = await running.begin(useless)
        running.changed.clear()
        await _wait(running.changed, TUNNEL_RETRY_S)


async def _until_begun(running: RunningEnd) -> None:
    """Until the peer has, or its time to do so is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while running.associations.state == DOWN:
                running.changed.clear()
                await running.changed.wait()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
