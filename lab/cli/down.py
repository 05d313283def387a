"""mseelab down: end a lab."""

from __future__ import annotations

import click

from lab.cli.options import name_option
from lab.errors import InputError
from lab.runtime import leftovers
from lab.runtime.claims import running_labs
from lab.runtime.lifecycle import take_down
from lab.runtime.rundir import RunFolder, base_folder, folder_of


@click.command("down")
@name_option
@click.option("--all", "everything", is_flag=True, help="End all labs of this user, and what dead ones left.")
def command(name: str | None, everything: bool) -> None:
    """End a lab. One that does not run is fine."""
    for folder in _chosen(name, everything=everything):
        take_down(folder)
        click.echo(f"{folder.name} is down")
    if everything:
        leftovers.sweep_all(base_folder())


def _chosen(name: str | None, *, everything: bool) -> list[RunFolder]:
    if name is not None and everything:
        raise InputError("--name and --all exclude each other")
    running = running_labs()
    if name is not None:
        return [folder for folder in running if folder.path == folder_of(name).path]
    if len(running) > 1 and not everything:
        names = ", ".join(folder.name for folder in running)
        raise InputError("several labs are running", hint=f"--all, or --name with one of {names}")
    return running
