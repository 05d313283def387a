"""mseelab graph: a picture of a topology, or of a running lab in its colours."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lab.cli.options import complete_topologies, connect, name_option, namespace_name
from lab.errors import InputError
from lab.model.shipped import find_topology

if TYPE_CHECKING:
    from lab.cli.picture import Status
    from lab.plan.types import Plan

FORMATS = {"svg": ("svg",), "mermaid": ("mmd", "mermaid"), "dot": ("dot", "gv")}
"""Every format with the endings of files that hold it."""


@click.command("graph")
@name_option
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write FILE; the name of a format instead prints that format.",
)
@click.option(
    "-f",
    "--format",
    "output_format",
    type=click.Choice(list(FORMATS)),
    help="Default: what FILE ends in, else svg.",
)
@click.argument("topology", required=False, metavar="[TOPOLOGY]", shell_complete=complete_topologies)
@click.pass_context
def command(
    context: click.Context,
    name: str | None,
    path: Path | None,
    output_format: str | None,
    topology: str | None,
) -> None:
    """A picture of TOPOLOGY or, without it, of the running lab with every state in colour."""
    if topology is not None and context.get_parameter_source("name") is ParameterSource.COMMANDLINE:
        raise InputError("TOPOLOGY and --name exclude each other", hint="a file, or a running lab?")
    if str(path) in FORMATS:
        path, output_format = None, str(path)
    plan, status = _running(name) if topology is None else (_compiled(find_topology(topology)), None)
    picture = _painted(plan, status, output_format or _format_of(path)).rstrip("\n") + "\n"
    if path is None or str(path) == "-":
        click.echo(picture, nl=False)
        return
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def _format_of(path: Path | None) -> str:
    ending = path.suffix[1:] if path is not None else ""
    return next((name for name, endings in FORMATS.items() if ending in endings), "svg")


def _painted(plan: Plan, status: Status | None, output_format: str) -> str:
    """Only the SVG has colours for states."""
    from lab.cli.picture import draw
    from lab.cli.picture_text import dot, mermaid

    match output_format:
        case "mermaid":
            return mermaid(plan)
        case "dot":
            return dot(plan)
    return draw(plan, status)


def _compiled(path: Path) -> Plan:
    from lab.model.load import load_topology
    from lab.plan.compile import compile_topology

    return compile_topology(load_topology(path))


def _running(name: str | None) -> tuple[Plan, Status]:
    """What the lab was made from, and how it is now."""
    with closing(connect(name)) as control:
        lab = control.ask("inspect")
        plan = _compiled(control.folder.topology)
    return replace(plan, name=lab["lab"]), status_of(lab)


def status_of(lab: dict[str, Any]) -> Status:
    """The answer of `inspect` in the picture's terms. A node is what the worst of its
    namespaces is."""
    from lab.cli.picture import Status

    nodes: dict[str, str] = {}
    for entry in lab["nodes"]:
        if nodes.get(entry["name"], "running") == "running":
            nodes[entry["name"]] = entry["state"]
    return Status(
        nodes=nodes,
        links={link["name"]: link["state"] for link in lab["links"]},
        sessions={
            (namespace_name(session), session["peer_address"]): session["state"]
            for session in lab["bgp_sessions"]
        },
        tunnels={(tunnel["node"], tunnel["name"]): tunnel["state"] for tunnel in lab["tunnels"]},
    )
