"""The `test` verb around the runner: what is refused before a lab starts, what is told after."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli import run
from lab.runtime.launch import Ready
from lab.runtime.rundir import RunFolder
from lab.scenario.load import LoadedScenario
from lab.scenario.result import Outcome, ScenarioResult, StepResult
from lab.scenario.trial import Conditions, Watcher

SCENARIO = """\
name: {name}
description: {name} is claimed
topology: expressroute-basic
steps:
  - say: The session is up.
    session: {{node: ce1/core, neighbor: msee1/private}}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str = SCENARIO) -> Path:
        file = tmp_path / f"{name}.yaml"
        file.write_text(text.format(name=name), encoding="utf-8")
        return file

    return written


class Runs:
    """What was run, in the place of ``trial.run``; a name decides how it ends."""

    def __init__(self) -> None:
        self.labs: list[str] = []
        self.conditions = Conditions()
        self.seen = "something else"
        self.warning: str | None = None

    def __call__(
        self, loaded: LoadedScenario, name: str, conditions: Conditions, watcher: Watcher
    ) -> ScenarioResult:
        self.labs.append(name)
        self.conditions = conditions
        scenario = loaded.scenario
        outcome = {"untrue": Outcome.FAILED, "broken": Outcome.ERROR}.get(scenario.name, Outcome.PASSED)
        step = StepResult(1, "session", scenario.steps[0].say, outcome, 0.1, "ce1/core", "a claim", self.seen)
        watcher.came_up(Ready(0.5, {}))
        if self.warning is not None:
            watcher.warned(self.warning)
        watcher.step_ended(step)
        result = ScenarioResult(
            scenario.name, scenario.description, str(loaded.path), scenario.topology, name, 1.0, 0.5, (step,)
        )
        if scenario.name == "elsewhere":
            return replace(result, steps=(), skipped="no IPsec tunnels: no charon")
        if outcome is not Outcome.PASSED:
            watcher.stopped(result, RunFolder(loaded.path.parent / "run" / name))
        return result if outcome is not Outcome.ERROR else replace(result, error="it broke")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    fake = Runs()
    monkeypatch.setattr("lab.cli.sitting.run", fake)
    return fake


