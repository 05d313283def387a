"""What is wrong with a file: where, what, and what to do about it.

A check knows the Topology and not the file, so it yields a Finding with the way to the value;
the document it came from turns that into a Problem with a line and a column. All problems of
a file are reported together, sorted as the file reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lab.errors import InputError

Loc = tuple[str | int, ...]
"""The way from the file's root to a value: property names and list indices."""


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    """The lab can be built: a rule is waived, or a waiver waives nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken at ``loc``, which may lead to a property that is not there."""

    loc: Loc
    what: str
    hint: str | None = None
    rule: str | None = None
    severity: Severity = Severity.ERROR


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
    severity: Severity = Severity.ERROR

    @property
    def is_warning(self) -> bool:
        return self.severity is Severity.WARNING

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        warning = "warning: " if self.is_warning else ""
        path = f"{self.path}: " if self.path else ""
        rule = f" [RULE {self.rule}{' waived' if self.is_warning else ''}]" if self.rule else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}: {warning}{path}{self.what}{rule}{hint}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """File by file as they are first named, each in the order of its lines."""
    found = tuple(problems)
    sources = list(dict.fromkeys(problem.source for problem in found))
    order = {source: number for number, source in enumerate(sources)}
    return tuple(sorted(found, key=lambda problem: (order[problem.source], problem.line, problem.column)))


class FileError(InputError):
    """A file is wrong, or several that belong together; ``problems`` holds all that was found,
    file by file as they were first named, each in the order of its lines; warnings are among them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(map(str, self.problems)))


class TopologyError(FileError):
    """The topology file is wrong."""


def quoted(text: str, limit: int = 60) -> str:
    """A text from the file, fit for one line of a terminal."""
    return repr(text if len(text) <= limit else text[:limit] + "...")
