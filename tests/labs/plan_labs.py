"""Labs from a Plan made in Python, for what no topology file can say."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from lab_client import Lab, unique

from lab.bgp.speaker import Neighbor, SpeakerConfig
from lab.cli.down import end
from lab.plan.types import Plan
from lab.runtime.launch import Launch, Orders
from lab.runtime.rundir import claim
from lab.timing import CONVERGENCE, Budget


@contextmanager
def running(plan: Plan, budget: Budget = CONVERGENCE) -> Iterator[Lab]:
    """The lab of a plan. Raises BackendError when it does not converge; nothing is left then."""
    plan = replace(plan, name=unique(plan.name))
    launch = Launch()
    try:
        launch.await_isolation()
        folder, lock = claim(plan.name)
        try:
            launch.begin(Orders(plan, folder.path, time.monotonic(), budget), lock)
            launch.wait(lambda _: None)
        finally:
            os.close(lock)
    except BaseException:
        launch.abandon()
        folder.remove()
        raise
    try:
        yield Lab(plan.name)
    finally:
        end(folder)


def with_config(plan: Plan, speaker: int, config: SpeakerConfig) -> Plan:
    """The same plan, one speaker configured otherwise."""
    changed = replace(plan.speakers[speaker], config=config)
    return replace(plan, speakers=plan.speakers[:speaker] + (changed,) + plan.speakers[speaker + 1 :])


def with_neighbor(plan: Plan, speaker: int, neighbor: str, **changes: object) -> Plan:
    """The same plan, one end of one session changed."""
    config = plan.speakers[speaker].config
    neighbors: tuple[Neighbor, ...] = tuple(
        replace(each, **changes) if each.name == neighbor else each  # type: ignore[arg-type]
        for each in config.neighbors
    )
    return with_config(plan, speaker, replace(config, neighbors=neighbors))
