"""The last pass: what no kernel could build is refused here, all of it at once.

It looks at the plan alone, so it holds whatever a pass before it forgot to think of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from lab.bgp.route import Address
from lab.model.topology import Topology
from lab.plan.errors import PlanError
from lab.plan.names import LONGEST_IFNAME
from lab.plan.queries import interfaces_of
from lab.plan.segments import segments
from lab.plan.types import Endpoint, Plan

T = TypeVar("T", bound=Hashable)


def verify(topology: Topology, plan: Plan) -> Plan:
    """The plan itself; raises PlanError."""
    problems = [*_nodes(plan), *_interfaces(plan), *_tags(plan), *_addresses(plan), *_names(plan)]
    if problems:
        raise PlanError("\n".join(problems), hint="rename or renumber one of the two")
    return plan


def _nodes(plan: Plan) -> Iterator[str]:
    for name in _twice(node.name for node in plan.nodes):
        yield f"two nodes are called {name}"


def _interfaces(plan: Plan) -> Iterator[str]:
    for namespace in dict.fromkeys(namespace.name for namespace in plan.namespaces):
        found = list(interfaces_of(plan, namespace))
        for name in _twice(found):
            yield f"{namespace} would have two interfaces called {name}"
        for name in found:
            assert len(name) <= LONGEST_IFNAME, f"{namespace}:{name} is too long"
            if name == "lo":
                yield f"{namespace} would have an interface called lo, which is the loopback's name"


def _tags(plan: Plan) -> Iterator[str]:
    for port, c_tag, _ in _twice((sub.port, sub.c_tag, sub.s_tag) for sub in plan.sub_interfaces):
        yield f"{port} would carry VLAN {c_tag} twice"


def _addresses(plan: Plan) -> Iterator[str]:
    """Two interfaces with one address in a segment. Peerings are left out: a router that takes
    Microsoft's address is a mistake one may want to look at."""
    tagged = {Endpoint(sub.namespace, sub.ifname) for sub in plan.sub_interfaces}
    owners: dict[tuple[Endpoint, Address], list[Endpoint]] = {}
    joined = segments(plan)
    for assigned in plan.addresses:
        endpoint = Endpoint(assigned.namespace, assigned.ifname)
        if endpoint not in tagged:
            owners.setdefault((joined[endpoint], assigned.address.ip), []).append(endpoint)
    for (_, address), found in owners.items():
        if len(found) > 1:
            yield f"{address} would be the address of {' and '.join(map(str, found))}"


def _names(plan: Plan) -> Iterator[str]:
    for name in _twice(wire.name for wire in plan.wires):
        yield f"two links are called {name}"
    for speaker in plan.speakers:
        for name in _twice(neighbor.name for neighbor in speaker.config.neighbors):
            yield f"{speaker.namespace} would have two sessions with {name}"
    for name in _twice(found.namespace for found in plan.filters):
        raise AssertionError(f"two filters for {name}")


def _twice(found: Iterable[T]) -> list[T]:
    return [one for one, times in Counter(found).items() if times > 1]
