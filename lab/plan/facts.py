"""Growing a plan by facts, so that a pass reads as what it says and not where that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lab.plan.types import (
    AddressAssignment,
    Bridge,
    Namespace,
    Node,
    PacketFilter,
    Plan,
    Speaker,
    StaticRoute,
    SubInterface,
    Suggestion,
    Translation,
    Wire,
)

Fact = (
    Node
    | Namespace
    | Wire
    | SubInterface
    | Bridge
    | AddressAssignment
    | StaticRoute
    | PacketFilter
    | Translation
    | Speaker
    | Suggestion
)

_FIELD: dict[type, str] = {
    Node: "nodes",
    Namespace: "namespaces",
    Wire: "wires",
    SubInterface: "sub_interfaces",
    Bridge: "bridges",
    AddressAssignment: "addresses",
    StaticRoute: "static_routes",
    PacketFilter: "filters",
    Translation: "translations",
    Speaker: "speakers",
    Suggestion: "suggestions",
}


def extend(plan: Plan, facts: Iterable[Fact]) -> Plan:
    """The plan with these facts added, each kind in the order given."""
    grown: dict[str, Any] = {}
    for fact in facts:
        grown.setdefault(_FIELD[type(fact)], []).append(fact)
    changes: dict[str, Any] = {name: (*getattr(plan, name), *new) for name, new in grown.items()}
    return replace(plan, **changes)
