"""Which files are scenarios: those with ``steps`` and ``topology`` at their top level.

Told from the text alone, because a folder may hold any other YAML, and whoever looks through it
should neither wait for a parser nor hear of other files' mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.errors import InputError

SUFFIXES = (".yaml", ".yml")

STEPS = re.compile(r"^steps[ \t]*:", re.MULTILINE)
TOPOLOGY = re.compile(r"^topology[ \t]*:", re.MULTILINE)
NAME = re.compile(r"^name[ \t]*:[ \t]*[\"']?([a-z][a-z0-9-]*)[\"']?[ \t]*(?:#.*)?$", re.MULTILINE)


def scenario_name(path: Path) -> str | None:
    """What the scenario in the file is called (the file's own name when that cannot be told);
    None when the file is no scenario, or cannot be read."""
    if path.suffix not in SUFFIXES:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
    if not STEPS.search(text) or not TOPOLOGY.search(text):
        return None
    named = NAME.search(text)
    return named.group(1) if named else path.stem


def scenario_files(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, and for a folder all scenarios below it; each once.

    Raises InputError for a folder without any.
    """
    return list(dict.fromkeys(file for path in paths for file in _below(path)))


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = [file for file in sorted(path.rglob("*")) if scenario_name(file) is not None]
    if not found:
        raise InputError(
            f"there is no scenario below {path}", hint="a scenario is a YAML file with topology and steps"
        )
    yield from found
