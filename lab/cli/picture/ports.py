"""Where lines touch the cards: first a side for each end, then a height on that side.

Lines that share a side share it evenly, in the order of where they lead. Where it leaves
the neighbours room, the two ends of a line are then moved to one height: most lines of a
circuit end up straight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.cli.picture.facts import Link, Session, node_of
from lab.cli.picture.geometry import Point, Rect
from lab.cli.picture.layout import Layout
from lab.cli.picture.tunnels import Tunnel

Line = Link | Tunnel | Session
Ends = tuple[Point, Point]

_APART = 6.0
_FROM_CORNER = 5.0
_ROOMY = 50.0
_FAR = 1000.0


@dataclass(frozen=True, slots=True)
class Port:
    anchor: str
    side: str


@dataclass(frozen=True, slots=True)
class Berth:
    """The two ports of a line."""

    a: Port
    b: Port

    @property
    def sides(self) -> tuple[str, str]:
        return (self.a.side, self.b.side)

    @property
    def ports(self) -> tuple[Port, Port]:
        return (self.a, self.b)


def berth(line: Line, layout: Layout) -> Berth:
    """Facing sides; for cards in one column top and bottom, or the same side of both."""
    a, b = layout.anchors[line.a], layout.anchors[line.b]
    if a.right <= b.x:
        sides = ("right", "left")
    elif b.right <= a.x:
        sides = ("left", "right")
    elif _stand_free(line, layout):
        sides = ("bottom", "top") if a.y < b.y else ("top", "bottom")
    else:
        right = _room(line, layout, "right")
        side = "right" if right >= min(_ROOMY, _room(line, layout, "left")) else "left"
        sides = (side, side)
    return Berth(Port(line.a, sides[0]), Port(line.b, sides[1]))


def obstacles(line: Line, layout: Layout) -> list[Rect]:
    """Every card but the line's own two."""
    own = (node_of(line.a), node_of(line.b))
    return [rect for name, rect in layout.places.items() if name not in own]


def _stand_free(line: Line, layout: Layout) -> bool:
    """Both are whole cards, one above the other, with nothing between them."""
    a, b = layout.anchors[line.a], layout.anchors[line.b]
    if layout.places[node_of(line.a)] != a or layout.places[node_of(line.b)] != b:
        return False
    upper, lower = (a, b) if a.y < b.y else (b, a)
    x = max(a.x, b.x)
    between = Rect(x, upper.bottom, min(a.right, b.right) - x, lower.y - upper.bottom)
    return not any(rect.overlaps(between) for rect in obstacles(line, layout))


def _room(line: Line, layout: Layout, side: str) -> float:
    """How far it is to the next card on that side of two cards in one column."""
    a, b = layout.anchors[line.a], layout.anchors[line.b]
    top, bottom = min(a.y, b.y), max(a.bottom, b.bottom)
    level = [rect for rect in obstacles(line, layout) if rect.y < bottom and rect.bottom > top]
    if side == "left":
        left = min(a.x, b.x)
        return min((left - rect.right for rect in level if rect.right <= left), default=_FAR)
    right = max(a.right, b.right)
    return min((rect.x - right for rect in level if rect.x >= right), default=_FAR)


def moor(berths: Sequence[Berth], layout: Layout) -> list[Ends]:
    """The end points of every line."""
    ends = _share(berths, layout)
    for _ in range(2):  # one line's move may be what another was waiting for
        ends = _level(berths, ends, layout)
    return ends


def _share(berths: Sequence[Berth], layout: Layout) -> list[Ends]:
    users: dict[Port, list[tuple[float, int, int]]] = {}
    for i, both in enumerate(berths):
        for end, (near, far) in enumerate((both.ports, both.ports[::-1])):
            across = 0 if near.side in ("top", "bottom") else 1
            users.setdefault(near, []).append((layout.anchors[far.anchor].centre[across], i, end))
    points: dict[tuple[int, int], Point] = {}
    for port, wanting in users.items():
        for k, (_, i, end) in enumerate(sorted(wanting), start=1):
            points[i, end] = _on_side(layout.anchors[port.anchor], port.side, k / (len(wanting) + 1))
    return [(points[i, 0], points[i, 1]) for i in range(len(berths))]


def _on_side(rect: Rect, side: str, share: float) -> Point:
    if side in ("left", "right"):
        return (rect.x if side == "left" else rect.right, rect.y + rect.height * share)
    return (rect.x + rect.width * share, rect.y if side == "top" else rect.bottom)


def _level(berths: Sequence[Berth], ends: Sequence[Ends], layout: Layout) -> list[Ends]:
    """Bring the two ends of each line to one height where that leaves its neighbours room."""
    taken: dict[Port, dict[int, float]] = {}
    for i, both in enumerate(berths):
        for port, point in zip(both.ports, ends[i], strict=True):
            taken.setdefault(port, {})[i] = point[1]
    levelled = list(ends)
    for i, both in enumerate(berths):
        if set(both.sides) == {"left", "right"}:
            y = _common_height(both, i, taken, layout)
            if y is not None:
                levelled[i] = ((ends[i][0][0], y), (ends[i][1][0], y))
                for port in both.ports:
                    taken[port][i] = y
    return levelled


def _common_height(
    both: Berth, i: int, taken: Mapping[Port, Mapping[int, float]], layout: Layout
) -> float | None:
    """Half way between the two ends, or as one of them has it; None when nothing suits both."""
    rects = [layout.anchors[port.anchor] for port in both.ports]
    low = max(rect.y for rect in rects) + _FROM_CORNER
    high = min(rect.bottom for rect in rects) - _FROM_CORNER
    a, b = taken[both.a][i], taken[both.b][i]
    suits = (
        y
        for y in ((a + b) / 2, a, b)
        if low <= y <= high and all(_keeps_order(taken[port], i, y) for port in both.ports)
    )
    return next(suits, None)


def _keeps_order(taken: Mapping[int, float], i: int, y: float) -> bool:
    """Nobody on the same side is passed or touched."""
    return all(
        abs(other - y) >= _APART and (other < taken[i]) == (other < y) for j, other in taken.items() if j != i
    )
