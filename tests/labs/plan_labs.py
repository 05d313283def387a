"""Labs from a Plan made in Python, for what no topology file can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from lab_client import Lab, unique

from lab.bgp.speaker import Neighbor, SpeakerConfig
from lab.plan.types import Plan
from lab.runtime import lifecycle
from lab.timing import CONVERGENCE, Budget

Running = Callable[..., AbstractContextManager[Lab]]


@contextmanager
def running_on(backend: str, plan: Plan, budget: Budget = CONVERGENCE) -> Iterator[Lab]:
    """The lab of a plan. Raises BackendError when it does not converge; nothing is left then."""
    plan = replace(plan, name=unique(plan.name))
    with lifecycle.running(lambda: plan, budget, backend=backend):
        yield Lab(plan.name)


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
