"""The words around the picture: title and column headings above, legend below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.cli.picture import style
from lab.cli.picture.brush import Brush
from lab.cli.picture.cards import Text
from lab.cli.picture.columns import span
from lab.cli.picture.facts import Domain, Link, Session
from lab.cli.picture.geometry import Curve, Rect, shorten, straight, text_width, wrap
from lab.cli.picture.layout import Layout
from lab.cli.picture.paint import state_of
from lab.cli.picture.ports import Line
from lab.cli.picture.seats import (
    MICROSOFT_RANK,
    PROVIDER_RANK,
    SITE_EDGE_RANK,
    SPOKE_RANKS,
    VNET_RANKS,
)
from lab.cli.picture.status import ESTABLISHED, Status
from lab.cli.picture.tunnels import Tunnel
from lab.plan.types import Plan

MARGIN = 24.0
_TITLE_SIZE = 20.0
_TEXT_SIZE = 12.5
_TEXT_LINE = 18.0
_HEADING_SIZE = 10.5
_LEGEND_SIZE = 10.5
_LEGEND_LINE = 20.0
_SWATCH = 30.0
_ITEM_GAP = 22.0

_HEADINGS = (
    ("ON PREMISES", range(0, SITE_EDGE_RANK + 1)),
    ("PROVIDER", (PROVIDER_RANK,)),
    ("MICROSOFT", (MICROSOFT_RANK,)),
    ("AZURE", (*VNET_RANKS, *SPOKE_RANKS)),
)

Swatch = Callable[[Brush, float, float], None]


@dataclass(frozen=True, slots=True)
class Entry:
    words: str
    swatch: Swatch

    @property
    def width(self) -> float:
        return _SWATCH + 8 + text_width(self.words, _LEGEND_SIZE) + _ITEM_GAP


# --- above


def head_height(plan: Plan, width: float) -> float:
    return 58.0 + _TEXT_LINE * len(wrap(plan.description, width, _TEXT_SIZE))


def paint_head(brush: Brush, plan: Plan, lines: Sequence[Line], view: Rect, layout: Layout) -> None:
    x, y, width = view.x + MARGIN, view.y + MARGIN + 16, view.width - 2 * MARGIN
    count = _count(brush.status, lines)
    room = width - (text_width(count, _TEXT_SIZE, bold=True) + _ITEM_GAP if count else 0)
    brush.text(Text(x, y, shorten(plan.name, room, _TITLE_SIZE, bold=True), _TITLE_SIZE, "plan", bold=True))
    if count:
        brush.text(Text(x + width, y, count, _TEXT_SIZE, "count", bold=True, at_end=True))
    for line in wrap(plan.description, width, _TEXT_SIZE):
        y += _TEXT_LINE
        brush.text(Text(x, y, line, _TEXT_SIZE, "muted"))
    _paint_headings(brush, layout, y + 30)


def _count(status: Status | None, lines: Sequence[Line]) -> str:
    if status is None:
        return ""
    counts = []
    for kind, words in ((Tunnel, "IPsec tunnels"), (Session, "BGP sessions")):
        states = [state_of(line, status) for line in lines if isinstance(line, kind)]
        if states:
            counts.append(f"{states.count(ESTABLISHED)} of {len(states)} {words}")
    return f"{', '.join(counts)} established" if counts else ""


def _paint_headings(brush: Brush, layout: Layout, y: float) -> None:
    for words, ranks in _HEADINGS:
        if any(rank in layout.columns for rank in ranks):
            left, right = span(layout.columns, ranks)
            middle = (left + right) / 2
            text = Text(middle, y, words, _HEADING_SIZE, "muted", bold=True)
            brush.text(text, **{"text-anchor": "middle", "letter-spacing": "1.2"})


# --- below


def legend_height(width: float, lines: Sequence[Line], status: Status | None) -> float:
    return 14.0 + _LEGEND_LINE * len(_rows(_entries(lines, status), width))


def paint_legend(brush: Brush, lines: Sequence[Line], view: Rect) -> None:
    rows = _rows(_entries(lines, brush.status), view.width - 2 * MARGIN)
    y = view.bottom - MARGIN - _LEGEND_LINE * (len(rows) - 1)
    group = brush.group("legend")
    for row in rows:
        x = view.x + MARGIN
        for entry in row:
            entry.swatch(group, x, y - 3.5)
            group.text(Text(x + _SWATCH + 8, y, entry.words, _LEGEND_SIZE, "muted"))
            x += entry.width
        y += _LEGEND_LINE


def _rows(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    rows: list[list[Entry]] = [[]]
    for entry in entries:
        if rows[-1] and sum(e.width for e in rows[-1]) + entry.width > width:
            rows.append([])
        rows[-1].append(entry)
    return rows


def _entries(lines: Sequence[Line], status: Status | None) -> list[Entry]:
    links = [line for line in lines if isinstance(line, Link)]
    tunnels = [line for line in lines if isinstance(line, Tunnel)]
    sessions = [line for line in lines if isinstance(line, Session)]
    entries = [Entry("wire", _line("wire"))] if any(not link.trunk for link in links) else []
    entries += [Entry("tagged trunk", _line("trunk", "core"))] if any(link.trunk for link in links) else []
    entries += [Entry("IPsec tunnel", _line("pipe"))] if tunnels else []
    used = {session.domain for session in sessions}
    entries += [Entry(style.SESSION_WORDS[d], _line(f"s-{d.value} ebgp")) for d in Domain if d in used]
    entries += [Entry("eBGP", _session("ebgp", "")), Entry("iBGP", _session("ibgp", " open"))] if used else []
    if status is not None or any(line.hopeless for line in lines if not isinstance(line, Link)):
        entries += [Entry("down" if status else "cannot establish", _failed)]
    return entries


def _curve(x: float, y: float) -> Curve:
    return Curve((straight((x + 3, y), (x + _SWATCH - 3, y)),))


def _line(*css: str) -> Swatch:
    def paint(brush: Brush, x: float, y: float) -> None:
        for one in css:
            brush.curve(_curve(x, y), one)

    return paint


def _session(kind: str, end: str) -> Swatch:
    def paint(brush: Brush, x: float, y: float) -> None:
        curve = _curve(x, y)
        brush.curve(curve, f"wire {kind}")
        for point in (curve.start, curve.end):
            brush.dot(point, 2.6, f"end neutral{end}")

    return paint


def _failed(brush: Brush, x: float, y: float) -> None:
    brush.curve(_curve(x, y), "ebgp bad")
    brush.cross((x + _SWATCH / 2, y))
