"""mseelab up: bring a lab up and return when it has converged."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from lab.cli.options import DEFAULT_TOPOLOGY, backend_option, check_lab_name, complete_topologies, own_name
from lab.cli.tables import printable_lines
from lab.model.shipped import find_topology
from lab.plan.tunnel_facts import count_of_tunnels
from lab.plan.types import Plan
from lab.runtime.claims import running_labs
from lab.runtime.convergence import expected_sessions
from lab.runtime.dataplane import WHERE
from lab.runtime.launch import Progress, Ready
from lab.runtime.lifecycle import bring_up
from lab.runtime.names import DOCKER
from lab.timing import CONVERGENCE, Budget


@click.command("up")
@click.argument(
    "topology", default=DEFAULT_TOPOLOGY, metavar="[TOPOLOGY]", shell_complete=complete_topologies
)
@click.option("--name", metavar="NAME", help="Name of the lab; the topology's own by default.")
@backend_option
@click.option(
    "--dataplane",
    type=click.Choice(["auto", "kernel", "userspace"]),
    default="auto",
    help="What carries IPsec tunnels. auto: what this host can do, else no tunnels.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=CONVERGENCE.seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long convergence may take.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def command(
    topology: str, name: str | None, backend: str, dataplane: str, timeout: float, quiet: bool
) -> None:
    """Bring a lab up and return when it has converged.

    TOPOLOGY is a file or the name of a shipped one (default: expressroute-vpn). Converged
    means: every planned tunnel and BGP session is established, both ends have sent all they
    have, and every route is in its kernel. When that does not happen, everything is taken
    down again and each missing tunnel or session is explained.
    """
    started_at = time.monotonic()
    path = find_topology(topology)
    up = bring_up(
        lambda: _compile(path, name, quiet=quiet),
        convergence=Budget("--timeout", timeout),
        backend=backend,
        dataplane=dataplane,
        topology=path,
        on_progress=lambda step: _progress(step, started_at, quiet=quiet),
    )
    if not quiet:
        _summary(up.plan, up.ready, named=name is not None or len(running_labs()) > 1)


def _compile(path: Path, name: str | None, *, quiet: bool) -> Plan:
    """Imported here, so that the supervisor's fork comes first and does its imports beside."""
    from lab.model.load import load
    from lab.plan.compile import compile_topology

    if name is not None:
        check_lab_name(name)
    loaded = load(path)
    plan = compile_topology(loaded.topology)
    for warning in () if quiet else loaded.warnings:
        click.echo(printable_lines(str(warning)), err=True)
    return plan if name is None else replace(plan, name=name)


def _progress(step: Progress, started_at: float, *, quiet: bool) -> None:
    if not quiet:
        text = f"WARNING: {step.text}" if step.warning else step.text
        click.echo(f"  {time.monotonic() - started_at:5.2f} s  {text}", err=True)


def _summary(plan: Plan, ready: Ready, *, named: bool) -> None:
    """``named``: the commands that it suggests say which lab they mean."""
    sessions = len(expected_sessions(plan)) // 2
    how = "rootless" if ready.facts["rootless"] else "as root"
    if ready.facts["backend"] == DOCKER:
        how = "in containers"
    found = [f"{len(plan.nodes)} nodes", f"{sessions} BGP sessions"]
    if ready.facts["dataplane"]:
        found.append(f"{count_of_tunnels(plan)} IPsec tunnels")
        how += f", IPsec in {WHERE[ready.facts['dataplane']]}"
    click.echo(
        f"{plan.name} is up after {ready.seconds:.1f} s: {', '.join(found)} "
        f"({how}, tags by {ready.facts['tagging']})"
    )
    if plan.description:
        click.echo(f"  {plan.description}")
    click.echo("\nTry next:")
    mseelab = own_name()
    lab = plan.name if named else None
    commands = [_for_lab(lab, suggestion.command) for suggestion in plan.suggestions]
    width = max(map(len, commands), default=0)
    for command_line, suggestion in zip(commands, plan.suggestions, strict=True):
        click.echo(f"  {mseelab} {command_line:<{width}}  # {suggestion.shows}")
    click.echo(f"\nEnd it with: {mseelab} {_for_lab(lab, 'down')}")


def _for_lab(name: str | None, command_line: str) -> str:
    """The command with --name behind its verb: `exec` takes no option after the node."""
    if name is None:
        return command_line
    words = command_line.split()
    verb = 2 if words[0] == "show" else 1
    return " ".join([*words[:verb], "--name", name, *words[verb:]])
