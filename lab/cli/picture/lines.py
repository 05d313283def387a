"""The way of every wire and session between the cards.

First each line gets a side at both ends, then the lines on one side share it evenly in the
order of their far ends, then each takes the cheapest of a few shapes: straight across, bent
early, bent late, or around what is in the way. Cards in the way cost most, then titles,
then length. Nothing here is optimal; it is the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.cli.picture.facts import Link, Session, node_of
from lab.cli.picture.geometry import Cubic, Curve, Point, Rect, rounded, s_curve, straight
from lab.cli.picture.layout import Layout

Line = Link | Session

_CLEAR = 5.0
_TRACK = 7.0
_BEND = 44.0
_CARD_COST = 1000.0
_TITLE_COST = 120.0
_SHARED_TRACK_COST = 200.0
_DETOUR_COST = 40.0
_FRAME_COST = 80.0
_BULGES = tuple(12.0 + 7.0 * i for i in range(8))
_CORNER = 10.0
_LEVEL = 6.0
_EDGE = 5.0
_ROOMY = 50.0


@dataclass(frozen=True, slots=True)
class Port:
    anchor: str
    side: str


@dataclass(frozen=True, slots=True)
class Track:
    """A stretch of a line that is level (``along`` 0) or upright (1), at ``at``."""

    along: int
    at: float
    low: float
    high: float

    def shares(self, other: Track) -> bool:
        close = self.along == other.along and abs(self.at - other.at) < _TRACK - 1
        return close and self.low < other.high and self.high > other.low


@dataclass(frozen=True, slots=True)
class _Run:
    """A line with its two ends in place."""

    line: Line
    start: Point
    end: Point
    sides: tuple[str, str]


def route(lines: Sequence[Line], layout: Layout) -> dict[int, Curve]:
    """A curve for each line, by its index."""
    router = _Router(layout)
    sides = [router.sides(line) for line in lines]
    ends = _level(lines, sides, _share_sides(lines, sides, layout), layout)
    curves: dict[int, Curve] = {}
    for i in sorted(range(len(lines)), key=lambda i: (_reach(ends[i]), i)):
        start, end = ends[i]
        curves[i] = router.best(_Run(lines[i], start, end, sides[i]))
    return curves


def _reach(ends: tuple[Point, Point]) -> float:
    return abs(ends[0][0] - ends[1][0]) + abs(ends[0][1] - ends[1][1])


def _share_sides(
    lines: Sequence[Line], sides: Sequence[tuple[str, str]], layout: Layout
) -> list[tuple[Point, Point]]:
    """Where each line starts and ends: evenly along the side it shares with others."""
    users: dict[Port, list[tuple[float, int, int]]] = {}
    for i, (line, both) in enumerate(zip(lines, sides, strict=True)):
        for end, (near, far) in enumerate(((line.a, line.b), (line.b, line.a))):
            across = 0 if both[end] in ("top", "bottom") else 1
            toward = layout.anchors[far].centre[across]
            users.setdefault(Port(near, both[end]), []).append((toward, i, end))
    points: dict[tuple[int, int], Point] = {}
    for port, wanting in users.items():
        wanting.sort()
        for k, (_, i, end) in enumerate(wanting, start=1):
            points[i, end] = _on_side(layout.anchors[port.anchor], port.side, k / (len(wanting) + 1))
    return [(points[i, 0], points[i, 1]) for i in range(len(lines))]


def _level(
    lines: Sequence[Line],
    sides: Sequence[tuple[str, str]],
    ends: Sequence[tuple[Point, Point]],
    layout: Layout,
) -> list[tuple[Point, Point]]:
    """Move the two ends of a line to one height where that leaves its neighbours room."""
    levelled = list(ends)
    taken: dict[Port, dict[int, float]] = {}
    for i, (line, both) in enumerate(zip(lines, sides, strict=True)):
        for end, near in enumerate((line.a, line.b)):
            taken.setdefault(Port(near, both[end]), {})[i] = ends[i][end][1]
    for i, (line, both) in [*enumerate(zip(lines, sides, strict=True))] * 2:
        if set(both) != {"left", "right"}:
            continue
        ports = [Port(near, side) for near, side in zip((line.a, line.b), both, strict=True)]
        for y in _heights(ends[i], [layout.anchors[port.anchor] for port in ports]):
            if all(_keeps_order(taken[port], i, y) for port in ports):
                levelled[i] = ((ends[i][0][0], y), (ends[i][1][0], y))
                for port in ports:
                    taken[port][i] = y
                break
    return levelled


def _heights(ends: tuple[Point, Point], rects: Sequence[Rect]) -> list[float]:
    """Heights at which both sides could meet: half way, or as one of them has it."""
    wishes = [(ends[0][1] + ends[1][1]) / 2, ends[0][1], ends[1][1]]
    low, high = max(rect.y for rect in rects) + _EDGE, min(rect.bottom for rect in rects) - _EDGE
    return [wish for wish in wishes if low <= wish <= high]


def _keeps_order(taken: Mapping[int, float], i: int, y: float) -> bool:
    """Nobody on the same side is passed or touched."""
    return all(
        abs(other - y) >= _LEVEL and (other < taken[i]) == (other < y) for j, other in taken.items() if j != i
    )


def _on_side(rect: Rect, side: str, share: float) -> Point:
    if side in ("left", "right"):
        return (rect.x if side == "left" else rect.right, rect.y + rect.height * share)
    return (rect.x + rect.width * share, rect.y if side == "top" else rect.bottom)


class _Router:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._cards: Mapping[str, Rect] = layout.places
        self._titles = [frame.title_rect for frame in layout.frames if frame.title]
        self._tracks: list[Track] = []
        rects = [frame.rect for frame in layout.frames] or list(self._cards.values())
        self._floor = max((rect.bottom for rect in rects), default=0.0)
        self._ceiling = min((rect.y for rect in rects), default=0.0)

    # --- sides

    def sides(self, line: Line) -> tuple[str, str]:
        a, b = self._layout.anchors[line.a], self._layout.anchors[line.b]
        if a.right <= b.x:
            return ("right", "left")
        if b.right <= a.x:
            return ("left", "right")
        if self._stands_over(line, a, b):
            return ("bottom", "top") if a.y < b.y else ("top", "bottom")
        right = self._free(line, "right")
        side = "right" if right >= _ROOMY or right >= self._free(line, "left") else "left"
        return (side, side)

    def _stands_over(self, line: Line, a: Rect, b: Rect) -> bool:
        """Both are whole cards, one above the other, with nothing between them."""
        if self._cards[node_of(line.a)] != a or self._cards[node_of(line.b)] != b:
            return False
        upper, lower = (a, b) if a.y < b.y else (b, a)
        x = max(a.x, b.x)
        between = Rect(x, upper.bottom, min(a.right, b.right) - x, lower.y - upper.bottom)
        return not any(rect.overlaps(between) for rect in self._obstacles(line).values())

    def _free(self, line: Line, side: str) -> float:
        """Room beside two cards in one column, up to the next card."""
        a, b = self._layout.anchors[line.a], self._layout.anchors[line.b]
        top, bottom = min(a.y, b.y), max(a.bottom, b.bottom)
        level = [rect for rect in self._obstacles(line).values() if rect.y < bottom and rect.bottom > top]
        if side == "left":
            edge = min(a.x, b.x)
            return min((edge - rect.right for rect in level if rect.right <= edge), default=1000.0)
        edge = max(a.right, b.right)
        return min((rect.x - edge for rect in level if rect.x >= edge), default=1000.0)

    def _obstacles(self, line: Line) -> dict[str, Rect]:
        ends = (node_of(line.a), node_of(line.b))
        return {name: rect for name, rect in self._cards.items() if name not in ends}

    # --- shapes

    def best(self, run: _Run) -> Curve:
        obstacles = list(self._obstacles(run.line).values())
        best: tuple[float, Curve] | None = None
        for extra, curve in self._shapes(run, obstacles):
            cost = extra + self._cost(curve, obstacles)
            if best is None or cost < best[0]:
                best = (cost, curve)
        assert best is not None  # every run has at least one shape
        self._remember(best[1])
        return best[1]

    def _shapes(self, run: _Run, obstacles: Sequence[Rect]) -> Iterator[tuple[float, Curve]]:
        if run.sides[0] == run.sides[1]:
            outward = -1 if run.sides[0] == "left" else 1
            yield from ((0.0, _bulge(run.start, run.end, outward * by)) for by in _BULGES)
        elif run.sides[0] in ("top", "bottom"):
            yield 0.0, Curve((straight(run.start, run.end),))
        elif run.start[0] < run.end[0]:
            yield from self._across(run.start, run.end, obstacles)
        else:
            yield from self._across(run.end, run.start, obstacles)

    def _across(self, start: Point, end: Point, obstacles: Sequence[Rect]) -> Iterator[tuple[float, Curve]]:
        """From left to right."""
        yield 0.0, Curve((s_curve(start, end),))
        if end[0] - start[0] < 2 * _BEND:
            return
        yield 5.0, Curve(_via(start, end, end[1]))
        yield 5.0, Curve(_via(start, end, start[1]))
        for track in self._detours(start, end, obstacles):
            yield _DETOUR_COST, Curve(_via(start, end, track))

    def _detours(self, start: Point, end: Point, obstacles: Sequence[Rect]) -> Iterator[float]:
        """Heights at which a line could pass: just over or under each card on the way."""
        edges = [self._floor, self._ceiling - 2 * _CLEAR]
        for rect in obstacles:
            if rect.right > start[0] and rect.x < end[0]:
                edges += [rect.bottom, rect.y - 2 * _CLEAR - 2 * _TRACK]
        for edge in edges:
            yield from (edge + _CLEAR + 1 + i * _TRACK for i in range(3))

    # --- costs

    def _cost(self, curve: Curve, obstacles: Sequence[Rect]) -> float:
        points = list(curve.samples())
        left, right = min(p[0] for p in points), max(p[0] for p in points)
        cost = curve.length()
        for rect in obstacles:
            if rect.right > left and rect.x < right:
                grown = rect.grown(_CLEAR)
                cost += _CARD_COST * any(grown.holds(point) for point in points)
        for title in self._titles:
            cost += _TITLE_COST * any(title.holds(point) for point in points)
        for frame in self._layout.frames:
            if not frame.rect.grown(1).holds(curve.start) and not frame.rect.grown(1).holds(curve.end):
                cost += _FRAME_COST * any(frame.rect.grown(_CLEAR).holds(point) for point in points)
        return cost + self._sharing(curve)

    def _sharing(self, curve: Curve) -> float:
        """Lines that would lie on top of one another."""
        return _SHARED_TRACK_COST * sum(
            track.shares(used) for track in _tracks(curve) for used in self._tracks
        )

    def _remember(self, curve: Curve) -> None:
        self._tracks += _tracks(curve)


def _tracks(curve: Curve) -> list[Track]:
    """The level and the upright pieces of a curve."""
    tracks: list[Track] = []
    for piece in curve.pieces:
        for along in (0, 1):
            across = 1 - along
            if abs(piece[0][across] - piece[3][across]) < 1 and len(curve.pieces) > 1:
                low, high = sorted((piece[0][along], piece[3][along]))
                tracks.append(Track(along, piece[0][across], low, high))
    return tracks


def _via(start: Point, end: Point, track: float) -> tuple[Cubic, ...]:
    """Bend to the height of ``track``, go level, bend to the end."""
    bend = min(_BEND, (end[0] - start[0]) / 2)
    joints = (start, (start[0] + bend, track), (end[0] - bend, track), end)
    return tuple(s_curve(p, q) for p, q in pairwise(joints) if p != q)


def _bulge(start: Point, end: Point, by: float) -> Curve:
    x = (min if by < 0 else max)(start[0], end[0]) + by
    return Curve(rounded((start, (x, start[1]), (x, end[1]), end), _CORNER))
