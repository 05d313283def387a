"""One scenario on a lab of its own: up, step by step, and down again, however it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from lab.errors import LabError
from lab.runtime.launch import Progress, Ready
from lab.runtime.lifecycle import bring_up, take_down
from lab.runtime.names import AUTO
from lab.runtime.rundir import RunFolder
from lab.scenario.endings import ending_interrupts, uninterrupted
from lab.scenario.live import LiveLab
from lab.scenario.load import LoadedScenario
from lab.scenario.result import Outcome, ScenarioResult, StepResult
from lab.scenario.runner import Runner
from lab.scenario.stage import Stage
from lab.timing import CONVERGENCE, Budget


class Watcher:
    """Is told what happens while it happens; this one does not care."""

    def warned(self, text: str) -> None:
        """The lab will lack something that this host cannot do."""

    def came_up(self, ready: Ready) -> None:
        pass

    def step_ended(self, step: StepResult) -> None:
        pass

    def stopped(self, result: ScenarioResult, folder: RunFolder) -> None:
        """A step did not pass; its lab still runs."""


@dataclass(frozen=True)
class Conditions:
    """How scenarios are run. ``patience``: see ``waits_of``. ``keep``: the lab of one that does not
    pass is left up. ``backend``: where nodes live."""

    convergence: Budget = CONVERGENCE
    patience: float = 1.0
    keep: bool = False
    backend: str = AUTO


@dataclass
class LabOfOurs:
    """A lab that runs, and whether it is to be ``kept`` when nobody needs it here any more.

    ``warnings``: what it lacks because this host cannot do it; ``has_tunnels``: all that it should have.
    """

    folder: RunFolder
    ready: Ready
    running: LiveLab
    warnings: tuple[str, ...] = ()
    has_tunnels: bool = True
    kept: bool = False


@contextmanager
def lab_of(
    stage: Stage, name: str, convergence: Budget, *, backend: str = AUTO, keepable: bool = False
) -> Iterator[LabOfOurs]:
    """A lab for as long as the block takes, then gone, unless it is ``keepable`` and kept; any other ends
    with this process, however that ends. Raises LabError."""
    warnings: list[str] = []

    def warn(step: Progress) -> None:
        if step.warning:
            warnings.append(step.text)

    with ending_interrupts():
        up = bring_up(
            lambda: replace(stage.plan, name=name),
            convergence=convergence,
            backend=backend,
            lasting=keepable,
            on_progress=warn,
        )
        kept = False
        try:
            with closing(LiveLab(up.folder, stage)) as running:
                has_tunnels = bool(up.plan.tunnels) or not stage.plan.tunnels
                ours = LabOfOurs(up.folder, up.ready, running, tuple(warnings), has_tunnels)
                yield ours
                kept = ours.kept
        finally:
            if not kept:
                with uninterrupted():
                    take_down(up.folder)
            up.let_go()


def unique_name(name: str) -> str:
    """A name that no other run has at this time."""
    return f"{name}-{os.getpid()}"


def run(loaded: LoadedScenario, name: str, conditions: Conditions, watcher: Watcher) -> ScenarioResult:
    """What came of it, on a lab of that name; a lab that fails is a result, not an exception.

    Where tunnels are needed and this host cannot carry any, that is all that comes of it.
    """
    started = time.monotonic()
    scenario = loaded.scenario
    result = ScenarioResult(
        scenario.name, scenario.description, str(loaded.path), scenario.topology, name, 0.0, None, ()
    )
    try:
        with lab_of(
            loaded.start, name, conditions.convergence, backend=conditions.backend, keepable=conditions.keep
        ) as lab:
            watcher.came_up(lab.ready)
            result = replace(result, up_seconds=lab.ready.seconds)
            if scenario.needs_tunnels and not lab.has_tunnels:
                return _timed(replace(result, skipped="; ".join(lab.warnings)), started)
            for warning in lab.warnings:
                watcher.warned(warning)
            for step in Runner(lab.running, patience=conditions.patience).run(scenario.steps):
                result = replace(result, steps=(*result.steps, step))
                watcher.step_ended(step)
            if result.outcome is not Outcome.ERROR:  # a lab that broke has nothing to say of them
                result = replace(result, flows=tuple(lab.running.flows()))
            if result.outcome is not Outcome.PASSED:
                lab.kept = conditions.keep
                watcher.stopped(_timed(result, started), lab.folder)
    except LabError as error:
        result = replace(result, error=error.message, hint=error.hint)
    return _timed(result, started)


def _timed(result: ScenarioResult, started: float) -> ScenarioResult:
    return replace(result, seconds=time.monotonic() - started)
