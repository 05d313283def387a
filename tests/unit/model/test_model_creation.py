"""Rules of creation: what a connection has to keep when it is made, and no longer when it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from model_builders import REFERENCE, Changes, changed

from lab.model.load import Loaded, examined, parse_topology
from lab.model.problem import TopologyError
from lab.model.reader import read_document
from lab.model.topology import Topology

SPACES = [f"10.{64 + number // 256}.{number % 256}.0/24" for number in range(1200)]
CONNECTION = "connections.0"
ATTACHED = [
    f"on_premises.0.edge_routers.{router}.attachments.{number}" for router in (0, 1) for number in (0, 1)
]


def with_spaces(count: int, **more: Any) -> Changes:
    """The reference's network with so many address spaces."""
    spaces = ["10.17.0.0/16", *SPACES[: count - 1]]
    return {"virtual_networks.0.address_space.address_prefixes": spaces, **more}


def loaded(changes: Changes, before: Topology | None) -> Loaded:
    return examined(*read_document(json.dumps(changed(changes), indent=1), "test.yaml"), before)


def broken(changes: Changes, before: Topology | None) -> list[tuple[str | None, str]]:
    with pytest.raises(TopologyError) as raised:
        loaded(changes, before)
    return [(problem.rule, problem.path) for problem in raised.value.problems]


@pytest.fixture(scope="module")
def running() -> Topology:
    return parse_topology(json.dumps(REFERENCE), "running.yaml")


@pytest.mark.parametrize("count", [200, 201, 1000, 1001])
def test_a_network_may_grow_behind_a_connection_that_runs(count: int, running: Topology) -> None:
    found = loaded(with_spaces(count), running)
    assert len(found.topology.virtual_networks[0].address_space.address_prefixes) == count
    assert found.warnings == ()


@pytest.mark.parametrize("other", [
    {f"{CONNECTION}.name": "conn-new"},
    {f"{CONNECTION}.peer": "er-new", "express_route_circuits.0.name": "er-new"}
    | {f"{path}.circuit": "er-new" for path in ATTACHED},
    {f"{CONNECTION}.virtual_network_gateway1": "ergw-new", "virtual_network_gateways.0.name": "ergw-new"},
])  # fmt: skip
def test_a_connection_that_is_new_keeps_the_rule(other: Changes, running: Topology) -> None:
    name = other.get(f"{CONNECTION}.name", "conn-corp")
    assert broken(with_spaces(201, **other), running) == [
        ("A-6", f"connections.{name}.virtual_network_gateway1")
    ]
    assert loaded(with_spaces(200, **other), running).warnings == ()


def test_where_nothing_runs_every_connection_is_new() -> None:
    assert broken(with_spaces(201), None) == [("A-6", "connections.conn-corp.virtual_network_gateway1")]


def test_rules_that_always_hold_are_kept_by_what_runs(running: Topology) -> None:
    assert broken({"virtual_networks.0.location": "West Europe"}, running) == [
        ("A-4", "connections.conn-corp.peer")
    ]


def test_a_waiver_that_the_start_needs_is_not_called_needless(running: Topology) -> None:
    (warning,) = loaded(with_spaces(201, waived_rules=["A-6"]), running).warnings
    assert "[RULE A-6 waived]" in str(warning)
