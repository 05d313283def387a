"""mseelab plan: what would be built."""

from __future__ import annotations

import click

from lab.cli.options import DEFAULT_TOPOLOGY, complete_topologies, find_topology, format_option, print_json


@click.command("plan")
@format_option
@click.argument(
    "topology", default=DEFAULT_TOPOLOGY, metavar="[TOPOLOGY]", shell_complete=complete_topologies
)
def command(output_format: str, topology: str) -> None:
    """What would be built: nodes, wires, addresses, routes, filters, BGP speakers.

    One fact a line, sorted, so that `diff` compares two topologies. Keys are not shown.
    """
    from lab.model.load import load_topology
    from lab.plan.compile import compile_topology
    from lab.plan.dump import dump, to_json

    plan = compile_topology(load_topology(find_topology(topology)))
    if output_format == "json":
        print_json(to_json(plan))
    else:
        click.echo(dump(plan), nl=False)
