"""Rectangles, curves, and how wide a text will be.

A picture is laid out before anybody knows the font: the viewer's browser picks it from a
stack of system fonts. Widths are therefore estimated from classes of letters, a little
above Helvetica's; the padding of every box absorbs the wider fonts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

Point = tuple[float, float]
Cubic = tuple[Point, Point, Point, Point]

_EM: tuple[tuple[str, float], ...] = (
    ("ijl|'", 0.26),
    (" .,:;!/\\ftI()[]-·", 0.32),
    ('rJ`"*', 0.38),
    ("cksvxyz", 0.52),
    ("abdeghnopqu0123456789_?=+<>#$~L", 0.58),
    ("ABEFKPSVXYTZ&", 0.69),
    ("CDGHNOQRU", 0.75),
    ("mwMW@%…—", 0.9),
)
_WIDTHS = {letter: em for letters, em in _EM for letter in letters}
_OTHER_LETTER_EM = 1.0
_BOLD = 1.13
_ROUNDING = 0.01
_STEPS = 20


def text_width(text: str, size: float, bold: bool = False) -> float:
    """An estimate, on the wide side."""
    ems = sum(_WIDTHS.get(letter, _OTHER_LETTER_EM) for letter in text)
    return ems * size * (_BOLD if bold else 1)


def shorten(text: str, width: float, size: float, bold: bool = False) -> str:
    """The text, or as much of it as fits in ``width`` with an ellipsis."""
    if text_width(text, size, bold) <= width + _ROUNDING:
        return text
    while text and text_width(text + "…", size, bold) > width:
        text = text[:-1]
    return text + "…"


def wrap(text: str, width: float, size: float) -> list[str]:
    """The text in lines no wider than ``width``."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, width, size))
    return lines


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> Point:
        return (self.x + self.width / 2, self.y + self.height / 2)

    def grown(self, by: float) -> Rect:
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def overlaps(self, other: Rect) -> bool:
        apart = self.right <= other.x or other.right <= self.x
        return not (apart or self.bottom <= other.y or other.bottom <= self.y)

    def contains(self, other: Rect) -> bool:
        within = self.x <= other.x and other.right <= self.right
        return within and self.y <= other.y and other.bottom <= self.bottom

    def holds(self, point: Point) -> bool:
        return self.x < point[0] < self.right and self.y < point[1] < self.bottom


@dataclass(frozen=True, slots=True)
class Curve:
    """Cubic Bézier pieces, end to end."""

    pieces: tuple[Cubic, ...]

    @property
    def start(self) -> Point:
        return self.pieces[0][0]

    @property
    def end(self) -> Point:
        return self.pieces[-1][3]

    def samples(self, per_piece: int = _STEPS) -> Iterator[Point]:
        """Points along the curve, both ends included."""
        yield self.start
        for piece in self.pieces:
            for step in range(1, per_piece + 1):
                yield _at(piece, step / per_piece)

    def crosses(self, rect: Rect) -> bool:
        """Whether it enters the rectangle; a Bézier piece stays within its control points."""
        return any(_hull(piece).overlaps(rect) and _enters(piece, rect) for piece in self.pieces)

    def middle(self) -> Point:
        """The point half way along."""
        points = list(self.samples(24))
        lengths = [distance(a, b) for a, b in pairwise(points)]
        left = sum(lengths) / 2
        for length, point in zip(lengths, points[1:], strict=True):
            left -= length
            if left <= 0:
                return point
        return self.end


def s_curve(start: Point, end: Point) -> Cubic:
    """Leaves and arrives horizontally."""
    middle = (start[0] + end[0]) / 2
    return (start, (middle, start[1]), (middle, end[1]), end)


def straight(start: Point, end: Point) -> Cubic:
    third = ((2 * start[0] + end[0]) / 3, (2 * start[1] + end[1]) / 3)
    two_thirds = ((start[0] + 2 * end[0]) / 3, (start[1] + 2 * end[1]) / 3)
    return (start, third, two_thirds, end)


def rounded(points: Sequence[Point], radius: float) -> tuple[Cubic, ...]:
    """A line through the points with its corners rounded."""
    pieces: list[Cubic] = []
    here = points[0]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, distance(before, corner) / 2, distance(corner, after) / 2)
        into, out = _toward(corner, before, reach), _toward(corner, after, reach)
        pieces += [straight(here, into), (into, corner, corner, out)]
        here = out
    return (*pieces, straight(here, points[-1]))


def _toward(start: Point, end: Point, by: float) -> Point:
    share = by / (distance(start, end) or 1)
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def _hull(piece: Cubic) -> Rect:
    xs, ys = [point[0] for point in piece], [point[1] for point in piece]
    x, y = min(xs), min(ys)
    return Rect(x, y, max(xs) - x, max(ys) - y)


def _enters(piece: Cubic, rect: Rect) -> bool:
    flat = piece[0][0] == piece[3][0] or piece[0][1] == piece[3][1]
    return flat or any(rect.holds(_at(piece, step / _STEPS)) for step in range(_STEPS + 1))


def _at(piece: Cubic, t: float) -> Point:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = piece
    u = 1 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return (a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy)


def distance(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])
