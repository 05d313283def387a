"""Layer 2 segments: which interfaces of a plan hear each other's broadcasts.

Wires, bridges and equal tags on the two ends of a trunk join interfaces; what is joined is one
segment. A peering whose two ends use different tags falls into two.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.plan.types import Endpoint, Plan


def segments(plan: Plan) -> dict[Endpoint, Endpoint]:
    """Every interface with a representative of its segment: equal for those in the same one."""
    parent: dict[Endpoint, Endpoint] = {}
    for a, b in _joined(plan):
        parent[_root(parent, a)] = _root(parent, b)
    return {endpoint: _root(parent, endpoint) for endpoint in (*parent, *_alone(plan))}


def _root(parent: dict[Endpoint, Endpoint], endpoint: Endpoint) -> Endpoint:
    while parent.get(endpoint, endpoint) != endpoint:
        endpoint = parent[endpoint]
    return endpoint


def _joined(plan: Plan) -> Iterator[tuple[Endpoint, Endpoint]]:
    for bridge in plan.bridges:
        for port in bridge.ports:
            yield Endpoint(bridge.namespace, port), Endpoint(bridge.namespace, bridge.ifname)
    for wire in plan.wires:
        if not wire.trunk:
            yield wire.a, wire.b
    yield from _tagged(plan)


def _tagged(plan: Plan) -> Iterator[tuple[Endpoint, Endpoint]]:
    by_port: dict[Endpoint, dict[tuple[int, int | None], Endpoint]] = {}
    for sub in plan.sub_interfaces:
        by_port.setdefault(sub.port, {})[sub.c_tag, sub.s_tag] = Endpoint(sub.namespace, sub.ifname)
    for wire in plan.wires:
        near, far = by_port.get(wire.a, {}), by_port.get(wire.b, {})
        for tags, endpoint in near.items():
            if tags in far:
                yield endpoint, far[tags]


def _alone(plan: Plan) -> Iterator[Endpoint]:
    """Interfaces that may be joined to nothing."""
    for assigned in plan.addresses:
        yield Endpoint(assigned.namespace, assigned.ifname)
