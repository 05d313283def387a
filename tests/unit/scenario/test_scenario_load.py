"""Files to scenarios: the shipped ones load, stages follow the changes, errors point at their file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from scenario_builders import HERE, REACH, ROOT, ROUTE, SESSION, SHIPPED, loaded, problems, scenario_text

from lab.errors import InputError
from lab.model.load import load_topology
from lab.plan.compile import compile_topology
from lab.scenario.load import load_scenario, parse_scenario
from lab.scenario.stage import ScenarioError

REFERENCE = ROOT / "scenarios" / "topologies" / "expressroute-vpn.yaml"
NO_FILTER = "{express_route_circuits: {er-seattle: {peerings: {MicrosoftPeering: {route_filter: null}}}}}"
FILTER = NO_FILTER.replace("null", "rf-west-us-2")
QUICK = 5.0
"""Seconds for what takes a tenth of one on an idle machine."""


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in SHIPPED])
def test_every_shipped_scenario_loads(file: Path) -> None:
    assert load_scenario(file).scenario.name == file.stem


def policies(stage_plan: object) -> object:
    return stage_plan.speaker("msee1/microsoft").config.neighbor("ce1/dmz").export_policy  # type: ignore[attr-defined]


def test_the_start_is_the_topology_with_its_patch() -> None:
    reference = compile_topology(load_topology(REFERENCE))
    assert loaded(SESSION).start.plan == reference
    without = loaded(SESSION, patch=NO_FILTER)
    assert policies(without.start.plan) != policies(reference)


def test_a_stage_holds_from_its_change_on() -> None:
    change = f"- {{say: It is attached., change: {FILTER}}}"
    scenario = loaded(SESSION, change, ROUTE, patch=NO_FILTER)
    before, changed, after = scenario.stages
    assert before is scenario.start
    assert changed is after
    assert changed.plan == compile_topology(load_topology(REFERENCE))


def test_changes_accumulate() -> None:
    off, on = (f"- {{say: s, change: {patch}}}" for patch in (NO_FILTER, FILTER))
    weight = "- {say: s, change: {connections: {conn-corp: {routing_weight: 7}}}}"
    stages = loaded(off, weight, on, SESSION).stages
    assert policies(stages[1].plan) == policies(stages[0].plan)
    assert [stage.topology.connections[0].routing_weight for stage in stages] == [0, 7, 7, 7]
    assert policies(stages[2].plan) == policies(compile_topology(load_topology(REFERENCE)))


def test_a_step_knows_its_line_and_its_kind() -> None:
    scenario = loaded(SESSION, ROUTE, REACH)
    assert [scenario.line(index) for index in range(3)] == [5, 6, 7]
    assert [step.kind for step in scenario.scenario.steps] == ["session", "route", "reach"]
    assert scenario.scenario.steps[1].what is scenario.scenario.steps[1].route


def test_a_topology_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(REFERENCE.read_text())
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "test.yaml"
    file.write_text(scenario_text(SESSION, topology="../mine.yaml"))
    assert load_scenario(file).start.topology.name == "expressroute-vpn"


def test_a_folder_called_like_a_shipped_topology_is_not_meant(tmp_path: Path) -> None:
    (tmp_path / "expressroute-vpn").mkdir()
    assert parse_scenario(scenario_text(SESSION), tmp_path / "test.yaml").start.topology.timers


@pytest.mark.parametrize("topology", ["nowhere.yaml", "/dev/zero", ".", "x" * 400 + ".yaml", '"a\\0.yaml"'])
def test_a_topology_that_is_no_file_is_a_problem_of_its_line(topology: str) -> None:
    assert {(problem.line, problem.path) for problem in problems(SESSION, topology=topology)} == {
        (2, "topology")
    }


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ScenarioError, match="there is no file"):
        parse_scenario(scenario_text(SESSION, topology="pipe.yaml"), tmp_path / "test.yaml")


def test_a_problem_of_the_topology_is_one_of_its_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(REFERENCE.read_text().replace("stag: 8", "stag: 9000"))
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(scenario_text(SESSION, topology="wrong.yaml"), tmp_path / "test.yaml")
    (problem,) = raised.value.problems
    assert (problem.source, problem.line) == (str(wrong), 21)
    assert "patched" not in problem.what


def test_a_problem_of_a_patched_value_is_one_of_the_scenario() -> None:
    (problem,) = problems(SESSION, patch="{express_route_circuits: {er-seattle: {stag: 9000}}}")
    assert (problem.source, problem.line) == (str(HERE), 3)
    assert problem.path == "express_route_circuits.er-seattle.stag"


def test_a_value_that_the_patch_left_alone_says_where_the_patch_is() -> None:
    (problem,) = problems(SESSION, patch="{route_filters: {rf-west-us-2: null}}")
    assert (problem.source, problem.line) == (str(REFERENCE), 33)
    assert problem.what.endswith(f", as patched in {HERE}:3")


def test_the_scenarios_own_problems_come_first() -> None:
    early = "- {say: s, no_session: {node: ce1/core, neighbor: msee1/private, holds_for: hold}}"
    found = problems(early, SESSION, patch="{route_filters: {rf-west-us-2: null}}")
    assert [Path(problem.source).name for problem in found] == ["test.yaml", "expressroute-vpn.yaml"]


def test_what_is_waived_is_a_warning_and_no_problem() -> None:
    key = "0f2b5d1c-6c5e-4a37-9d0e-3a1f6f0c2b11"
    twice = f"authorizations: {{a: {{authorization_key: {key}}}, b: {{authorization_key: {key}}}}}"
    circuits = f"express_route_circuits: {{er-seattle: {{{twice}}}}}"
    assert {problem.rule for problem in problems(SESSION, patch=f"{{{circuits}}}")} == {"A-16"}
    waived = loaded(SESSION, patch=f"{{waived_rules: [A-16], {circuits}}}")
    assert [warning.rule for warning in waived.warnings] == ["A-16"]


def test_a_change_that_a_running_lab_cannot_take_over_is_a_problem_of_its_step() -> None:
    change = "- {say: s, change: {express_route_circuits: {er-seattle: {stag: 9}}}}"
    (problem,) = problems(SESSION, change, REACH)
    assert (problem.line, problem.path) == (6, "steps[1].change")
    assert "cannot change in a lab that runs" in problem.what


def test_a_change_is_checked_as_a_topology_is() -> None:
    wrong = (
        "- {say: s, change: {route_filters: {rf-west-us-2: {rules: {allow-west-us-2: {communities: []}}}}}}"
    )
    (problem,) = problems(SESSION, wrong, REACH)
    assert (problem.line, problem.what) == (6, "needs at least 1 entry, has 0")


def test_a_change_may_outgrow_what_a_connection_is_made_with() -> None:
    spaces = ", ".join(["10.17.0.0/16", *(f"10.64.{number}.0/24" for number in range(200))])
    grown = f"{{virtual_networks: {{vnet-corp: {{address_space: {{address_prefixes: [{spaces}]}}}}}}}}"
    scenario = loaded(SESSION, f"- {{say: s, change: {grown}}}", ROUTE)
    originated = [len(stage.plan.speaker("ergw-corp-0").config.originations) for stage in scenario.stages]
    assert originated == [1, 201, 201]
    assert scenario.warnings == ()
    assert {problem.rule for problem in problems(SESSION, patch=grown)} == {"A-6"}
    assert scenario.start.changed(yaml.safe_load(grown)).plan == scenario.stages[-1].plan


def test_a_patch_of_python_values_brings_a_stage_to_the_next() -> None:
    start = loaded(SESSION).start
    off = {
        "express_route_circuits": {"er-seattle": {"peerings": {"MicrosoftPeering": {"route_filter": None}}}}
    }
    assert start.changed(off).plan == loaded(SESSION, patch=NO_FILTER).start.plan
    with pytest.raises(ScenarioError, match="cannot change in a lab that runs"):
        start.changed({"express_route_circuits": {"er-seattle": {"stag": 9}}})
    with pytest.raises(ScenarioError, match="er-seatle: there is no entry of that name, did you mean"):
        start.changed({"express_route_circuits": {"er-seatle": {"stag": 9}}})


def test_a_patch_that_nobody_can_build_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.plan.errors import PlanError

    def refuse(_topology: object) -> object:
        raise PlanError("no room", hint="make some")

    monkeypatch.setattr("lab.scenario.stage.compile_topology", refuse)
    assert [str(each).partition(": ")[2] for each in problems(SESSION)] == [
        "topology: no room\n  hint: make some"
    ]
    (problem,) = problems(SESSION, patch=NO_FILTER)
    assert (problem.line, problem.path, problem.what) == (3, "patch", "no room")


def test_more_steps_than_anybody_writes_are_refused() -> None:
    (problem,) = problems(*[SESSION] * 201)
    assert problem.what == "takes at most 200 entries"


def test_a_long_series_loads_at_once() -> None:
    series = "- {say: s, originate: {node: core1, series: {first: 10.64.0.0/24, count: 10001}}}"
    again = "- {say: s, withdraw: {node: core1, series: {first: 10.64.0.0/24, count: 10001}}}"
    began = time.monotonic()
    assert loaded(*[series, again] * 20, SESSION)
    assert time.monotonic() - began < QUICK


def test_a_patch_of_thousands_of_entries_ends_soon() -> None:
    regions = "{" + ", ".join(f"Rgion {n}: {{location: x}}" for n in range(5000)) + "}"
    began = time.monotonic()
    found = problems(
        SESSION, patch=f"{{microsoft_network: {{regions: {regions}}}, virtual_networks: {regions}}}"
    )
    assert found
    assert time.monotonic() - began < 4 * QUICK


def test_the_error_is_the_users_and_ends_in_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        load_scenario(tmp_path / "test.yaml")
    assert raised.value.exit_code == 2
    assert (
        str(raised.value)
        == f"{tmp_path / 'test.yaml'}: there is no such file\n  hint: see scenarios/ for the shipped ones"
    )


def test_keys_are_in_no_repr() -> None:
    key = "{express_route_circuits: {er-seattle: {peerings: {AzurePrivatePeering: {shared_key: hunter2}}}}}"
    scenario = loaded(SESSION, patch=key)
    assert scenario.scenario.patch
    assert "hunter2" not in f"{scenario!r} {scenario.scenario} {scenario.start!r} {scenario.stages}"
