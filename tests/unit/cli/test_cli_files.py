"""Verbs about topology files: validate, plan, graph, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli_fake_lab import LAB, fake_lab

from lab.cli import run
from lab.cli.graph import status_of
from lab.model.shipped import shipped_names, shipped_topologies

WRONG = """\
name: wrong
express_route_circuits:
  - name: er
    colour: blue
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    return path


def output(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> str:
    """What a command line prints when it ends with ``code``; nothing on standard error."""
    assert run([str(word) for word in words]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


# validate


def test_shipped_topologies_are_valid_by_name_and_by_path(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(shipped_topologies() / f"{name}.yaml") for name in shipped_names()]
    words = [*shipped_names(), *paths]
    assert output(capsys, 0, "validate", *words).splitlines() == [f"{word}: ok" for word in words]


def test_every_problem_of_a_file_is_told_with_its_place(
    wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = output(capsys, 2, "validate", wrong, "expressroute-basic")
    assert f"{wrong}:4:5: express_route_circuits.er.colour: unknown property" in text
    assert "express_route_circuits.er.service_provider_properties: missing" in text
    assert "expressroute-basic: ok" in text
    assert text.splitlines()[-1].endswith(" in 1 of 2 files")


def test_problems_as_json_have_a_place_a_message_and_a_hint(
    wrong: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems: list[dict[str, Any]] = json.loads(output(capsys, 2, "validate", wrong, "-f", "json"))
    (problem,) = [each for each in problems if each["line"] == 4]
    assert {key: problem[key] for key in ("file", "column", "path")} == {
        "file": str(wrong),
        "column": 5,
        "path": "express_route_circuits.er.colour",
    }
    assert problem["message"].startswith("unknown property")
    assert problem["hint"].startswith("allowed here: name")


def test_without_problems_json_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(output(capsys, 0, "validate", "expressroute-basic", "-f", "json")) == []


SCENARIO = """\
name: a-test
topology: expressroute-basic
steps:
  - say: It is up.
    session: {node: ce1/core, neighbor: msee1/private}
"""


def test_a_scenario_is_checked_with_its_topology(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fine, wrong = tmp_path / "fine.yaml", tmp_path / "wrong.yaml"
    fine.write_text(SCENARIO)
    wrong.write_text(SCENARIO.replace("ce1/core", "ce1/dmz"))
    assert output(capsys, 0, "validate", fine) == f"{fine}: ok\n"
    text = output(capsys, 2, "validate", wrong, fine)
    assert text.startswith(f"{wrong}:5:21: steps[0].session.node: there is no node 'ce1/dmz'")
    assert text.splitlines()[-1] == "1 problem in 1 of 2 files"


@pytest.mark.parametrize("name", ["nosuch", "nosuch.yaml"])
def test_a_file_that_is_not_there_is_a_problem_of_that_file(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (problem,) = json.loads(output(capsys, 2, "validate", name, "-f", "json"))
    assert problem["file"] == name
    assert problem["line"] is None
    assert problem["message"] in (f"no topology named {name}", "there is no such file")


def test_what_cannot_be_built_is_a_problem_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lab.plan.errors import PlanError

    def refuse(_: object) -> None:
        raise PlanError("two nodes want one name", hint="rename one")

    monkeypatch.setattr("lab.plan.compile.compile_topology", refuse)
    text = output(capsys, 2, "validate", "expressroute-basic")
    assert "expressroute-basic.yaml: two nodes want one name\n  hint: rename one\n" in text


# plan


def test_the_plan_is_text_with_a_fact_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = output(capsys, 0, "plan", "expressroute-basic").splitlines()
    assert lines[0] == "plan expressroute-basic"
    assert any(line.startswith("node msee1 ") for line in lines)


def test_the_plan_shows_the_service_key_of_a_circuit(capsys: pytest.CaptureFixture[str]) -> None:
    """Stable: made of names, so the same file always has the same key."""
    *_, last = output(capsys, 0, "plan", "expressroute-vpn").splitlines()
    assert last.startswith("circuit name=er-seattle service_key=c1a6ddaf-0961-5f40-893b-7d584188d8e7 ")


def test_the_plan_as_json_holds_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.loads(output(capsys, 0, "plan", "expressroute-basic", "-f", "json"))
    assert {"nodes", "wires", "addresses", "speakers"} <= plan.keys()


# graph


def test_a_picture_of_a_topology_is_svg(capsys: pytest.CaptureFixture[str]) -> None:
    assert ElementTree.fromstring(output(capsys, 0, "graph", "expressroute-basic")).tag.endswith("svg")


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["-o", "a.svg"], "<svg "),
        (["-o", "a.mmd"], "flowchart "),
        (["-o", "a.gv"], "graph "),
        (["-o", "a.dot"], "graph "),
        (["-o", "a.txt"], "<svg "),
        (["-o", "a.svg", "-f", "dot"], "graph "),
    ],
)
def test_a_file_says_by_its_ending_what_it_holds(
    words: list[str],
    start: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert output(capsys, 0, "graph", "expressroute-basic", *words) == ""
    text = Path(words[1]).read_text()
    assert text.startswith(start)
    assert text.endswith("\n")


@pytest.mark.parametrize(("name", "start"), [("svg", "<svg "), ("mermaid", "flowchart "), ("dot", "graph ")])
def test_the_name_of_a_format_is_no_file(
    name: str,
    start: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert output(capsys, 0, "graph", "expressroute-basic", "-o", name).startswith(start)
    assert not Path(name).exists()


def test_a_picture_is_of_a_file_or_of_a_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "expressroute-basic", "--name", "demo"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_is_a_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "expressroute-basic", "-o", "/nonexistent/a.svg"]) == 2
    assert "cannot write /nonexistent/a.svg: No such file or directory" in capsys.readouterr().err


def test_a_running_lab_is_drawn_from_its_own_copy_of_the_topology(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.runtime.rundir._base_candidate", lambda: tmp_path / "labs")
    with fake_lab(tmp_path / "labs", "demo", {"inspect": LAB}) as folder:
        folder.topology.write_bytes((shipped_topologies() / "expressroute-basic.yaml").read_bytes())
        coloured = output(capsys, 0, "graph", "--name", "demo")
    plain = output(capsys, 0, "graph", "expressroute-basic")
    assert ElementTree.fromstring(coloured).tag.endswith("svg")
    assert "demo" in coloured
    assert coloured.replace("demo", "expressroute-basic") != plain


def test_a_node_is_what_the_worst_of_its_namespaces_is() -> None:
    status = status_of(LAB)
    assert status.nodes == {"ce1": "restarting", "app1": "running"}
    assert status.links == {"ce1--pe1": "down"}
    assert status.sessions == {("ce1/core", "192.168.100.130"): "idle"}


def test_a_tunnel_is_known_by_either_end() -> None:
    ends = [{"node": node, "name": "conn-0", "state": "down"} for node in ("vpn1", "gw-0")]
    assert status_of(LAB | {"tunnels": ends}).tunnels == {
        ("vpn1", "conn-0"): "down",
        ("gw-0", "conn-0"): "down",
    }


# schema


@pytest.mark.parametrize("words", [[], ["-f", "json"], ["topology"]])
def test_the_schema_is_json_and_knows_circuits(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(output(capsys, 0, "schema", *words))
    assert "express_route_circuits" in schema["properties"]


def test_scenarios_have_a_schema_too(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(output(capsys, 0, "schema", "scenario"))
    assert {"topology", "patch", "steps"} <= schema["properties"].keys()
