"""Every file here that is wrong, with the problems it gives beside it: --update-golden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.model.load import parse_topology
from lab.model.problem import TopologyError

HERE = Path(__file__).parent
CASES = [pytest.param(file, id=file.stem) for file in sorted(HERE.glob("*.yaml"))]


@pytest.mark.parametrize("case", CASES)
def test_the_problems_of_a_wrong_file(case: Path, golden: Callable[[Path, str], None]) -> None:
    with pytest.raises(TopologyError) as raised:
        parse_topology(case.read_text(encoding="utf-8"), case.name)
    golden(case.with_suffix(".log"), f"{raised.value}\n")


@pytest.mark.parametrize("case", CASES)
def test_every_problem_has_a_line_and_a_hint_or_says_all(case: Path) -> None:
    with pytest.raises(TopologyError) as raised:
        parse_topology(case.read_text(encoding="utf-8"), case.name)
    unclear = [problem for problem in raised.value.problems if not problem.line and case.stem != "yaml-empty"]
    assert unclear == []
