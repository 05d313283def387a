"""The way of every wire, tunnel and session between the cards.

Each line takes the cheapest of a few shapes: straight across, bent early, bent late, or
along a track just over or under something that is in the way. Cards in the way cost most,
then lines and borders one would lie upon, titles, frames one has no business in, and
length. Nothing here is optimal; it is the same every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from lab.cli.picture.facts import Session
from lab.cli.picture.geometry import Cubic, Curve, Point, Rect, distance, rounded, s_curve, straight
from lab.cli.picture.layout import Layout
from lab.cli.picture.ports import Ends, Line, berth, moor, obstacles
from lab.cli.picture.tunnels import Tunnel

_CLEAR = 5.0
_TRACK = 7.0
_TRACKS = 3
_BEND = 31.0
"""Less than the gap between two columns, so that a bend is over before the next card."""
_CORNER = 10.0
_BULGES = tuple(12.0 + _TRACK * i for i in range(8))

_CARD_COST = 1000.0
_SHARED_TRACK_COST = 200.0
_TITLE_COST = 120.0
_FRAME_COST = 80.0
_DETOUR_COST = 40.0
_BEND_COST = 5.0

Hazard = tuple[Rect, float]
Shape = tuple[float, Curve]


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


def route(lines: Sequence[Line], layout: Layout) -> dict[Line, Curve]:
    """A curve for each line; short ones choose first. A session in a tunnel is where that is."""
    pipes = {line.name: line for line in lines if isinstance(line, Tunnel)}
    in_pipes = {
        line: pipes[line.tunnel] for line in lines if isinstance(line, Session) and line.tunnel in pipes
    }
    curves = _routed([line for line in lines if line not in in_pipes], layout)
    return curves | {line: curves[pipe] for line, pipe in in_pipes.items()}


def _routed(lines: Sequence[Line], layout: Layout) -> dict[Line, Curve]:
    berths = [berth(line, layout) for line in lines]
    ends = moor(berths, layout)
    used = [track for frame in layout.frames for track in _edges(frame.rect)]
    curves: dict[Line, Curve] = {}
    for i in sorted(range(len(lines)), key=lambda i: (distance(*ends[i]), i)):
        hazards = _hazards(lines[i], ends[i], layout)
        curves[lines[i]] = _cheapest(_shapes(ends[i], berths[i].sides, hazards), hazards, used)
        used += _tracks(curves[lines[i]])
    return curves


def _hazards(line: Line, ends: Ends, layout: Layout) -> list[Hazard]:
    """What a line should keep out of, and how much it matters."""
    cards = [(rect.grown(_CLEAR), _CARD_COST) for rect in obstacles(line, layout)]
    titles = [(frame.title_rect, _TITLE_COST) for frame in layout.frames if frame.title]
    foreign = [
        (frame.rect.grown(_CLEAR), _FRAME_COST)
        for frame in layout.frames
        if not any(frame.rect.grown(1).holds(end) for end in ends)
    ]
    left, right = min(ends)[0] - _BULGES[-1], max(ends)[0] + _BULGES[-1]
    return [hazard for hazard in cards + foreign + titles if hazard[0].right > left and hazard[0].x < right]


def _cheapest(shapes: Iterator[Shape], hazards: Sequence[Hazard], used: Sequence[Track]) -> Curve:
    lowest, best = inf, None
    for extra, curve in shapes:
        cost = extra + sum(distance(piece[0], piece[3]) for piece in curve.pieces)
        if cost < lowest:
            cost += _cost(curve, hazards, used, lowest - cost)
        if cost < lowest:
            lowest, best = cost, curve
    assert best is not None  # there is always the straight one
    return best


def _cost(curve: Curve, hazards: Sequence[Hazard], used: Sequence[Track], limit: float) -> float:
    """What its way costs; no need to be exact above ``limit``."""
    cost = 0.0
    for rect, price in hazards:
        if cost < limit and curve.crosses(rect):
            cost += price
    for track in _tracks(curve):
        if cost < limit:
            cost += _SHARED_TRACK_COST * sum(track.shares(other) for other in used)
    return cost


def _edges(rect: Rect) -> list[Track]:
    """The borders of a frame: a line along them would be hard to see."""
    level = [Track(0, y, rect.x, rect.right) for y in (rect.y, rect.bottom)]
    return level + [Track(1, x, rect.y, rect.bottom) for x in (rect.x, rect.right)]


def _tracks(curve: Curve) -> list[Track]:
    """The level and the upright pieces of a curve with bends."""
    tracks: list[Track] = []
    for start, _, _, end in curve.pieces if len(curve.pieces) > 1 else ():
        for along, across in ((0, 1), (1, 0)):
            if abs(start[across] - end[across]) < 1:
                low, high = sorted((start[along], end[along]))
                tracks.append(Track(along, start[across], low, high))
    return tracks


# --- shapes: a curve, and what it costs besides its length


def _shapes(ends: Ends, sides: tuple[str, str], hazards: Sequence[Hazard]) -> Iterator[Shape]:
    start, end = ends
    if sides[0] == sides[1]:
        outward = -1 if sides[0] == "left" else 1
        yield from ((0.0, _bulge(start, end, outward * by)) for by in _BULGES)
    elif sides[0] in ("top", "bottom"):
        yield 0.0, Curve((straight(start, end),))
    else:
        yield from _across(min(ends), max(ends), hazards)


def _bulge(start: Point, end: Point, by: float) -> Curve:
    x = (min if by < 0 else max)(start[0], end[0]) + by
    return Curve(rounded((start, (x, start[1]), (x, end[1]), end), _CORNER))


def _across(start: Point, end: Point, hazards: Sequence[Hazard]) -> Iterator[Shape]:
    """From left to right."""
    yield 0.0, Curve((s_curve(start, end),))
    if end[0] - start[0] >= 2 * _BEND:
        yield _BEND_COST, _via(start, end, end[1])
        yield _BEND_COST, _via(start, end, start[1])
        yield from ((_DETOUR_COST, _via(start, end, y)) for y in _detours(hazards))


def _detours(hazards: Sequence[Hazard]) -> Iterator[float]:
    """Heights at which a line could pass: just over or under each thing on the way."""
    above = -1 - _TRACK * (_TRACKS - 1)
    edges = dict.fromkeys(y for rect, _ in hazards for y in (rect.bottom + 1, rect.y + above))
    for edge in edges:
        yield from (edge + i * _TRACK for i in range(_TRACKS))


def _via(start: Point, end: Point, y: float) -> Curve:
    """Bend to the height ``y``, go level, bend to the end."""
    bend = min(_BEND, (end[0] - start[0]) / 2)
    joints = (start, (start[0] + bend, y), (end[0] - bend, y), end)
    pieces: list[Cubic] = [s_curve(p, q) for p, q in pairwise(joints) if p != q]
    return Curve(tuple(pieces))
