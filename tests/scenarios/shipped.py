"""The shipped scenarios, and what breaks the claim of each (breakages.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab.scenario.discover import scenario_files

FOLDER = Path(__file__).parents[2] / "scenarios"
SCENARIOS = {f"{file.parent.name}/{file.stem}": file for file in scenario_files([FOLDER])}
"""By theme and name."""
TABLE = Path(__file__).with_name("breakages.yaml")


@dataclass(frozen=True)
class Breakage:
    """A scenario with something wrong, ``by`` what, and the sentence of the step that ``fails``."""

    scenario: str
    number: int
    by: str
    fails: str
    patch: Mapping[str, Any] = field(default_factory=dict)
    """Over the scenario's own."""
    first: Mapping[str, Any] | None = None
    """The kind of a step that is done just before the one that fails, or ``before`` another."""
    before: str | None = None

    def __str__(self) -> str:
        return f"{self.scenario}-{self.number}"

    def document(self) -> dict[str, Any]:
        """The scenario, broken."""
        scenario = yaml.safe_load(SCENARIOS[self.scenario].read_text(encoding="utf-8"))
        steps = scenario["steps"]
        if self.first is not None:
            place = [step["say"] for step in steps].index(self.before or self.fails)
            steps.insert(place, {"say": self.by, **self.first})
        return {**scenario, "patch": merged(scenario.get("patch", {}), self.patch)}


@cache
def breakages() -> tuple[Breakage, ...]:
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return tuple(
        Breakage(scenario, number, **each)
        for scenario, all_of_it in table.items()
        for number, each in enumerate(all_of_it, 1)
    )


def merged(patch: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """One patch that does what ``patch`` and then ``other`` do."""
    result = dict(patch)
    for key, value in other.items():
        before = result.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merged(before, value) if both else value
    return result
