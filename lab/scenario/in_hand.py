"""Steps from Python, for tests that need code between them; the `lab` fixture of pytest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.errors import ExpectationError, LabError, from_json, to_json
from lab.model.load import load_document
from lab.model.shipped import find_topology
from lab.runtime.names import AUTO
from lab.scenario.kinds.base import Action, Expectation
from lab.scenario.patch import document_of
from lab.scenario.report_text import verdict_text
from lab.scenario.runner import Runner
from lab.scenario.running import RunningLab
from lab.scenario.stage import Stage, stage_of, with_patch
from lab.scenario.trial import Watcher, lab_of, unique_name
from lab.timing import CONVERGENCE


class LabInHand:
    """A running lab, one step at a time. ``name`` is what `mseelab --name` knows it by; ``running``
    asks it whatever a step could."""

    def __init__(self, name: str, running: RunningLab, *, patience: float = 1.0) -> None:
        self.name = name
        self.running = running
        self._runner = Runner(running, patience=patience)

    def expect(self, expectation: Expectation) -> None:
        """Wait until it holds. Raises ExpectationError, with all there is to know, when it does not."""
        __tracebackhide__ = True
        with _plainly():
            verdict = self._runner.expect(expectation)
        if not verdict.holds:
            raise ExpectationError(verdict_text(verdict))

    def do(self, action: Action) -> None:
        """Do it, and let the lab take it in. Raises LabError."""
        __tracebackhide__ = True
        with _plainly():
            self._runner.do(action)

    def change(self, patch: Mapping[str, Any]) -> None:
        """Bring the lab to its topology as patched. Raises LabError."""
        __tracebackhide__ = True
        with _plainly():
            self._runner.change(patch)


@contextmanager
def _plainly() -> Iterator[None]:
    """An error of the user's is told without the frames it came through: they hold patches, and a
    patch may hold a key, which pytest would print."""
    __tracebackhide__ = True
    try:
        yield
    except LabError as error:
        text = error.message + (f"\n  hint: {error.hint}" if error.hint else "")
        raise from_json(to_json(error) | {"error": text, "hint": None}) from None


@contextmanager
def lab_in_hand(
    topology: str,
    patch: Mapping[str, Any] | None = None,
    *,
    beside: Path = Path(),
    patience: float = 1.0,
    backend: str = AUTO,
    watcher: Watcher | None = None,
) -> Iterator[LabInHand]:
    """A lab of a shipped topology or a file, seen from the folder ``beside``; its nodes live in the
    ``backend``. Raises LabError."""
    stage = _stage(find_topology(topology, beside), patch)
    with lab_of(stage, unique_name(stage.plan.name), CONVERGENCE, backend=backend) as ours:
        for warning in ours.warnings:
            (watcher or Watcher()).warned(warning)
        yield LabInHand(ours.folder.name, ours.running, patience=patience)


def _stage(path: Path, patch: Mapping[str, Any] | None) -> Stage:
    document, problems = load_document(path)
    if patch is None:
        return stage_of(document, problems)
    return with_patch(document, document_of(patch, "the patch"), (), problems)
