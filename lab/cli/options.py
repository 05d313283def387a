"""Options and lookups that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lab.errors import InputError
from lab.runtime.control import Control
from lab.runtime.rundir import folder_of, running_labs

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_TOPOLOGY = "expressroute-vpn"


def name_option(function: Function) -> Function:
    """--name: which of the running labs."""
    return click.option("--name", envvar="MSEELAB_NAME", metavar="NAME", help="Which lab, when several run.")(
        function
    )


def format_option(function: Function) -> Function:
    """-f/--format text or json."""
    return click.option(
        "-f",
        "--format",
        "output_format",
        type=click.Choice(["text", "json"]),
        default="text",
        envvar="MSEELAB_FORMAT",
        help="For people or for programs.",
    )(function)


def connect(name: str | None) -> Control:
    """The lab of that name, or the only one that runs.

    Raises InputError when there is none, or several and no name.
    """
    if name is not None:
        if not folder_of(name).is_claimed():
            raise InputError(f"no lab named {name} is running", hint="`mseelab list` shows what runs")
        return Control(folder_of(name))
    running = running_labs()
    if not running:
        raise InputError("no lab is running", hint="`mseelab up` starts one")
    if len(running) > 1:
        names = ", ".join(folder.name for folder in running)
        raise InputError("several labs are running", hint=f"say which: --name with one of {names}")
    return Control(running[0])


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def shipped_topologies() -> Path:
    """The folder of the topologies that come with the project."""
    return Path(__file__).parents[2] / "scenarios" / "topologies"


def find_topology(wanted: str) -> Path:
    """A path, or the name of a shipped topology. Raises InputError when it is neither."""
    path = Path(wanted)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return path
    shipped = shipped_topologies() / f"{wanted}.yaml"
    if shipped.exists():
        return shipped
    names = ", ".join(sorted(file.stem for file in shipped_topologies().glob("*.yaml")))
    raise InputError(f"no topology named {wanted}", hint=f"a file, or one of: {names}")
