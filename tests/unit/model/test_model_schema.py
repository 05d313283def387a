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

from lab.model.document import SECRETS
from lab.model.load import parse_topology
from lab.model.problem import TopologyError
from lab.model.schema import schema_text, topology_schema

ROOT = Path(__file__).parents[3]
SHIPPED = [
    pytest.param(file, id=file.stem) for file in sorted((ROOT / "scenarios" / "topologies").glob("*.yaml"))
]
REFERENCE: dict[str, Any] = yaml.safe_load((ROOT / "scenarios/topologies/expressroute-vpn.yaml").read_text())


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(topology_schema())


def test_the_schema_in_docs_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(ROOT / "docs" / "topology.schema.json", schema_text(topology_schema()))


def test_the_schema_is_a_schema(validator: jsonschema.Draft202012Validator) -> None:
    validator.check_schema(validator.schema)


@pytest.mark.parametrize("file", SHIPPED)
def test_a_shipped_topology_follows_the_schema(
    file: Path, validator: jsonschema.Draft202012Validator
) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize("file", SHIPPED)
def test_a_shipped_topology_names_the_schema_for_editors(file: Path) -> None:
    first, *_ = file.read_text().splitlines()
    assert first == "# yaml-language-server: $schema=../../docs/topology.schema.json"


def test_properties_are_described_by_the_texts_under_them() -> None:
    circuit = topology_schema()["$defs"]["ExpressRouteCircuit"]
    assert circuit["description"] == "Two links to two MSEEs, identified by the service key."
    assert circuit["properties"]["location"]["description"] == (
        "The Azure region of the resource; not the peering location."
    )


def test_only_known_properties_are_allowed_anywhere() -> None:
    schema = topology_schema()
    objects = [schema, *(each for each in schema["$defs"].values() if each.get("type") == "object")]
    assert len(objects) > 30
    assert all(each["additionalProperties"] is False for each in objects)


def test_what_the_schema_calls_a_password_is_never_shown() -> None:
    objects = [each for each in topology_schema()["$defs"].values() if "properties" in each]
    passwords = {
        name for each in objects for name in each["properties"] if "password" in str(each["properties"][name])
    }
    assert passwords == SECRETS - {"authorization_key"}


@pytest.mark.parametrize(("path", "value"), [
    ("name", 5), ("name", "No"), ("timers", "fast"), ("nonsense", 1), ("express_route_circuits", {}),
    ("express_route_circuits.0.stag", "8"), ("express_route_circuits.0.stag", 4095),
    ("express_route_circuits.0.stag", 8.5), ("express_route_circuits.0.peerings.0.vlan_id", True),
    ("express_route_circuits.0.peerings.0.primary_peer_address_prefix", "192.168.100.128"),
    ("express_route_circuits.0.peerings.0.primary_peer_address_prefix", 5),
    ("express_route_circuits.0.service_provider_properties.bandwidth_in_mbps", 300),
    ("express_route_circuits.0.peerings.0.vlan_id", 0), ("express_route_circuits.0.peerings.0.vlan_id", 4095),
    ("connections.0.routing_weight", 32001), ("connections.0.routing_weight", -1),
    ("route_filters.0.rules", [{"name": name, "communities": ["12076:51026"]} for name in "ab"]),
    ("route_filters.0.rules.0.access", "Deny"), ("route_filters.0.rules.0.route_filter_rule_type", "Prefix"),
    ("route_filters.0.rules", []), ("virtual_network_gateways.1.active_active", "yes"),
    ("virtual_network_gateways.1.active_active", 1), ("virtual_machines.0.private_ip_address", 167837956),
    ("virtual_machines.0.private_ip_address", None), ("on_premises.0.hosts", None),
    ("on_premises.0.firewalls.0.zones", ["core"]), ("virtual_networks.0.address_space", None),
])  # fmt: skip
def test_schema_and_loader_refuse_the_same_shapes(
    path: str, value: object, validator: jsonschema.Draft202012Validator
) -> None:
    data = copy.deepcopy(REFERENCE)
    *way, last = path.split(".")
    place: Any = data
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    assert not validator.is_valid(data)
    with pytest.raises(TopologyError) as raised:
        parse_topology(json.dumps(data), "t.yaml")
    assert [problem.rule for problem in raised.value.problems] == [None]
