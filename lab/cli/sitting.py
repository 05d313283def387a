"""The scenarios of one `mseelab test`: running them, and telling people while they run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import click

from lab.cli.options import own_name
from lab.cli.tables import printable
from lab.errors import BackendError
from lab.runtime.launch import Ready
from lab.runtime.rundir import RunFolder
from lab.scenario import report_text
from lab.scenario.load import LoadedScenario
from lab.scenario.result import Outcome, ScenarioResult, StepResult
from lab.scenario.side_by_side import side_by_side
from lab.scenario.trial import Conditions, Watcher, run

COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.ERROR: "yellow",
    Outcome.SKIPPED: "cyan",
}
COLOURING = re.compile("(\x1b\\[[0-9;]*m)")


@dataclass(frozen=True)
class Trial:
    """A scenario to run, the label that tells it from the others, and the name of its lab."""

    loaded: LoadedScenario
    label: str
    lab: str


@dataclass(frozen=True)
class Sitting:
    """``folder``: where events and logs of what does not pass are put. ``shell``: open one where
    a step does not pass. ``told``: as text, while it happens."""

    conditions: Conditions
    folder: Path | None = None
    shell: bool = False
    told: bool = True

    def results(self, trials: Sequence[Trial], jobs: int) -> Iterator[ScenarioResult]:
        """Of each, in order. One at a time is told step by step, several scenario by scenario."""
        if jobs == 1:
            yield from map(self._result, trials)
            return
        silent = replace(self, told=False)
        with closing(side_by_side(trials, silent._result, jobs)) as results:
            for result in results:
                self.tell([report_text.scenario_text(result, painted)])
                self._tell_of_lab_left(result)
                yield result

    def _result(self, trial: Trial) -> ScenarioResult:
        scenario = trial.loaded.scenario
        self.tell([report_text.heading(scenario.name, scenario.description)])
        result = run(trial.loaded, trial.lab, self.conditions, _Witness(self, trial))
        self.tell(report_text.closing_lines(result, painted))
        self._tell_of_lab_left(result)
        return result

    def _tell_of_lab_left(self, result: ScenarioResult) -> None:
        if self.conditions.keep and result.stopped_at is not None and result.error is None:
            look = f"{own_name()} inspect --name {result.lab}"
            self.tell(
                [f"  its lab is left up: {look}", f"  end it with: {own_name()} down --name {result.lab}"]
            )

    def tell(self, texts: Iterable[str]) -> None:
        if self.told:
            for text in texts:
                click.echo("\n".join(map(_fit, text.splitlines())))


class _Witness(Watcher):
    """Tells of one scenario's steps, and secures what is left of one that did not pass."""

    def __init__(self, sitting: Sitting, trial: Trial) -> None:
        self._sitting = sitting
        self._trial = trial

    def warned(self, text: str) -> None:
        click.echo(printable(f"warning: {self._trial.label}: {text}"), err=True)

    def came_up(self, ready: Ready) -> None:
        topology = self._trial.loaded.scenario.topology
        self._sitting.tell([report_text.up_line(topology, ready.seconds)])

    def step_ended(self, step: StepResult) -> None:
        self._sitting.tell(report_text.step_lines(step, painted))

    def stopped(self, result: ScenarioResult, folder: RunFolder) -> None:
        if self._sitting.folder is not None:
            _secure(folder, self._sitting.folder / self._trial.label)
        if self._sitting.shell and result.stopped_at and result.stopped_at.node:
            self._open_shell(result.stopped_at.node)

    def _open_shell(self, node: str) -> None:
        self._sitting.tell([f"  a shell on {node}; `exit` goes on"])
        words = [sys.executable, "-m", "lab", "shell", node, "--name", self._trial.lab]
        subprocess.run(words, check=False)


def _secure(folder: RunFolder, target: Path) -> None:
    """Events and logs of a lab that is about to go. Never its topology, which may hold keys.

    Logs of an earlier run are replaced; whatever else somebody keeps there is not ours.
    """
    logs = target / folder.logs.name
    try:
        for log in logs.glob("*.log"):
            log.unlink()
        shutil.copytree(folder.logs, logs, dirs_exist_ok=True)
        shutil.copy(folder.events, target)
    except OSError as error:
        raise BackendError(f"cannot write to {target}: {error.strerror}") from error


def painted(word: str, outcome: Outcome) -> str:
    return click.style(word, fg=COLOURS[outcome], bold=outcome is not Outcome.PASSED)


def _fit(line: str) -> str:
    """Texts come from files too: what would steer a terminal is not printed, but for colours."""
    parts = COLOURING.split(line)
    return "".join(part if COLOURING.fullmatch(part) else printable(part) for part in parts)
