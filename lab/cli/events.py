"""mseelab events: what happened in a lab, from its event log."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, TextIO

import click

from lab.cli.options import complete_nodes, connect, name_option
from lab.cli.tables import plain, printable
from lab.errors import BackendError

Event = dict[str, Any]

LOOK_AGAIN_S = 0.1
"""How often a growing log is read; the lab's end is seen at once."""


@click.command("events")
@name_option
@click.option(
    "-f",
    "--format",
    "output_format",
    type=click.Choice(["json", "text"]),
    default="json",
    envvar="MSEELAB_FORMAT",
    help="JSON lines, or lines for people.",
)
@click.option("--follow", is_flag=True, help="Go on until the lab ends.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only these, e.g. session-down.")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="NODE[/VRF]",
    help="Only of these.",
    shell_complete=complete_nodes,
)
def command(
    name: str | None, output_format: str, follow: bool, kinds: tuple[str, ...], nodes: tuple[str, ...]
) -> None:
    """What happened in a lab, one JSON object a line.

    `time` is seconds on the host's monotonic clock, `at` seconds since the lab was asked for.
    --kind and --node may be given several times.
    """
    with closing(connect(name)) as control:
        pidfd, path = os.pidfd_open(control.supervisor_pid()), control.folder.events
    try:
        log = path.open(encoding="utf-8")
    except OSError as error:
        raise BackendError(f"cannot read {path}: {error.strerror}") from error
    with log:
        lines = _lines(log, lambda: follow and not _ended(pidfd))
        for event in _chosen(map(json.loads, lines), kinds, nodes):
            click.echo(json.dumps(event) if output_format == "json" else _text(event))


def _ended(pidfd: int) -> bool:
    """Whether the process ends within the pause between two looks at the log."""
    return bool(select.select([pidfd], [], [], LOOK_AGAIN_S)[0])


def _lines(log: TextIO, goes_on: Callable[[], bool]) -> Iterator[str]:
    """Whole lines: one still being written is kept until the rest is there."""
    begun, last = "", False
    while True:
        for piece in log:
            begun += piece
            if begun.endswith("\n"):
                yield begun
                begun = ""
        if last:
            return
        last = not goes_on()


def _chosen(events: Iterable[Event], kinds: tuple[str, ...], nodes: tuple[str, ...]) -> Iterator[Event]:
    for event in events:
        node = event.get("node", "")
        if kinds and event["kind"] not in kinds:
            continue
        if nodes and node not in nodes and node.partition("/")[0] not in nodes:
            continue
        yield event


def _text(event: Event) -> str:
    """``    1.172 s  session-up      ce1/core  neighbor=msee1/private``"""
    facts = {key: value for key, value in event.items() if key not in ("time", "at", "kind", "node")}
    words = " ".join(f"{key}={_fact(value)}" for key, value in facts.items() if value not in (None, [], {}))
    return printable(
        f"{event['at']:9.3f} s  {event['kind']:<14}  {event.get('node', ''):<15}  {words}".rstrip()
    )


def _fact(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{each}" for key, each in value.items())
    text = ",".join(map(str, value)) if isinstance(value, list) else plain(value)
    return repr(text) if " " in text else text