def refused(capsys: pytest.CaptureFixture[str], runs: Runs, code: int, *words: object) -> str:
    """What is said on standard error by a command that ends with the code before anything runs."""
    assert run(["test", *map(str, words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert runs.labs == []
    return captured.err


# Refused.


def test_the_problems_of_all_files_are_told_at_once(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write("good")
    one = write("one", SCENARIO.replace("ce1/core", "ce7/core"))
    two = write("two", SCENARIO.replace("session:", "sesion:"))
    said = refused(capsys, runs, 2, good, one, two, one.parent / "three.yaml")
    assert f"{one}:6:" in said
    assert f"{two}:6:" in said
    assert "three.yaml: there is no such file" in said


def test_a_folder_without_scenarios_is_refused(
    tmp_path: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no scenario below" in refused(capsys, runs, 2, tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--name", "../x"), "cannot name a lab"),
        (("--shell-on-failure",), "needs a terminal"),
        (("--jobs", "0"), "--jobs"),
        (("--patience", "0"), "--patience"),
        (("--patience", "nan"), "not a finite number"),
        (("--timeout", "inf"), "not a finite number"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert said in refused(capsys, runs, 2, write("good"), *words)


def test_one_name_is_not_enough_for_two_labs(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "2 scenarios" in refused(capsys, runs, 2, write("one"), write("two"), "--name", "mine")


def test_a_report_that_cannot_be_written_is_found_out_first(
    write: Write, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, folder = write("good"), tmp_path / "reports"
    assert "cannot make" in refused(capsys, runs, 3, good, "--report", good)
    assert "there is no folder" in refused(capsys, runs, 3, good, "--junit", tmp_path / "none" / "junit.xml")
    assert "cannot write" in refused(capsys, runs, 3, good, "--junit", tmp_path)
    (folder / "junit.xml").mkdir(parents=True)
    assert "cannot write" in refused(capsys, runs, 3, good, "--report", folder)
    (folder / "junit.xml").rmdir()
    (folder / "good").touch()
    assert "in the way" in refused(capsys, runs, 3, good, "--report", folder)


# Run.


@pytest.mark.parametrize(
    ("names", "code"),
    [(["fine"], 0), (["fine", "untrue"], 1), (["untrue", "broken"], 3), (["broken", "fine"], 3)],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_the_exit_code_is_the_worst(write: Write, runs: Runs, names: list[str], code: int, jobs: int) -> None:
    assert run(["test", *(str(write(name)) for name in names), "--jobs", str(jobs)]) == code


@pytest.mark.parametrize(
    ("names", "code"),
    [(["elsewhere"], 3), (["fine", "elsewhere"], 3), (["untrue", "elsewhere"], 3), (["untrue", "fine"], 1)],
)
def test_what_is_skipped_is_fine_unless_it_must_not_be(
    write: Write, runs: Runs, names: list[str], code: int
) -> None:
    files = [str(write(name)) for name in names]
    assert run(["test", *files]) == ("untrue" in names)
    assert run(["test", *files, "--strict"]) == code


def test_what_is_skipped_says_what_is_missing(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write("elsewhere")
    assert run(["test", str(file), str(write("fine"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  skip      1.0 s  no IPsec tunnels: no charon" in lines
    assert lines[-2] == f"skip   {file}, no IPsec tunnels: no charon"
    assert lines[-1].startswith("1 passed, 1 skipped in ")


@pytest.mark.parametrize("jobs", [1, 2])
def test_scenarios_are_told_in_order_and_then_summed_up(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    files = [write(name) for name in ("one", "untrue", "two")]
    assert run(["test", *map(str, files), "-j", str(jobs)]) == 1
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line.endswith(" is claimed")]
    assert headings == ["one: one is claimed", "untrue: untrue is claimed", "two: two is claimed"]
    assert lines[-2] == f"FAIL   {files[1]}, step 1: The session is up."
    assert lines[-1].startswith("2 passed, 1 failed in ")


def test_json_is_all_that_is_said(write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["test", str(write("untrue")), "--keep", "-f", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["failed"], report["errors"]) == (0, 1, 0)
    assert report["scenarios"][0]["steps"][0]["claim"] == "a claim"


@pytest.mark.parametrize("words", [(), ("-f", "json")])
def test_what_a_lab_will_lack_is_a_warning_on_standard_error(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    runs.warning = "no IPsec tunnels: no charon"
    assert run(["test", str(write("one")), *words]) == 0
    told = capsys.readouterr()
    assert told.err == "warning: one: no IPsec tunnels: no charon\n"
    assert "no IPsec" not in told.out


def test_each_lab_has_a_name_of_its_own_unless_one_is_given(write: Write, runs: Runs) -> None:
    one, two = write("one"), write("two", SCENARIO.replace("{name}", "one"))
    assert run(["test", str(one), str(two)]) == 0
    assert len(set(runs.labs)) == 2
    assert run(["test", str(one), "--name", "mine"]) == 0
    assert runs.labs[-1] == "mine"


def test_a_kept_lab_is_told_with_how_to_look_and_how_to_end_it(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["test", str(write("untrue")), "--keep", "--name", "mine"]) == 1
    assert runs.conditions.keep
    text = capsys.readouterr().out
    assert "inspect --name mine" in text
    assert "down --name mine" in text


@pytest.mark.parametrize("name", ["fine", "broken"])
def test_no_lab_is_told_of_that_is_not_there(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run(["test", str(write(name)), "--keep"])
    assert "left up" not in capsys.readouterr().out


def test_budgets_are_handed_down(write: Write, runs: Runs) -> None:
    assert run(["test", str(write("fine")), "--timeout", "7", "--patience", "3"]) == 0
    assert (runs.conditions.convergence.name, runs.conditions.convergence.seconds) == ("--timeout", 7)
    assert runs.conditions.patience == 3


def test_what_a_peer_says_cannot_steer_the_terminal(
    write: Write, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.seen = "cleared \x1b[2J and \x1b]0;titled\a"
    assert run(["test", str(write("untrue"))]) == 1
    assert "cleared ?[2J and ?]0;titled?" in capsys.readouterr().out


# Reports.


def test_reports_are_written_beside_events_and_logs_and_never_the_topology(
    write: Write, runs: Runs, tmp_path: Path
) -> None:
    good, untrue = write("fine"), write("untrue")
    lab = RunFolder(tmp_path / "run" / "mine")
    lab.logs.mkdir(parents=True)
    lab.log("ce1/core").write_text("a log")
    lab.events.write_text("{}\n")
    lab.topology.write_text("shared_key: secret")
    of_an_earlier_run = tmp_path / "out" / "untrue" / "logs" / "ce9.log"
    of_the_user = tmp_path / "out" / "untrue" / "thesis.txt"
    of_an_earlier_run.parent.mkdir(parents=True)
    of_an_earlier_run.touch()
    of_the_user.touch()
    assert run(["test", str(untrue), "--name", "mine", "--report", str(tmp_path / "out")]) == 1
    of_the_user.unlink()
    secured = {
        str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()
    }
    assert secured == {"report.json", "junit.xml", "untrue/events.jsonl", "untrue/logs/ce1.core.log"}
    assert run(["test", str(good), "--junit", str(tmp_path / "junit.xml")]) == 0
    assert "<testcase" in (tmp_path / "junit.xml").read_text()
