"""What is wrong with a topology file: where, what, and what to do about it.

A check knows the Topology and not the file, so it yields a Finding with the way to the value;
the document it came from turns that into a Problem with a line and a column. All problems of
a file are reported together, sorted as the file reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import InputError

Loc = tuple[str | int, ...]
"""The way from the file's root to a value: property names and list indices."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken at ``loc``, which may lead to a property that is not there."""

    loc: Loc
    what: str
    hint: str | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its place in a file; line and column count from 1, 0 is the whole file."""

    source: str
    what: str
    hint: str | None = None
    line: int = 0
    column: int = 0
    path: str = ""
    rule: str | None = None

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        path = f"{self.path}: " if self.path else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}: {path}{self.what}{hint}"


class TopologyError(InputError):
    """The topology file is wrong; ``problems`` holds everything that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__("\n".join(map(str, self.problems)))


def quoted(text: str, limit: int = 60) -> str:
    """A text from the file, fit for one line of a terminal."""
    return repr(text if len(text) <= limit else text[:limit] + "...")
