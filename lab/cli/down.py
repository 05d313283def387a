"""mseelab down: end a lab."""

from __future__ import annotations

import contextlib
import os
import select

import click

from lab.cli.options import name_option
from lab.errors import BackendError, InputError
from lab.runtime.control import Control
from lab.runtime.rundir import RunFolder, folder_of, running_labs
from lab.timing import LAB_END


@click.command("down")
@name_option
@click.option("--all", "everything", is_flag=True, help="End all labs of this user.")
def command(name: str | None, everything: bool) -> None:
    """End a lab. One that does not run is fine."""
    for folder in _chosen(name, everything=everything):
        end(folder)
        click.echo(f"{folder.name} is down")


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


def end(folder: RunFolder) -> None:
    """Ask, then wait until the kernel has taken the last process away."""
    control = Control(folder)
    pidfd = None
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(control.supervisor_pid())
    with contextlib.suppress(BackendError):
        control.ask("stop")
    control.close()
    if pidfd is None:
        return
    ended, _, _ = select.select([pidfd], [], [], LAB_END.seconds)
    os.close(pidfd)
    if not ended:
        raise BackendError(f"{folder.name} did not end in {LAB_END.seconds:g} s ({LAB_END.name})")
