"""Layer 2 segments: which interfaces of a plan hear each other's broadcasts.

Wires, bridges and equal tags on the two ends of a trunk join interfaces; what is joined is one
segment. A peering whose two ends use different tags falls into two.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.plan.types import Endpoint, Plan


def segments(plan: Plan) -> dict[Endpoint, Endpoint]:
    """Every interface that is addressed or joined to another, with a representative of its segment:
    equal for those in the same one."""
    addressed = (Endpoint(assigned.namespace, assigned.ifname) for assigned in plan.addresses)
    roots = {endpoint: endpoint for endpoint in addressed}
    for a, b in _joined(plan):
        roots.setdefault(a, a)
        roots.setdefault(b, b)
        roots[_root(roots, a)] = _root(roots, b)
    return {endpoint: _root(roots, endpoint) for endpoint in roots}


def _root(roots: dict[Endpoint, Endpoint], endpoint: Endpoint) -> Endpoint:
    while roots[endpoint] != endpoint:
        endpoint = roots[endpoint]
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
