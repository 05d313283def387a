"""mseelab apply: bring a running lab to another version of its file."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

import click

from lab.cli.options import complete_topologies, connect, format_option, name_option, print_json
from lab.cli.tables import printable, printable_lines
from lab.model.shipped import find_topology
from lab.runtime.control import pack
from lab.runtime.rundir import RunFolder

if TYPE_CHECKING:
    from lab.model.topology import Topology


@click.command("apply")
@name_option
@format_option
@click.argument("topology", metavar="TOPOLOGY", shell_complete=complete_topologies)
def command(name: str | None, output_format: str, topology: str) -> None:
    """Change a running lab to what TOPOLOGY says now, over its live sessions.

    Policies, limits, what routers originate, route filters, packet filters and static routes
    can change in a lab that runs. Nodes, wires, addresses and sessions cannot: then nothing
    changes at all, and what stands in the way is said.
    """
    from lab.model.load import load
    from lab.plan.compile import compile_topology

    path = find_topology(topology)
    with closing(connect(name)) as control:
        loaded = load(path, _running(control.folder))
        plan = compile_topology(loaded.topology)
        for warning in loaded.warnings:
            click.echo(printable_lines(str(warning)), err=True)
        changes: list[str] = control.ask("apply", plan=pack(plan))
        control.folder.keep_topology(path)
    if output_format == "json":
        print_json(changes)
        return
    for sentence in changes or ["nothing to change"]:
        click.echo(printable(sentence))


def _running(folder: RunFolder) -> Topology | None:
    """What the lab runs, unless its folder has no copy that can be read."""
    from lab.model.load import load_unchecked
    from lab.model.problem import TopologyError

    with suppress(TopologyError):
        return load_unchecked(folder.topology)
    return None
