"""Scenario texts for tests: a small whole one, and what it becomes with other steps."""

from __future__ import annotations

from pathlib import Path

from lab.model.problem import Problem
from lab.scenario.load import LoadedScenario, parse_scenario
from lab.scenario.stage import ScenarioError

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(path for path in (ROOT / "scenarios").glob("*/*.yaml") if path.parent.name != "topologies")
HERE = ROOT / "scenarios" / "test.yaml"
"""Where the texts of tests would stand."""

SESSION = "- {say: It is up., session: {node: ce1/core, neighbor: msee1/private}}"
ROUTE = "- {say: It is there., route: {node: ce1/core, prefix: 10.17.0.0/16}}"
REACH = "- {say: It answers., reach: {source: app1, destination: 10.17.1.4}}"


def scenario_text(*steps: str, patch: str = "{}", topology: str = "expressroute-vpn") -> str:
    """A file with these steps, each a line of YAML; the patch is YAML too, on one line."""
    lines = ["name: a-test", f"topology: {topology}", f"patch: {patch}", "steps:"]
    return "\n".join([*lines, *(f"  {step}" for step in steps), ""])


def loaded(*steps: str, patch: str = "{}", topology: str = "expressroute-vpn") -> LoadedScenario:
    return parse_scenario(scenario_text(*steps, patch=patch, topology=topology), HERE)


def problems(*steps: str, patch: str = "{}", topology: str = "expressroute-vpn") -> list[Problem]:
    """What is wrong with such a file; nothing when it loads."""
    try:
        loaded(*steps, patch=patch, topology=topology)
    except ScenarioError as error:
        return list(error.problems)
    return []
