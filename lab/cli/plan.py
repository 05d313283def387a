"""mseelab plan: what would be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lab.cli.options import DEFAULT_TOPOLOGY, complete_topologies, format_option, print_json
from lab.model.shipped import find_topology

if TYPE_CHECKING:
    from lab.model.circuit import ExpressRouteCircuit
    from lab.model.topology import Topology


@click.command("plan")
@format_option
@click.argument(
    "topology", default=DEFAULT_TOPOLOGY, metavar="[TOPOLOGY]", shell_complete=complete_topologies
)
def command(output_format: str, topology: str) -> None:
    """What would be built: nodes, wires, addresses, routes, filters, BGP speakers, circuits.

    One fact a line, sorted, so that `diff` compares two topologies. Keys are not shown; a
    circuit's service key (s-key) is, for it is an identifier and not a secret.
    """
    from lab.model.load import load_topology
    from lab.plan.compile import compile_topology
    from lab.plan.dump import dump, to_json

    loaded = load_topology(find_topology(topology))
    plan = compile_topology(loaded)
    circuits = [_circuit(loaded, circuit) for circuit in loaded.express_route_circuits]
    if output_format == "json":
        print_json({"circuits": circuits} | to_json(plan))
        return
    click.echo(dump(plan), nl=False)
    for facts in circuits:
        click.echo(" ".join(["circuit", *(f"{key}={value}" for key, value in facts.items())]))


def _circuit(topology: Topology, circuit: ExpressRouteCircuit) -> dict[str, str | int]:
    from lab.model.identity import service_key_of

    provider = circuit.service_provider_properties
    return {
        "name": circuit.name,
        "service_key": str(service_key_of(topology, circuit)),
        "sku": f"{circuit.sku.tier.value}_{circuit.sku.family.value}",
        "bandwidth_in_mbps": provider.bandwidth_in_mbps,
        "circuit_provisioning_state": circuit.circuit_provisioning_state,
        "service_provider_provisioning_state": circuit.service_provider_provisioning_state,
    }
