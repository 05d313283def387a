"""mseelab why: the whole chain of decisions for a prefix, from what came in to what went out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from lab.cli.options import ask, format_option, name_option, node_argument, print_json
from lab.cli.show import prefix_or_address
from lab.cli.tables import plain, printable

Json = dict[str, Any]


@click.command("why")
@name_option
@format_option
@node_argument
@click.argument("prefix", metavar="PREFIX")
def command(name: str | None, output_format: str, node: str, prefix: str) -> None:
    """Why NODE has the route to PREFIX that it has, or none.

    What was received and what import made of it, which step of the decision process chose,
    what the kernel got, and who is told what. PREFIX may be an address: its longest match.
    """
    prefix_or_address(prefix)
    answer: Json = ask(name, "why", namespace=node, destination=prefix)
    if output_format == "json":
        print_json(answer)
    else:
        for line in explanation(answer):
            click.echo(printable(line))


def explanation(answer: Json) -> Iterator[str]:
    """The answer of the engine's ``why`` as lines of text, in the order in which it happened."""
    yield from _head(answer)
    if answer["prefix"] is None:
        return
    for title, lines in (
        ("received", _received(answer)),
        ("decision", _decision(answer["decision"])),
        ("kernel", [answer["fib"]["explanation"]]),
        ("advertised", _exports(answer["exports"])),
    ):
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _head(answer: Json) -> Iterator[str]:
    speaker, asked, prefix = answer["speaker"], answer["asked"], answer["prefix"]
    if prefix is None:
        yield f"{speaker} knows nothing of {asked}"
        yield "  no peer announced it, and it does not originate here"
        if answer["covered_by"]:
            yield f"  packets to it follow {answer['covered_by']}, which `mseelab why` explains too"
    elif prefix == asked:
        yield f"{prefix} on {speaker}"
    else:
        yield f"{prefix} on {speaker}, the longest match of {asked}"


def _received(answer: Json) -> Iterator[str]:
    if not answer["received"]:
        yield "nothing, from nobody"
    for path in answer["received"]:
        yield f"from {_source(path)}: {_attributes(path)}"
        yield f"  {path['explanation']}"
        changed = _changed(path, path["after_policy"] or path)
        if changed:
            yield f"  import made it {changed}"


def _source(path: Json) -> str:
    return f"{path['peer']} (path {path['path_id']})" if path["path_id"] else str(path["peer"])


ATTRIBUTES = {
    "next_hop": "next hop",
    "as_path": "AS path",
    "local_pref": "local pref",
    "med": "MED",
    "origin": "origin",
    "communities": "communities",
}


def _attributes(path: Json) -> str:
    """Those that are there; the AS path always, because an empty one tells something."""
    return ", ".join(
        f"{text} {plain(path[key]) or '(empty)'}"
        for key, text in ATTRIBUTES.items()
        if key == "as_path" or path[key] not in (None, [])
    )


def _changed(before: Json, after: Json) -> str:
    return ", ".join(
        f"{text} {plain(after[key]) or '(none)'}"
        for key, text in ({"weight": "weight"} | ATTRIBUTES).items()
        if after[key] != before[key]
    )


def _decision(decision: Json | None) -> Iterator[str]:
    if decision is None:
        yield "none: no path is usable"
        return
    for step in decision["steps"]:
        kept = " and ".join(_compared(path) for path in step["kept"])
        lost = " and ".join(_compared(path) for path in step["eliminated"])
        yield f"{step['step']}: {kept} preferred over {lost}"
    if decision["steps"]:
        yield f"best: {decision['best']}, by {decision['reason']}"
    else:
        yield f"best: {decision['best']}, the only path"
    others = [peer for peer in decision["multipath"] if peer != decision["best"]]
    if others:
        yield f"used beside it: {' and '.join(others)}, as good but for the tie-break"


def _compared(path: Json) -> str:
    return f"{path['peer']} ({plain(path['value'])})"


def _exports(exports: list[Json]) -> Iterator[str]:
    if not exports:
        yield "to nobody: there are no peers"
    for export in exports:
        if export["advertised"]:
            yield f"to {export['peer']}: {_attributes(export['attributes'])}"
            yield f"  {export['explanation']}"
        else:
            yield f"not to {export['peer']}: {export['explanation']}"
