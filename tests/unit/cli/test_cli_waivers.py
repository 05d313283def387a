"""Waived rules at the command line: a warning is shown, and the exit code is that of a good file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.cli import run
from lab.errors import BackendError
from lab.model.shipped import shipped_topologies

BASIC = (shipped_topologies() / "expressroute-basic.yaml").read_text()
FAR_AWAY = BASIC.replace("location: West US 2", "location: West Europe")
WAIVED = FAR_AWAY.replace("timers: lab", "timers: lab\nwaived_rules: [A-4]")
SAYS = "connections.conn-corp.peer: vnet-corp is in West Europe"


@pytest.fixture
def topology(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "topology.yaml"
        file.write_text(text)
        return file

    return write


def test_a_broken_rule_is_named_and_ends_with_2(
    topology: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(topology(FAR_AWAY))]) == 2
    first, *_ = capsys.readouterr().out.splitlines()
    assert SAYS in first
    assert first.endswith(" [RULE A-4]")


def test_a_waived_rule_is_a_warning_and_the_file_is_ok(
    topology: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = topology(WAIVED)
    assert run(["validate", str(file)]) == 0
    first, hint, *rest = capsys.readouterr().out.splitlines()
    place, _, said = first.partition(": ")
    assert place.startswith(f"{file}:")
    assert said.startswith(f"warning: {SAYS}")
    assert said.endswith(" [RULE A-4 waived]")
    assert hint.startswith("  hint: ")
    assert rest == [f"{file}: ok"]


def test_problems_are_counted_without_warnings(
    topology: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = WAIVED.replace("vlan_id: 100", "vlan_id: 100\n        route_filter: none")
    assert run(["validate", str(topology(wrong))]) == 2
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "2 problems in 1 of 1 file"


@pytest.mark.parametrize(("text", "code", "severities"), [
    (WAIVED, 0, ["warning"]), (FAR_AWAY, 2, ["error"]), (BASIC, 0, []),
])  # fmt: skip
def test_json_tells_warnings_from_errors(
    text: str,
    code: int,
    severities: list[str],
    topology: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["validate", str(topology(text)), "-f", "json"]) == code
    problems: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [problem["severity"] for problem in problems] == severities


def test_what_cannot_be_built_is_told_with_the_warnings(
    topology: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lab.plan.errors import PlanError

    def refuse(_: object) -> None:
        raise PlanError("two nodes want one name")

    monkeypatch.setattr("lab.plan.compile.compile_topology", refuse)
    assert run(["validate", str(topology(WAIVED)), "-f", "json"]) == 2
    problems = json.loads(capsys.readouterr().out)
    assert [(problem["severity"], problem["message"]) for problem in problems][0] == (
        "error",
        "two nodes want one name",
    )
    assert problems[1]["rule"] == "A-4"


@pytest.mark.parametrize(("options", "told"), [([], True), (["--quiet"], False)])
def test_up_shows_warnings_and_goes_on(
    options: list[str],
    told: bool,
    topology: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def plan_only(make_plan: Callable[[], Any], **_: object) -> None:
        raise BackendError(f"planned {make_plan().name}")

    monkeypatch.setattr("lab.cli.up.bring_up", plan_only)
    assert run(["up", str(topology(WAIVED)), *options]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert (f"warning: {SAYS}" in shown.err) is told
    assert shown.err.endswith("mseelab: planned expressroute-basic\n")
