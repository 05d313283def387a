"""Tables for people; for programs there is `-f json`.

One line a row and nothing cut off, on a terminal with colours and in a pipe without, so that
`grep` and `awk` see whole values. A library would fold cells to the window, and take twenty
seconds over the ten thousand routes of a full circuit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

GOOD_STATES = frozenset({"up", "running", "established", "works"})
PASSING_STATES = frozenset({"starting", "restarting", "connect", "active", "open-sent", "open-confirm"})
STATE = "STATE"
"""The heading of the column that is coloured."""

GAP = "  "

Cell = object
"""None is an empty cell; booleans are yes and no; lists are joined; the rest is as ``str``."""


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None) -> None:
    """Columns under headings, below a title. Without rows there is only the title and `none`."""
    content = [[printable(plain(value)) for value in row] for row in rows]
    if title is not None:
        heading(f"{title}:" if content else f"{title}: none")
    if not content:
        return
    widths = [max(map(len, column)) for column in zip(headings, *content, strict=True)]
    state = headings.index(STATE) if STATE in headings else None
    lines = [click.style(_line(headings, widths), bold=True)]
    for cells in content:
        lines.append(_line(_coloured(cells, state, widths), widths))
    click.echo("\n".join(lines))


def heading(text: str) -> None:
    """A line that stands out on a terminal."""
    click.secho(printable(text), bold=True)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _coloured(cells: list[str], state: int | None, widths: Sequence[int]) -> list[str]:
    """Padded before it is coloured, because a colour has a length too."""
    if state is None:
        return cells
    text = cells[state]
    padded = text if state == len(cells) - 1 else text.ljust(widths[state])
    return [*cells[:state], click.style(padded, fg=_colour(text)), *cells[state + 1 :]]


def _colour(state: str) -> str:
    if state in GOOD_STATES:
        return "green"
    return "yellow" if state in PASSING_STATES else "red"


def plain(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return " ".join(map(str, value))
    return str(value)


def printable(text: str) -> str:
    """Texts come from files too: what would steer a terminal is not printed."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def printable_lines(text: str) -> str:
    """The same of a text of several lines."""
    return "\n".join(map(printable, text.splitlines()))


def duration(seconds: float | None) -> str:
    """``4.5s``, ``2m05s``, ``3h07m``, ``2d04h``."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    return f"{hours // 24}d{hours % 24:02}h"
