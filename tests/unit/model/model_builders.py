"""The reference topology with changes, for tests that break it on purpose."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from lab.model.load import parse_topology
from lab.model.problem import TopologyError

TOPOLOGIES = Path(__file__).parents[3] / "scenarios" / "topologies"
REFERENCE: dict[str, Any] = yaml.safe_load((TOPOLOGIES / "expressroute-vpn.yaml").read_text())
DELETED = object()

Changes = dict[str, Any]


def changed(changes: Changes) -> dict[str, Any]:
    """The reference topology with values set at dotted paths; ``+`` appends, DELETED removes."""
    data = copy.deepcopy(REFERENCE)
    for path, value in changes.items():
        *way, last = path.split(".")
        place: Any = data
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key = int(last) if isinstance(place, list) and last != "+" else last
        if value is DELETED:
            del place[key]
        elif last == "+":
            place.append(value)
        else:
            place[key] = value
    return data


def problems_of(data: dict[str, Any]) -> list[tuple[str | None, str]]:
    try:
        parse_topology(json.dumps(data), "test.yaml")
    except TopologyError as error:
        return [(problem.rule, problem.path) for problem in error.problems]
    return []
