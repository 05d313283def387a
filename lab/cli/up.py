"""mseelab up: bring a lab up and return when it has converged."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from lab.cli.options import DEFAULT_TOPOLOGY, complete_topologies, find_topology, own_name
from lab.errors import BackendError, InputError
from lab.plan.types import Plan
from lab.runtime.launch import Launch, Orders, Progress, Ready
from lab.runtime.rundir import RunFolder, claim
from lab.timing import CONVERGENCE, Budget


@click.command("up")
@click.argument(
    "topology", default=DEFAULT_TOPOLOGY, metavar="[TOPOLOGY]", shell_complete=complete_topologies
)
@click.option("--name", metavar="NAME", help="Name of the lab; the topology's own by default.")
@click.option("--backend", type=click.Choice(["auto", "netns"]), default="auto", help="Where nodes live.")
@click.option(
    "--dataplane",
    type=click.Choice(["auto", "userspace"]),
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
    launch = Launch()
    try:
        plan = _compile(path, name)
        launch.await_isolation()
        orders = partial(
            Orders, started_at=started_at, convergence=Budget("--timeout", timeout), dataplane=dataplane
        )
        ready = _bring_up(launch, plan, path, orders, started_at, quiet=quiet)
    except BaseException:
        launch.abandon()
        raise
    if not quiet:
        _summary(plan, ready)


def _bring_up(
    launch: Launch,
    plan: Plan,
    path: Path,
    orders: Callable[[Plan, Path], Orders],
    started_at: float,
    *,
    quiet: bool,
) -> Ready:
    folder, lock = claim(plan.name)
    try:
        _keep(path, folder)
        launch.begin(orders(plan, folder.path), lock)
        return launch.wait(lambda step: _progress(step, started_at, quiet=quiet))
    except BaseException:
        launch.abandon()
        folder.remove()
        raise
    finally:
        os.close(lock)


def _compile(path: Path, name: str | None) -> Plan:
    """Imported here, so that the supervisor's fork comes first and does its imports beside."""
    from lab.model.fields import NODE_NAME_PATTERN
    from lab.model.load import load_topology
    from lab.plan.compile import compile_topology

    if name is not None and not re.fullmatch(NODE_NAME_PATTERN, name):
        raise InputError(
            f"{name!r} cannot name a lab",
            hint="lower-case letters, digits and hyphens, at most 24, a letter first",
        )
    plan = compile_topology(load_topology(path))
    return plan if name is None else replace(plan, name=name)


def _keep(path: Path, folder: RunFolder) -> None:
    """A copy of what was asked for, beside the running lab; it may hold keys."""
    try:
        with os.fdopen(os.open(folder.topology, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as copy:
            copy.write(path.read_bytes())
    except OSError as error:
        raise BackendError(f"cannot write {folder.topology}: {error.strerror}") from error


def _progress(step: Progress, started_at: float, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"  {time.monotonic() - started_at:5.2f} s  {step.text}", err=True)


def _summary(plan: Plan, ready: Ready) -> None:
    sessions = sum(len(speaker.config.neighbors) for speaker in plan.speakers) // 2
    how = "rootless" if ready.facts["rootless"] else "as root"
    found = [f"{len(plan.nodes)} nodes", f"{sessions} BGP sessions"]
    if ready.facts["dataplane"]:
        found.append(f"{len(plan.tunnels) // 2} IPsec tunnels")
        how += f", IPsec in {ready.facts['dataplane']}"
    click.echo(
        f"{plan.name} is up after {ready.seconds:.1f} s: {', '.join(found)} "
        f"({how}, tags by {ready.facts['tagging']})"
    )
    if plan.description:
        click.echo(f"  {plan.description}")
    click.echo("\nTry next:")
    mseelab = own_name()
    width = max((len(suggestion.command) for suggestion in plan.suggestions), default=0)
    for suggestion in plan.suggestions:
        click.echo(f"  {mseelab} {suggestion.command:<{width}}  # {suggestion.shows}")
    click.echo(f"\nEnd it with: {mseelab} down")
