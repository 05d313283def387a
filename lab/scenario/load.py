"""A scenario file into a scenario that can run, or into everything that is wrong with it.

The stages are those of a topology (``lab.model.load``): YAML, shape, meaning. In between, the
topology is patched as each step finds it, checked and compiled, so that nothing is started for
a file that could not be played to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import InputError
from lab.model.document import Document
from lab.model.files import is_file, text_of
from lab.model.load import load_document
from lab.model.problem import FileError, Finding, Problem, in_order
from lab.model.reader import read_document
from lab.model.shape import model_of
from lab.model.shipped import find_topology, shipped_names
from lab.scenario.check import findings
from lab.scenario.scenario import Scenario
from lab.scenario.stage import ScenarioError, Stage, unpatched, with_patch


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario and all that is known of it before a lab runs."""

    path: Path
    scenario: Scenario
    document: Document = field(repr=False)
    """The scenario's own."""
    start: Stage
    """What the lab is brought up with."""
    stages: tuple[Stage, ...] = field(repr=False)
    """For each step what runs when it is over: the start, until a step changes it."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is waived, in any stage."""
        stages = (self.start, *self.stages)
        return in_order(dict.fromkeys(warning for stage in stages for warning in stage.warnings))

    def line(self, step: int) -> int:
        """Where a step, counted from 0, begins in the file."""
        return self.document.at(("steps", step)).line


def load_scenario(path: Path) -> LoadedScenario:
    """The scenario in a file; raises ScenarioError with all that is wrong."""
    try:
        text = text_of(path, "scenario")
    except FileError as error:
        raise ScenarioError(error.problems) from None
    return parse_scenario(text, path)


def parse_scenario(text: str, path: Path) -> LoadedScenario:
    """The scenario a text describes; ``path`` is where it stands, or would."""
    try:
        document, problems = read_document(text, str(path), "scenario")
    except FileError as error:
        raise ScenarioError(error.problems) from None
    scenario, shape_problems = model_of(document, Scenario)
    if scenario is None:
        said = {(problem.line, problem.column) for problem in problems}
        new = [problem for problem in shape_problems if (problem.line, problem.column) not in said]
        raise ScenarioError([*problems, *new])
    stages: list[Stage] = []
    try:
        for stage in _stages(scenario, document, path):
            stages.append(stage)
    except FileError as error:
        problems += error.problems
    found = findings(scenario, stages[0].plan if stages else None)
    problems += [document.problem(finding) for finding in found]
    if problems:
        raise ScenarioError(sorted(problems, key=lambda problem: problem.source != document.source))
    return LoadedScenario(path, scenario, document, stages[0], tuple(stages[1:]))


def _stages(scenario: Scenario, document: Document, path: Path) -> Iterator[Stage]:
    """The start, then what runs after each step; raises FileError where there is none."""
    topology, problems = _topology(scenario, document, path)
    if scenario.patch:
        stage = with_patch(topology, document, ("patch",), problems)
    else:
        stage = unpatched(topology, document, problems)
    yield stage
    for index, step in enumerate(scenario.steps):
        if step.change is not None:
            stage = stage.changed_at(document, ("steps", index, "change"))
        yield stage


def _topology(scenario: Scenario, document: Document, path: Path) -> tuple[Document, list[Problem]]:
    """The document of the topology that the scenario names."""
    try:
        found = find_topology(scenario.topology, beside=path.parent)
    except InputError as error:
        raise ScenarioError([document.problem(Finding(("topology",), error.message, error.hint))]) from None
    if not is_file(found):
        hint = f"beside this file, or one of: {', '.join(shipped_names())}"
        raise ScenarioError([document.problem(Finding(("topology",), f"there is no file {found}", hint))])
    return load_document(found)
