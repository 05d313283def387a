"""mseelab validate: what is wrong with topology files, without building anything."""

from __future__ import annotations

from typing import Any

import click

from lab.cli.options import complete_topologies, find_topology, format_option, print_json
from lab.cli.tables import printable
from lab.errors import InputError

Problem = dict[str, Any]


@click.command("validate")
@format_option
@click.argument(
    "topologies", nargs=-1, required=True, metavar="TOPOLOGY...", shell_complete=complete_topologies
)
@click.pass_context
def command(context: click.Context, output_format: str, topologies: tuple[str, ...]) -> None:
    """Check topology files: all problems of each, with their lines.

    Needs no privileges and starts nothing. A TOPOLOGY is a file or the name of a shipped one.
    Exits with 2 when there is a problem.
    """
    found = {topology: _problems(topology) for topology in topologies}
    if output_format == "json":
        print_json([problem for problems in found.values() for problem in problems])
    else:
        _print_text(found)
    if any(found.values()):
        context.exit(InputError.exit_code)


def _problems(topology: str) -> list[Problem]:
    """Everything wrong with a file, or the first reason why it cannot be built."""
    from lab.model.load import load_topology
    from lab.model.problem import TopologyError
    from lab.plan.compile import compile_topology

    file = topology
    try:
        path = find_topology(topology)
        file = str(path)
        compile_topology(load_topology(path))
    except TopologyError as error:
        return [
            {
                "file": problem.source,
                "line": problem.line or None,
                "column": problem.column or None,
                "path": problem.path or None,
                "message": problem.what,
                "hint": problem.hint,
                "rule": problem.rule,
                "text": str(problem),
            }
            for problem in error.problems
        ]
    except InputError as error:
        return [_whole_file(file, error)]
    return []


def _whole_file(file: str, error: InputError) -> Problem:
    hint = f"\n  hint: {error.hint}" if error.hint else ""
    return dict.fromkeys(("line", "column", "path", "rule")) | {
        "file": file,
        "message": error.message,
        "hint": error.hint,
        "text": f"{file}: {error.message}{hint}",
    }


def _print_text(found: dict[str, list[Problem]]) -> None:
    for topology, problems in found.items():
        for problem in problems:
            click.echo("\n".join(map(printable, problem["text"].splitlines())))
        if not problems:
            click.echo(f"{topology}: ok")
    count = sum(map(len, found.values()))
    if count:
        wrong = sum(map(bool, found.values()))
        click.echo(f"\n{_counted(count, 'problem')} in {wrong} of {_counted(len(found), 'file')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
