"""Questions a later pass, or a reader, asks of a plan."""

from __future__ import annotations

from collections.abc import Iterator

from lab.bgp.route import Address, Prefix
from lab.errors import InputError
from lab.plan.types import Interface, Plan


def addresses_of(plan: Plan, namespace: str, ifname: str) -> tuple[Interface, ...]:
    """The interface's addresses."""
    return tuple(
        assigned.address
        for assigned in plan.addresses
        if (assigned.namespace, assigned.ifname) == (namespace, ifname)
    )


def address_of(plan: Plan, namespace: str, ifname: str, version: int) -> Interface | None:
    """The interface's first address of that IP version."""
    found = addresses_of(plan, namespace, ifname)
    return next((address for address in found if address.version == version), None)


def connected_networks(plan: Plan, namespace: str) -> tuple[Prefix, ...]:
    """The networks on the namespace's interfaces, without loopback addresses, each once."""
    networks = (
        assigned.address.network
        for assigned in plan.addresses
        if assigned.namespace == namespace and assigned.ifname != "lo"
    )
    return tuple(dict.fromkeys(networks))


def own_addresses(plan: Plan, namespace: str) -> frozenset[Address]:
    return frozenset(assigned.address.ip for assigned in plan.addresses if assigned.namespace == namespace)


def owners(plan: Plan, address: Address) -> tuple[str, ...]:
    """The namespaces that have the address, each once."""
    return tuple(dict.fromkeys(one.namespace for one in plan.addresses if one.address.ip == address))


def owner(plan: Plan, address: Address) -> str:
    """The only namespace that has the address. Raises InputError."""
    there = owners(plan, address)
    if len(there) != 1:
        raise InputError(f"{address} is the address of {len(there)} nodes, not of one")
    return there[0]


def interfaces_of(plan: Plan, namespace: str) -> Iterator[str]:
    """The names of the namespace's interfaces but ``lo``, in build order."""
    for wire in plan.wires:
        for end in (wire.a, wire.b):
            if end.namespace == namespace:
                yield end.ifname
    for sub_interface in plan.sub_interfaces:
        if sub_interface.namespace == namespace:
            yield sub_interface.ifname
    for bridge in plan.bridges:
        if bridge.namespace == namespace:
            yield bridge.ifname
    for tunnel in plan.tunnels:
        if tunnel.namespace == namespace:
            yield tunnel.ifname
