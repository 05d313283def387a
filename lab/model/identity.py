"""Identities the lab chooses when the file does not: stable, so that two runs agree."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from lab.model.circuit import ExpressRouteCircuit
from lab.model.topology import Topology


def service_key_of(topology: Topology, circuit: ExpressRouteCircuit) -> UUID:
    """The circuit's service key; made of the topology's and the circuit's name (RFC 9562
    section 5.5) when it has none of its own."""
    if circuit.service_key is not None:
        return circuit.service_key
    return uuid5(NAMESPACE_URL, f"mseelab:{topology.name}/{circuit.name}")
