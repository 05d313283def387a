"""mseelab list: the labs of this user that run."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import click

from lab.cli.options import format_option, print_json
from lab.cli.tables import duration, print_table
from lab.errors import LabError
from lab.runtime.claims import running_labs
from lab.runtime.control import Control
from lab.runtime.rundir import RunFolder


@click.command("list")
@format_option
def command(output_format: str) -> None:
    """The labs that run."""
    labs = [_describe(folder) for folder in running_labs()]
    if output_format == "json":
        print_json(labs)
    else:
        _print_text(labs)


def _describe(folder: RunFolder) -> dict[str, Any]:
    """A lab on its way up or down does not answer, and is listed all the same."""
    described: dict[str, Any] = {
        "name": folder.name,
        "state": "starting",
        "topology": _topology_name(folder),
        "nodes": None,
        "uptime_s": _uptime(folder),
        "backend": None,
        "folder": str(folder.path),
    }
    try:
        with closing(Control(folder)) as control:
            lab = control.ask("inspect")
    except LabError:
        return described
    nodes = len({node["name"] for node in lab["nodes"]})
    return described | {"state": lab["state"], "nodes": nodes, "backend": lab["backend"]}


def _topology_name(folder: RunFolder) -> str | None:
    """The ``name`` in the topology file; the rest of it need not be understood for that."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(folder.topology.read_text(encoding="utf-8"), loader)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    if not isinstance(root, yaml.MappingNode):
        return None
    return next((str(value.value) for key, value in root.value if key.value == "name"), None)


def _uptime(folder: RunFolder) -> float | None:
    """Seconds since it was asked for: every event has the time, and the time since then."""
    try:
        with folder.events.open(encoding="utf-8") as file:
            event = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    asked_at: float = event["time"] - event["at"]
    return round(time.monotonic() - asked_at, 1)


def _print_text(labs: list[dict[str, Any]]) -> None:
    if not labs:
        click.echo("no lab is running; `mseelab up` starts one")
        return
    print_table(
        ("NAME", "STATE", "TOPOLOGY", "NODES", "UPTIME", "BACKEND"),
        [
            (
                lab["name"],
                lab["state"],
                lab["topology"],
                lab["nodes"],
                duration(lab["uptime_s"]),
                lab["backend"],
            )
            for lab in labs
        ],
    )
