"""Plans to look at: of the topologies in the repository, and of those with a change."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab.bgp.speaker import Neighbor
from lab.model.load import load_topology
from lab.model.topology import Topology
from lab.plan.compile import compile_topology
from lab.plan.types import PacketFilter, Plan

TESTS = Path(__file__).parents[2]
SHIPPED = TESTS.parent / "scenarios" / "topologies"
GOLDEN = TESTS / "golden" / "plans"
FILES = {file.stem: file for folder in (SHIPPED, GOLDEN) for file in sorted(folder.glob("*.yaml"))}

Edit = Callable[[Any], None]


@cache
def topology(name: str) -> Topology:
    return load_topology(FILES[name])


@cache
def compiled(name: str) -> Plan:
    """The plan of a topology file, by its stem."""
    return compile_topology(topology(name))


def changed(name: str, edit: Edit) -> Plan:
    """The plan of a topology file after ``edit`` changed its data; the loader is not asked."""
    data = yaml.safe_load(FILES[name].read_text(encoding="utf-8"))
    edit(data)
    return compile_topology(Topology.model_validate(data))


def address(plan: Plan, endpoint: str) -> list[str]:
    """The addresses at ``namespace:ifname``."""
    return [
        str(assigned.address)
        for assigned in plan.addresses
        if f"{assigned.namespace}:{assigned.ifname}" == endpoint
    ]


def neighbor(plan: Plan, namespace: str, name: str) -> Neighbor:
    return plan.speaker(namespace).config.neighbor(name)


def neighbors(plan: Plan, namespace: str) -> list[str]:
    return [one.name for one in plan.speaker(namespace).config.neighbors]


def packet_filter(plan: Plan, namespace: str) -> PacketFilter:
    (found,) = (one for one in plan.filters if one.namespace == namespace)
    return found


def routes(plan: Plan, namespace: str) -> dict[str, tuple[str, ...]]:
    """The namespace's static routes: prefix to next hops."""
    return {
        str(route.prefix): tuple(map(str, route.next_hops))
        for route in plan.static_routes
        if route.namespace == namespace
    }
