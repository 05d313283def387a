"""Tables for people; for programs there is `-f json`.

On a terminal: colours, and long cells folded to the window. Anywhere else: plain text, one
line a row however long, so that `grep` and `awk` see whole values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNLIMITED_WIDTH = 100_000
GOOD_STATES = frozenset({"up", "running", "established", "works"})
PASSING_STATES = frozenset({"starting", "restarting", "connect", "active", "open-sent", "open-confirm"})

Cell = object
"""None is an empty cell; booleans are yes and no; lists are joined; the rest is as ``str``."""


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None) -> None:
    """Columns under headings; the column ``STATE`` is coloured. Nothing to show is said."""
    from rich.table import Table

    console = make_console()
    content = [[_cell(value, heading) for heading, value in zip(headings, row, strict=True)] for row in rows]
    if title is not None:
        say(f"{title}:" if content else f"{title}: none", console)
    if not content:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=not console.is_terminal)
    for cells in content:
        table.add_row(*cells)
    _emit(console, table)


def say(text: str, console: Console | None = None, *, style: str = "bold") -> None:
    """A line of its own; emphasised on a terminal."""
    from rich.text import Text

    _emit(console or make_console(), Text(printable(text), style=style))


def make_console() -> Console:
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNLIMITED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def _emit(console: Console, content: object) -> None:
    """Without the blanks rich fills the last column with."""
    with console.capture() as capture:
        console.print(content)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _cell(value: Cell, heading: str) -> Text:
    from rich.text import Text

    text = printable(plain(value))
    return Text(text, style=_state_style(text) if heading == "STATE" else "")


def _state_style(state: str) -> str:
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
    return "".join(letter if letter.isprintable() else "?" for letter in text)


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
