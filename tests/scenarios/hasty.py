"""mseelab with a runner whose clock is twice as fast while it looks at what does not come.

A claim that is false costs all of what a scenario waits for, and as much again; it takes no timer of
the lab's twice, so that half of it tells as much.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from shipped import breakages

from lab.cli import main
from lab.scenario import trial
from lab.scenario.result import StepResult
from lab.scenario.runner import Runner
from lab.scenario.running import RunningLab
from lab.scenario.step import Step
from lab.timing import Clock

FALSE = frozenset(breakage.fails for breakage in breakages())


class HastyRunner(Runner):
    """Twice as fast at steps that are false in one of the broken scenarios."""

    def __init__(self, lab: RunningLab, *, patience: float = 1.0) -> None:
        super().__init__(lab, Clock(now=lambda: self._pace * time.monotonic()), patience=patience)
        self._pace = 1

    def run(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        return super().run(self._paced(steps))

    def _paced(self, steps: Iterable[Step]) -> Iterator[Step]:
        for step in steps:
            self._pace = 2 if step.say in FALSE else 1
            yield step


if __name__ == "__main__":
    trial.Runner = HastyRunner  # type: ignore[misc]
    main()
