"""`make bench`: all of it, or the parts that were asked for, as often as was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.bench import __main__ as bench


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that say how often they were measured."""

    def part(runs: int) -> dict[str, Any]:
        return {"runs": runs}

    monkeypatch.setattr(bench, "PARTS", {name: (part, usual) for name, (_, usual) in bench.PARTS.items()})


def measured(*words: str) -> Result:
    return CliRunner().invoke(bench.main, words)


def test_without_a_word_everything_is_measured_as_often_as_it_takes() -> None:
    found = json.loads(measured().stdout)
    assert found.pop("machine")["cpus"] >= 1
    assert found == {name: {"runs": usual} for name, (_, usual) in bench.PARTS.items()}


def test_parts_are_measured_by_name_and_as_often_as_asked_for() -> None:
    found = json.loads(measured("tunnels_up", "line", "--runs", "2").stdout)
    assert list(found) == ["machine", "tunnels_up", "line"]
    assert found["line"] == {"runs": 2}


@pytest.mark.parametrize("words", [("tunnel",), ("--runs", "0")])
def test_what_cannot_be_measured_is_refused_with_what_can(words: tuple[str, ...]) -> None:
    done = measured(*words)
    assert done.exit_code == 2
    assert "tunnels_up" in done.stderr or "x>=1" in done.stderr
