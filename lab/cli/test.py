"""mseelab test: run scenarios, each on a lab of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from lab.cli.options import FiniteRange, backend_option, check_lab_name, format_option, print_json
from lab.cli.sitting import Sitting, Trial, painted
from lab.cli.tables import printable_lines
from lab.errors import BackendError, InputError
from lab.runtime.rundir import folder_of
from lab.scenario import report_json, report_junit, report_text
from lab.scenario.discover import scenario_files
from lab.scenario.load import LoadedScenario, load_scenario
from lab.scenario.result import ScenarioResult, totals
from lab.scenario.trial import Conditions, unique_name
from lab.timing import CONVERGENCE, PATIENCE, Budget

REPORTS = ("junit.xml", "report.json")
"""What --report writes beside a folder for each scenario that did not pass."""


@click.command("test")
@format_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option(
    "--report",
    "report_folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write report.json and junit.xml there and, of what did not pass, events and logs.",
)
@click.option("--keep", is_flag=True, help="Leave the lab up when a step does not pass.")
@click.option("--shell-on-failure", "shell", is_flag=True, help="A shell where a step did not pass.")
@click.option("--strict", is_flag=True, help="What is skipped counts as an error.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, help="Scenarios at a time.")
@click.option("--name", metavar="NAME", help="Name of the lab of a single scenario.")
@backend_option
@click.option(
    "--timeout",
    type=FiniteRange(min=1),
    default=CONVERGENCE.seconds,
    show_default=True,
    metavar="SECONDS",
    help="How long convergence may take.",
)
@click.option(
    "--patience",
    type=FiniteRange(min=0, min_open=True),
    default=PATIENCE,
    show_default=True,
    metavar="FACTOR",
    help="Multiplies how long a claim may take; more for a slow host.",
)
@click.pass_context
def command(
    context: click.Context,
    files: tuple[Path, ...],
    output_format: str,
    junit: Path | None,
    report_folder: Path | None,
    keep: bool,
    shell: bool,
    strict: bool,
    jobs: int,
    name: str | None,
    backend: str,
    timeout: float,
    patience: float,
) -> None:
    """Run scenarios: claims about a running lab, checked step by step.

    FILE is a scenario, or a folder: all scenarios below it. Every file is checked before the
    first lab starts. Each scenario has a lab of its own, which is gone afterwards.

    Exits with 0 when every claim held, 1 when one was false, 2 when a file is wrong (then nothing
    was started) and 3 when a lab or this host did not work, whatever else was found. A scenario of
    tunnels is skipped where this host cannot carry any, which is fine unless --strict.
    """
    if shell and (jobs > 1 or not sys.stdin.isatty()):
        raise InputError("--shell-on-failure needs a terminal, and --jobs 1")
    began, started = datetime.now(UTC), time.monotonic()
    trials = _trials(_loaded(files), name)
    _can_write(junit, report_folder, [trial.label for trial in trials])
    for warning in (warning for trial in trials for warning in trial.loaded.warnings):
        click.echo(printable_lines(str(warning)), err=True)
    sitting = Sitting(
        Conditions(Budget("--timeout", timeout), patience, keep, backend),
        report_folder,
        shell=shell,
        told=output_format == "text",
    )
    results = list(sitting.results(trials, jobs))
    took = time.monotonic() - started
    if output_format == "json":
        print_json(report_json.report(results, took))
    else:
        click.echo("\n" + report_text.summary(results, took, painted))
    _write(results, took, began, junit, report_folder)
    total = totals(results)
    context.exit(BackendError.exit_code if strict and total.skipped else total.exit_code)


# Before anything runs.


def _loaded(files: Sequence[Path]) -> list[LoadedScenario]:
    """Raises InputError with the problems of all files."""
    loaded, wrong = [], []
    for file in scenario_files(files):
        try:
            loaded.append(load_scenario(file))
        except InputError as error:
            wrong.append(error.message + (f"\n  hint: {error.hint}" if error.hint else ""))
    if wrong:
        raise InputError("\n".join(wrong))
    return loaded


def _trials(scenarios: Sequence[LoadedScenario], name: str | None) -> list[Trial]:
    if name is not None:
        _check_name(name, len(scenarios))
    seen: Counter[str] = Counter()
    trials = []
    for loaded in scenarios:
        label = loaded.scenario.name
        seen[label] += 1
        if seen[label] > 1:
            label = f"{label}-{seen[label]}"
        trials.append(Trial(loaded, label, name or unique_name(label)))
    return trials


def _check_name(name: str, scenarios: int) -> None:
    check_lab_name(name)
    if scenarios > 1:
        raise InputError(f"--name names one lab, and there are {scenarios} scenarios")
    if folder_of(name).is_claimed():
        raise InputError(
            f"a lab named {name} is already running", hint=f"`mseelab down --name {name}` ends it"
        )


def _can_write(junit: Path | None, folder: Path | None, labels: Sequence[str]) -> None:
    """Find out before the labs run, not after. Raises BackendError."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BackendError(f"cannot make {folder}: {error.strerror}") from error
        for name in REPORTS:
            _can_write_file(folder / name)
        for label in labels:
            if (folder / label).exists() and not (folder / label).is_dir():
                raise BackendError(f"{folder / label} is in the way of what a scenario leaves there")
    if junit is not None:
        _can_write_file(junit)


def _can_write_file(file: Path) -> None:
    around = file.absolute().parent
    if not around.is_dir():
        raise BackendError(f"there is no folder {around}", hint="make it first")
    if file.is_dir() or not os.access(file if file.exists() else around, os.W_OK):
        raise BackendError(f"cannot write {file}", hint="a folder, or not yours to write to")


# Afterwards.


def _write(
    results: Sequence[ScenarioResult],
    seconds: float,
    began: datetime,
    junit: Path | None,
    folder: Path | None,
) -> None:
    xml = report_junit.report(results, seconds, began)
    texts = {junit: xml} if junit is not None else {}
    if folder is not None:
        data = json.dumps(report_json.report(results, seconds), indent=2) + "\n"
        texts |= {folder / name: text for name, text in zip(REPORTS, (xml, data), strict=True)}
    for file, text in texts.items():
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BackendError(f"cannot write {file}: {error.strerror}") from error
