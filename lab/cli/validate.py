"""mseelab validate: what is wrong with topology and scenario files, without building anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import complete_topologies, format_option, print_json
from lab.cli.tables import printable_lines
from lab.errors import InputError
from lab.model.shipped import find_topology

if TYPE_CHECKING:
    from lab.model.problem import Problem


@click.command("validate")
@format_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_topologies)
@click.pass_context
def command(context: click.Context, output_format: str, files: tuple[str, ...]) -> None:
    """Check topology and scenario files: all problems of each, with their lines.

    Needs no privileges and starts nothing. FILE may be the name of a shipped topology; a file
    with steps is a scenario, and the topology it names is checked with it.
    Exits with 2 when there is a problem; a warning, about a rule that the file waives, is none.
    """
    found = {file: _problems(file) for file in files}
    if output_format == "json":
        print_json([_as_json(problem) for problems in found.values() for problem in problems])
    else:
        _print_text(found)
    if any(map(_errors, found.values())):
        context.exit(InputError.exit_code)


def _problems(file: str) -> list[Problem]:
    """Everything wrong with a file, or the first reason why it cannot be built; and warnings."""
    from lab.model.load import load
    from lab.model.problem import FileError, Problem
    from lab.plan.compile import compile_topology
    from lab.scenario.discover import scenario_name

    warnings: tuple[Problem, ...] = ()
    try:
        path = find_topology(file)
        file = str(path)
        if scenario_name(path) is not None:
            return _problems_of_scenario(path)
        loaded = load(path)
        warnings = loaded.warnings
        compile_topology(loaded.topology)
    except FileError as error:
        return [*error.problems]
    except InputError as error:
        return [Problem(file, error.message, error.hint), *warnings]
    return [*warnings]


def _problems_of_scenario(path: Path) -> list[Problem]:
    """Its warnings; raises FileError."""
    from lab.scenario.load import load_scenario

    return [*load_scenario(path).warnings]


def _errors(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if not problem.is_warning]


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.source,
        "line": problem.line or None,
        "column": problem.column or None,
        "path": problem.path or None,
        "message": problem.what,
        "hint": problem.hint,
        "rule": problem.rule,
        "severity": problem.severity.value,
        "text": str(problem),
    }


def _print_text(found: dict[str, list[Problem]]) -> None:
    for file, problems in found.items():
        for problem in problems:
            click.echo(printable_lines(str(problem)))
        if not _errors(problems):
            click.echo(f"{file}: ok")
    count = sum(len(_errors(problems)) for problems in found.values())
    if count:
        wrong = sum(bool(_errors(problems)) for problems in found.values())
        click.echo(f"\n{_counted(count, 'problem')} in {wrong} of {_counted(len(found), 'file')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
