"""What a lab runs, or is to run: a topology's document, the Topology in it and its Plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lab.model.document import Document
from lab.model.load import examined
from lab.model.problem import FileError, Finding, Loc, Problem, TopologyError
from lab.model.topology import Topology
from lab.plan.changes import changes_between
from lab.plan.compile import compile_topology
from lab.plan.errors import PlanError
from lab.plan.types import Plan
from lab.scenario.patch import blamed, document_of, patched


class ScenarioError(FileError):
    """The scenario file is wrong, or the topology as it patches it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One topology of a scenario: the one it starts with, or what a change makes of it."""

    document: Document = field(repr=False)
    topology: Topology = field(repr=False)
    plan: Plan = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    def changed(self, patch: Mapping[str, Any]) -> Stage:
        """What the patch of a running lab makes of it; raises ScenarioError."""
        said = document_of(patch, "the change")
        return self.changed_at(said, ())

    def changed_at(self, scenario: Document, loc: Loc) -> Stage:
        """What the change at ``loc`` of a scenario makes of it; raises ScenarioError."""
        after = with_patch(self.document, scenario, loc, before=self.topology)
        problem = _unreachable(self, after, scenario, loc)
        if problem is not None:
            raise ScenarioError([problem])
        return after


def stage_of(document: Document, problems: Iterable[Problem] = (), before: Topology | None = None) -> Stage:
    """The stage of a topology's document; raises TopologyError or PlanError."""
    loaded = examined(document, list(problems), before)
    return Stage(document, loaded.topology, compile_topology(loaded.topology), loaded.warnings)


def unpatched(topology: Document, scenario: Document, problems: Iterable[Problem]) -> Stage:
    """The stage of a scenario's topology as it is; raises FileError."""
    try:
        return stage_of(topology, problems)
    except PlanError as error:
        raise ScenarioError([scenario.problem(Finding(("topology",), error.message, error.hint))]) from None


def with_patch(
    topology: Document,
    scenario: Document,
    loc: Loc,
    problems: Iterable[Problem] = (),
    before: Topology | None = None,
) -> Stage:
    """The stage of a topology with the patch at ``loc`` of a scenario; raises ScenarioError.

    ``problems`` of the topology are known already; ``before`` is what runs when the patch is made.
    """
    root, notes = patched(topology.root, scenario.at(loc))
    found: tuple[Problem, ...] = ()
    about_patch = notes.findings
    try:
        stage = stage_of(Document(topology.source, root), problems, before)
    except TopologyError as error:
        kept, about_patch = blamed(error.problems, notes)
        found = tuple(_as_patched(problem, scenario, loc) for problem in kept)
    except PlanError as error:
        about_patch = [*about_patch, Finding((), error.message, error.hint)]
    found += tuple(_in_patch(scenario, loc, finding) for finding in about_patch)
    if found:
        raise ScenarioError(found)
    return stage


def _unreachable(before: Stage, after: Stage, scenario: Document, loc: Loc) -> Problem | None:
    """Why a running lab cannot be brought from one stage to the other by the change at ``loc``."""
    try:
        changes_between(before.plan, after.plan)
    except PlanError as error:
        hint = "a running lab takes over policies, limits, filters and announcements; others belong in patch"
        return scenario.problem(Finding(loc, error.message, hint))
    return None


def _as_patched(problem: Problem, scenario: Document, loc: Loc) -> Problem:
    """A problem of a value that the patch left alone says where to look for the patch."""
    if problem.source == scenario.source:
        return problem
    line = scenario.at(loc).line
    place = f"{scenario.source}:{line}" if line else scenario.source
    return replace(problem, what=f"{problem.what}, as patched in {place}")


def _in_patch(scenario: Document, loc: Loc, finding: Finding) -> Problem:
    whole = replace(finding, loc=(*loc, *finding.loc))
    return scenario.problem_at_key(whole) if whole.loc else scenario.problem(whole)
