"""A lab's way up and down. There is one, for `mseelab up`, scenarios, tests and the benchmark."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import BackendError
from lab.plan.tunnel_facts import without_tunnels
from lab.plan.types import Plan
from lab.runtime import leftovers
from lab.runtime.claims import claim
from lab.runtime.control import Control
from lab.runtime.launch import Launch, Orders, Progress, Ready
from lab.runtime.names import AUTO
from lab.runtime.rundir import RunFolder
from lab.timing import CONVERGENCE, LAB_END, Budget


@dataclass(frozen=True)
class Up:
    """A lab that has converged. One that is not lasting ends when this process does or lets go of it."""

    plan: Plan
    folder: RunFolder
    ready: Ready
    let_go: Callable[[], None] = lambda: None


def _silent(_step: Progress) -> None:
    pass


def bring_up(
    make_plan: Callable[[], Plan],
    *,
    convergence: Budget = CONVERGENCE,
    backend: str = AUTO,
    dataplane: str = AUTO,
    topology: Path | None = None,
    lasting: bool = True,
    on_progress: Callable[[Progress], None] = _silent,
) -> Up:
    """Everything up, or nothing left: a failure and Ctrl-C take down what was begun.

    ``make_plan`` is called while the supervisor, forked before it, isolates itself on another
    core. ``backend``: where nodes live. ``dataplane`` carries IPsec tunnels; when it is AUTO and this host
    has none, the lab is up without them. ``topology`` is copied into the run folder. ``lasting``: the lab
    lives on when this process ends. Raises LabError.
    """
    started_at = time.monotonic()
    launch = Launch(backend)
    try:
        plan = make_plan()
        launch.await_isolation()
        folder, lock = claim(plan.name)
        try:
            if topology is not None:
                folder.keep_topology(topology)
            launch.begin(Orders(plan, folder.path, started_at, convergence, dataplane, lasting), lock)
            ready = launch.wait(on_progress)
            if lasting:
                launch.let_go()
            plan = plan if ready.facts["dataplane"] else without_tunnels(plan)
            return Up(plan, folder, ready) if lasting else Up(plan, folder, ready, launch.let_go)
        except BaseException:
            launch.abandon()
            leftovers.discard(folder)
            raise
        finally:
            os.close(lock)
    except BaseException:
        launch.abandon()
        raise


@contextmanager
def running(
    make_plan: Callable[[], Plan], convergence: Budget = CONVERGENCE, *, backend: str = AUTO
) -> Iterator[Up]:
    """A lab for as long as the block takes, however the block ends."""
    up = bring_up(make_plan, convergence=convergence, backend=backend, lasting=False)
    try:
        yield up
    finally:
        take_down(up.folder)
        up.let_go()


def take_down(folder: RunFolder) -> None:
    """Ask, then wait until the kernel has taken the last process away.

    A lab that has ended by itself is fine. Raises BackendError for one that does not end.
    """
    try:
        control = Control(folder)
    except BackendError:
        if folder.is_claimed():
            raise
        return
    pidfd = None
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(control.supervisor_pid())
    with contextlib.suppress(BackendError):
        control.ask("stop")
    control.close()
    if pidfd is None:
        return
    ended, _, _ = select.select([pidfd], [], [], LAB_END.seconds)
    os.close(pidfd)
    if not ended:
        raise BackendError(f"{folder.name} did not end in {LAB_END.seconds:g} s ({LAB_END.name})")
