"""mseelab events: what happened in a lab, from its event log."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import click

from lab.cli.options import connect, format_option, name_option, node_completion
from lab.cli.tables import plain, printable
from lab.errors import BackendError

Event = dict[str, Any]

LOOK_AGAIN_MS = 100
"""How often a growing log is read; the lab's end is seen at once."""


@click.command("events")
@name_option
@format_option(default="json")
@click.option("--follow", is_flag=True, help="Go on until the lab ends.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only these, e.g. session-down.")
@click.option(
    "--node",
    "nodes",
    multiple=True,
    metavar="NODE[/VRF]",
    help="Only of these.",
    shell_complete=node_completion,
)
def command(
    name: str | None, output_format: str, follow: bool, kinds: tuple[str, ...], nodes: tuple[str, ...]
) -> None:
    """What happened in a lab, one JSON object a line.

    `time` is seconds on the host's monotonic clock, `at` seconds since the lab was asked for.
    --kind and --node may be given several times.
    """
    control = connect(name)
    pidfd = os.pidfd_open(control.supervisor_pid())
    try:
        log = control.folder.events.open(encoding="utf-8")
    except OSError as error:
        raise BackendError(f"cannot read {control.folder.events}: {error.strerror}") from error
    with log:
        lines = _followed(log, pidfd) if follow else _lines(log)
        for event in _chosen(map(json.loads, lines), kinds, nodes):
            click.echo(json.dumps(event) if output_format == "json" else _text(event))


def _lines(log: TextIO) -> Iterator[str]:
    """What is there now; a line still being written is not."""
    begun = ""
    for line in log:
        begun += line
        if begun.endswith("\n"):
            yield begun
            begun = ""
    log.seek(log.tell() - len(begun.encode()))


def _followed(log: TextIO, pidfd: int) -> Iterator[str]:
    """Until the supervisor is gone and everything it wrote is read."""
    ended = False
    while not ended:
        ended = bool(select.select([pidfd], [], [], LOOK_AGAIN_MS / 1000)[0])
        yield from _lines(log)


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
