"""Options and lookups that several verbs share."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lab.errors import InputError, LabError
from lab.runtime.claims import running_labs
from lab.runtime.control import Control
from lab.runtime.names import AUTO, DOCKER, NETNS
from lab.runtime.rundir import folder_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_TOPOLOGY = "expressroute-vpn"


class FiniteRange(click.FloatRange):
    """A number in a range, and a number it must be: ``nan`` compares with nothing, and nobody
    waits for ``inf``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def name_option(function: Function) -> Function:
    """--name: which of the running labs."""
    return click.option(
        "--name",
        envvar="MSEELAB_NAME",
        metavar="NAME",
        help="Which lab, when several run.",
        shell_complete=_complete_labs,
    )(function)


def node_argument(function: Function) -> Function:
    """NODE[/VRF]: a namespace of the running lab."""
    return click.argument("node", metavar="NODE[/VRF]", shell_complete=complete_nodes)(function)


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


def backend_option(function: Function) -> Function:
    """--backend: where the nodes of a new lab live."""
    return click.option(
        "--backend",
        type=click.Choice([AUTO, NETNS, DOCKER]),
        default=AUTO,
        envvar="MSEELAB_BACKEND",
        help="Where nodes live: namespaces of the lab's own, or containers.",
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


def check_lab_name(name: str) -> None:
    """Raises InputError for what a new lab cannot be called."""
    from lab.model.fields import NODE_NAME_PATTERN  # here: it costs every command pydantic's import

    if not re.fullmatch(NODE_NAME_PATTERN, name):
        raise InputError(
            f"{name!r} cannot name a lab",
            hint="lower-case letters, digits and hyphens, at most 24, a letter first",
        )


def ask(name: str | None, do: str, **details: Any) -> Any:
    """One question to a lab. Raises LabError."""
    with closing(connect(name)) as control:
        return control.ask(do, **details)


# Shell completion. What cannot be found out is not completed; nobody reads an error there.


def _complete_labs(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    with suppress(LabError):
        return [folder.name for folder in running_labs() if folder.name.startswith(incomplete)]
    return []


def complete_nodes(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    found = lab_for_completion(context)
    names = [namespace_name(node) for node in found["nodes"]] if found else []
    return [name for name in names if name.startswith(incomplete)]


def complete_topologies(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Files, by the shell, and the shipped ones by name; in this order, because bash forgets
    what came before a file."""
    from click.shell_completion import CompletionItem

    from lab.model.shipped import shipped_names

    shipped = [CompletionItem(name) for name in shipped_names() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *shipped]


def lab_for_completion(context: click.Context) -> dict[str, Any] | None:
    """What `inspect` says of the lab a half-typed command line means; None when none is meant."""
    with suppress(LabError):
        lab: dict[str, Any] = ask(context.params.get("name"), "inspect")
        return lab
    return None


def namespace_name(entry: dict[str, Any]) -> str:
    """``node`` or ``node/vrf`` of an entry of `inspect`."""
    node: str = entry["node" if "node" in entry else "name"]
    return f"{node}/{entry['vrf']}" if entry["vrf"] else node


def own_name() -> str:
    """How this command can be typed again from here: `mseelab`, or the path to it."""
    invoked = Path(sys.argv[0])
    if invoked.name != "mseelab" or shutil.which("mseelab") == str(invoked.absolute()):
        return "mseelab"
    with contextlib.suppress(ValueError):
        return str(invoked.absolute().relative_to(Path.cwd()))
    return str(invoked)
