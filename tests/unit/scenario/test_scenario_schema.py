"""The JSON schema: current, sound, and of one mind with the loader about shape."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from scenario_builders import HERE, REACH, ROOT, ROUTE, SESSION, SHIPPED, scenario_text

from lab.model.schema import schema_text
from lab.scenario.load import parse_scenario
from lab.scenario.schema import scenario_schema
from lab.scenario.stage import ScenarioError
from lab.scenario.step import KINDS

FILES = [pytest.param(file, id=file.stem) for file in SHIPPED]
PATCH = (
    "{express_route_circuits: {er-seattle: {stag: 9, peerings: {MicrosoftPeering: {route_filter: null}}}}}"
)
VALID: dict[str, Any] = yaml.safe_load(scenario_text(SESSION, ROUTE, REACH, patch=PATCH))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(scenario_schema())


def test_the_schema_in_docs_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(ROOT / "docs" / "scenario.schema.json", schema_text(scenario_schema()))


def test_the_schema_is_a_schema(validator: jsonschema.Draft202012Validator) -> None:
    validator.check_schema(validator.schema)


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_scenario_follows_the_schema(
    file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize("file", FILES)
def test_a_shipped_scenario_names_the_schema_for_editors(file: Path) -> None:
    first, *_ = file.read_text().splitlines()
    assert first == "# yaml-language-server: $schema=../../docs/scenario.schema.json"


def test_every_kind_is_offered_and_described() -> None:
    schema = scenario_schema()
    step = schema["$defs"][schema["properties"]["steps"]["items"]["$ref"].rpartition("/")[2]]
    assert list(step["properties"]) == ["say", *KINDS]
    for kind in KINDS:
        reference = step["properties"][kind]["$ref"].rpartition("/")[2]
        assert schema["$defs"][reference]["description"], kind


def test_inherited_properties_are_described_too() -> None:
    schema = scenario_schema()
    assert "keepalive" in schema["$defs"]["NoRoute"]["properties"]["holds_for"]["description"]


def changed(path: str, value: object) -> dict[str, Any]:
    data = copy.deepcopy(VALID)
    *way, last = path.split(".")
    place: Any = data
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return data


def shape_is_refused(data: dict[str, Any]) -> bool:
    """Whether the loader finds more than broken rules."""
    try:
        parse_scenario(json.dumps(data), HERE)
    except ScenarioError as error:
        return any(problem.rule is None for problem in error.problems)
    return False


@pytest.mark.parametrize(("path", "value"), [
    ("name", "No"), ("topology", ""), ("topology", None), ("steps", []), ("patch", []), ("colour", "blue"),
    ("steps.0.say", ""), ("steps.0.colour", "blue"), ("steps.0.session", None), ("steps.0.session", "up"),
    ("steps.0.route", {"node": "ce1/core", "prefix": "10.17.0.0/16"}), ("steps", [{"say": "nothing"}]),
    ("steps.1.route.node", "CE1"), ("steps.1.route.prefix", "10.17.0.0"), ("steps.1.route.best", "yes"),
    ("steps.1.route.because", "as-paths"), ("steps.1.route.communities", ["12076-51026"]),
    ("steps.2.reach.port", 0), ("steps.2.reach.protocol", "sctp"), ("steps.2.reach.destination", "vm-corp"),
    ("patch.colour", "blue"), ("patch.express_route_circuits.er-seattle.stag", 9000),
    ("patch.express_route_circuits.er-seattle.peerings.MicrosoftPeering.vlan_id", "200"),
    ("patch.express_route_circuits.er-seattle.peerings.MicrosoftPeering.vlanId", 200),
])  # fmt: skip
def test_schema_and_loader_refuse_the_same_shapes(
    path: str, value: object, validator: jsonschema.Draft202012Validator
) -> None:
    data = changed(path, value)
    assert not validator.is_valid(data)
    assert shape_is_refused(data)


@pytest.mark.parametrize(("path", "value"), [
    ("patch", {}), ("patch.express_route_circuits.er-seattle.peerings.MicrosoftPeering.route_filter", None),
    ("patch.connections", {"conn-corp": None}), ("patch.connections", []), ("patch.connections", None),
    ("patch.connections", {"conn-corp": {"routing_weight": 5}}),
    ("patch.timers", "azure"), ("patch.microsoft_network", {"regions": {"East US": None}}),
    ("patch.on_premises", {"seattle": {"edge_routers": {"ce1": {"attachments": {
        "MicrosoftPeering": {"import_policy": None}}}}}}),
])  # fmt: skip
def test_schema_and_loader_take_the_same_patches(
    path: str, value: object, validator: jsonschema.Draft202012Validator
) -> None:
    data = changed(path, value)
    assert [error.message for error in validator.iter_errors(data)] == []
    assert not shape_is_refused(data)
