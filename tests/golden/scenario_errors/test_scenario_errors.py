"""Every scenario here that is wrong, with the problems it gives beside it: --update-golden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.model.problem import Problem
from lab.scenario.load import parse_scenario
from lab.scenario.stage import ScenarioError

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CASES = [pytest.param(file, id=file.stem) for file in sorted(HERE.glob("*.yaml"))]
WHOLE_FILE = {"yaml-empty"}


def problems(case: Path) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(case.read_text(encoding="utf-8"), Path(case.name))
    return raised.value.problems


@pytest.mark.parametrize("case", CASES)
def test_the_problems_of_a_wrong_scenario(case: Path, golden: Callable[[Path, str], None]) -> None:
    text = "".join(f"{problem}\n" for problem in problems(case))
    golden(case.with_suffix(".log"), text.replace(f"{ROOT}/", ""))


@pytest.mark.parametrize("case", CASES)
def test_every_problem_has_a_line(case: Path) -> None:
    unclear = [problem for problem in problems(case) if not problem.line]
    assert unclear == [] or case.stem in WHOLE_FILE
