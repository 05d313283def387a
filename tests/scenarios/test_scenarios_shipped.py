"""Every shipped scenario can run, and so can what breaks its claim; no lab is started."""

from __future__ import annotations

import re

import pytest
import yaml
from shipped import FOLDER, SCENARIOS, TABLE, breakages

from lab.scenario.load import load_scenario, parse_scenario

ROW = re.compile(r"^\| (?:\[.*\]\((.*)\)|`(.*)`) \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_loads(name):
    scenario = load_scenario(SCENARIOS[name]).scenario
    assert scenario.name == SCENARIOS[name].stem
    assert scenario.description


def test_each_says_how_its_claim_is_broken():
    assert {breakage.scenario for breakage in breakages()} == SCENARIOS.keys()


@pytest.mark.parametrize("breakage", breakages(), ids=str)
def test_the_broken_one_could_run_and_lacks_nothing_but_its_claim(breakage):
    assert bool(breakage.patch) != bool(breakage.first)
    broken = parse_scenario(yaml.safe_dump(breakage.document()), SCENARIOS[breakage.scenario]).scenario
    whole = load_scenario(SCENARIOS[breakage.scenario]).scenario
    added = [step for step in broken.steps if step not in whole.steps]
    assert [step.say for step in added] == ([breakage.by] if breakage.first else [])
    assert [step.say for step in broken.steps].count(breakage.fails) == 1


def test_the_table_is_in_the_order_of_the_folders():
    assert list(yaml.safe_load(TABLE.read_text(encoding="utf-8"))) == sorted(SCENARIOS)


def test_the_list_of_scenarios_is_complete_and_says_what_they_say():
    listed = {
        file: claim for file, _, claim in ROW.findall((FOLDER / "README.md").read_text(encoding="utf-8"))
    }
    assert listed == {
        f"{name}.yaml": load_scenario(file).scenario.description for name, file in SCENARIOS.items()
    }


def test_the_readme_lists_every_topology():
    page = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    section = page.partition("## Topologies\n")[2].partition("\n## ")[0]
    listed = {name for _, name, _ in ROW.findall(section)}
    assert listed == {file.stem for file in (FOLDER / "topologies").glob("*.yaml")}
