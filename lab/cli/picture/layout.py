"""A place for every card, and the frames around them.

Columns are given; what is decided here is who stands how high. The customer's sites come
first, zone over zone, with their edge routers spread beside them. Then each column to the
right settles as level as it can with what it is wired to, so that a circuit's primary path
runs straight along the top and its secondary along the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lab.cli.picture import cards as sizes
from lab.cli.picture.cells import ROW_GAP, Arrangement, arrange
from lab.cli.picture.columns import PAD, Column, place_columns, region, span
from lab.cli.picture.facts import Card, Link, node_of
from lab.cli.picture.geometry import Rect, shorten, text_width
from lab.cli.picture.seats import (
    AZURE,
    BORDER,
    MICROSOFT,
    MICROSOFT_EDGE,
    ON_PREMISES,
    PROVIDER,
    SITE_EDGE,
    SITE_EDGE_RANK,
    SPOKE,
    ZONE_RANKS,
    Cell,
    take_seats,
)
from lab.cli.picture.stack import Item, settle

TITLE_SIZE = 11.5
TITLE_HEIGHT = 22.0
_TITLES = {MICROSOFT_EDGE: "Microsoft network"}
_WIDEST_TITLE = 220.0
_CELL_GAP = 16.0
_PATH_GAP = 30.0
_FIREWALL_OVERLAP = 12.0
_FIREWALL_CLEARANCE = 30.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A titled box: ``kind`` is the cell's first word, or ``site``."""

    kind: str
    title: str
    rect: Rect

    @property
    def short_title(self) -> str:
        return shorten(self.title, self.rect.width - 2 * PAD, TITLE_SIZE, bold=True)

    @property
    def title_rect(self) -> Rect:
        width = text_width(self.short_title, TITLE_SIZE, bold=True)
        return Rect(self.rect.x + PAD, self.rect.y + 5, width, TITLE_HEIGHT - 7)


@dataclass(frozen=True, slots=True)
class Layout:
    places: Mapping[str, Rect]
    anchors: Mapping[str, Rect]
    frames: tuple[Frame, ...]
    columns: Mapping[int, Column]


def lay_out(cards: Sequence[Card], links: Sequence[Link]) -> Layout:
    return _Layouter(cards, links).run() if cards else Layout({}, {}, (), {})


@dataclass(frozen=True, slots=True)
class _Storey:
    """A zone in its site: ``clearance`` is kept free at its bottom, ``gap`` is below it."""

    zone: Cell
    clearance: float
    height: float
    gap: float


class _Layouter:
    def __init__(self, cards: Sequence[Card], links: Sequence[Link]) -> None:
        self._cards = {card.node.name: card for card in cards}
        self._seats = take_seats(cards)
        self._columns = place_columns(cards, self._seats, self._title_widths())
        self._places: dict[str, Rect] = {}
        self._anchors: dict[str, Rect] = {}
        self._frames: list[Frame] = []
        self._wires: dict[str, list[tuple[str, str]]] = {name: [] for name in self._cards}
        for link in links:
            self._wires.setdefault(node_of(link.a), []).append((link.a, link.b))
            self._wires.setdefault(node_of(link.b), []).append((link.b, link.a))

    def run(self) -> Layout:
        top = 0.0
        for site in dict.fromkeys(cell[1] for cell in self._cells(ON_PREMISES, SITE_EDGE, BORDER)):
            top = self._place_site(site, top) + _CELL_GAP
        for kind in (PROVIDER, MICROSOFT, PROVIDER):
            self._place_paths(kind)
        self._frame_cells(PROVIDER, MICROSOFT)
        self._place_microsoft_edge()
        self._place_bands(AZURE)
        self._place_bands(SPOKE)
        return Layout(self._places, self._anchors, tuple(self._frames), self._columns)

    # --- questions

    def _cells(self, *kinds: str) -> list[Cell]:
        return list(dict.fromkeys(seat.cell for seat in self._seats.values() if seat.cell[0] in kinds))

    def _members(self, cell: Cell, rank: int | None = None) -> list[Card]:
        return [
            card
            for name, card in self._cards.items()
            if self._seats[name].cell == cell and rank in (None, self._seats[name].rank)
        ]

    def _ranks(self, cell: Cell) -> list[int]:
        return sorted({seat.rank for seat in self._seats.values() if seat.cell == cell})

    def _title_widths(self) -> dict[tuple[int, ...], float]:
        widths: dict[tuple[int, ...], float] = {}
        for name, seat in self._seats.items():
            words = self._cards[name].node.group[1:]
            titles = [min(text_width(word, TITLE_SIZE, bold=True) + 2, _WIDEST_TITLE) for word in words]
            ranks = region(seat.rank)
            widths[ranks] = max([widths.get(ranks, 0.0), *titles])
        return widths

    def _pulls(self, card: Card) -> list[tuple[float, float]]:
        """Heights of what its wires outside its frame lead to, and where they leave the card."""
        own = sizes.anchors(card, Rect(0, 0, 1, sizes.height(card)))
        cell = self._seats[card.node.name].cell
        return [
            (self._anchors[far].centre[1], own[near].centre[1])
            for near, far in self._wires[card.node.name]
            if far in self._anchors and near in own and self._seats[node_of(far)].cell != cell
        ]

    def _level_of(self, cell: Cell) -> float:
        """The height of what the cell is wired to, on average."""
        return _mean([far for card in self._members(cell) for far, _ in self._pulls(card)], self._middle())

    def _middle(self) -> float:
        if not self._places:
            return 0.0
        top = min(place.y for place in self._places.values())
        return (top + max(place.bottom for place in self._places.values())) / 2

    # --- deeds

    def _put(self, card: Card, y: float, sub_column: int = 0) -> None:
        column = self._columns[self._seats[card.node.name].rank]
        place = Rect(column.card_x(sub_column), y, column.card_width, sizes.height(card))
        self._places[card.node.name] = place
        self._anchors |= sizes.anchors(card, place)

    def _frame(self, kind: str, title: str, ranks: Iterable[int], top: float, bottom: float) -> None:
        left, right = span(self._columns, list(ranks))
        outer = PAD * 2 if kind == "site" and any(rank in ZONE_RANKS for rank in self._columns) else PAD
        right_outer = PAD if SITE_EDGE_RANK in self._columns else outer
        rect = Rect(left - outer, top, right - left + outer + right_outer, bottom - top)
        self._frames.append(Frame(kind, title, rect))

    # --- on premises

    def _place_site(self, site: str, top: float) -> float:
        """Zones over one another, firewalls on the borders between; where it ends below."""
        zones = [cell for cell in self._cells(ON_PREMISES) if cell[1] == site]
        edges = self._members((SITE_EDGE, site))
        firewalls = self._borders(site, zones)
        storeys = self._storeys(zones, edges, firewalls)
        y = top + TITLE_HEIGHT
        bottom = y + max(sum(storey.height + storey.gap for storey in storeys), self._edges_height(edges))
        self._frame("site", site, range(0, SITE_EDGE_RANK + 1), top, bottom + PAD)
        self._spread(edges, y, bottom)
        for i, storey in enumerate(storeys):
            self._place_zone(storey, y)
            y += storey.height + storey.gap
            self._place_border(firewalls.get(i, []), y - storey.gap / 2)
        return bottom + PAD

    def _storeys(
        self, zones: Sequence[Cell], edges: Sequence[Card], firewalls: Mapping[int, Sequence[Card]]
    ) -> list[_Storey]:
        """As high as their cards need, and together at least as high as the edge routers."""
        storeys = [
            _Storey(
                zone,
                clearance=_FIREWALL_CLEARANCE if i in firewalls else 0,
                height=self._cell_height(zone) + (_FIREWALL_CLEARANCE if i in firewalls else 0),
                gap=self._border_gap(firewalls.get(i, [])) if i < len(zones) - 1 else 0,
            )
            for i, zone in enumerate(zones)
        ]
        needed = sum(storey.height + storey.gap for storey in storeys)
        spare = max(0.0, self._edges_height(edges) - needed) / max(1, len(storeys))
        return [replace(storey, height=storey.height + spare) for storey in storeys]

    @staticmethod
    def _edges_height(edges: Sequence[Card]) -> float:
        return sum(sizes.height(card) + _PATH_GAP for card in edges) - (_PATH_GAP if edges else 0)

    def _borders(self, site: str, zones: Sequence[Cell]) -> dict[int, list[Card]]:
        """Firewalls by the zone above them."""
        found: dict[int, list[Card]] = {}
        for card in self._members((BORDER, site)):
            cells = [
                self._seats[node_of(far)].cell
                for _, far in self._wires[card.node.name]
                if node_of(far) in self._seats
            ]
            sides = sorted(zones.index(cell) for cell in cells if cell in zones)
            found.setdefault(min(sides[0] if sides else 0, len(zones) - 2), []).append(card)
        return found

    @staticmethod
    def _border_gap(firewalls: Sequence[Card]) -> float:
        tallest = max((sizes.height(card) for card in firewalls), default=0.0)
        return max(PAD, tallest - 2 * _FIREWALL_OVERLAP)

    def _place_border(self, firewalls: Sequence[Card], middle: float) -> None:
        for i, card in enumerate(firewalls):
            self._put(card, middle - sizes.height(card) / 2)
            place = self._places[card.node.name]
            moved = Rect(place.x - i * (place.width + ROW_GAP), place.y, place.width, place.height)
            self._places[card.node.name] = moved
            self._anchors |= sizes.anchors(card, moved)

    def _place_zone(self, storey: _Storey, top: float) -> None:
        bottom = top + storey.height
        name = storey.zone[2]
        if name:
            self._frame("zone", name, ZONE_RANKS, top, bottom)
        self._place_cell(storey.zone, top + TITLE_HEIGHT, bottom - PAD - storey.clearance)

    def _spread(self, cards: Sequence[Card], top: float, bottom: float) -> None:
        step = (bottom - top) / max(1, len(cards))
        items = [
            Item(sizes.height(card), top + step * (i + 0.5) - sizes.height(card) / 2, _PATH_GAP)
            for i, card in enumerate(cards)
        ]
        for card, y in zip(cards, settle(items, top, bottom), strict=True):
            self._put(card, y)

    # --- cells

    def _head(self, cell: Cell) -> float:
        """Room for a title; a spoke needs none, its virtual network's card says the same."""
        untitled = cell[0] == SPOKE or len(cell) < 2
        return PAD if untitled else TITLE_HEIGHT

    def _arrange(self, cell: Cell) -> Arrangement:
        columns = [self._members(cell, rank) for rank in self._ranks(cell)]
        return arrange(
            columns, {name: [node_of(far) for _, far in ends] for name, ends in self._wires.items()}
        )

    def _cell_height(self, cell: Cell) -> float:
        return self._head(cell) + PAD + self._arrange(cell).height

    def _place_cell(self, cell: Cell, top: float, bottom: float) -> None:
        """In the middle between ``top`` and ``bottom``."""
        arrangement = self._arrange(cell)
        first = (top + bottom - arrangement.height) / 2
        for name, spot in arrangement.spots.items():
            self._put(self._cards[name], first + spot.top, spot.sub_column)

    # --- the rest of the way

    def _place_paths(self, kind: str) -> None:
        """One column of cells whose cards align with their wires."""
        cards = [
            card for cell in sorted(self._cells(kind), key=self._level_of) for card in self._members(cell)
        ]
        items = [Item(sizes.height(card), self._wish(card), _PATH_GAP) for card in cards]
        for i, (above, card) in enumerate(pairwise(cards), start=1):
            if self._seats[above.node.name].cell != self._seats[card.node.name].cell:
                items[i] = replace(items[i], gap=_CELL_GAP + TITLE_HEIGHT + PAD)
        for card, y in zip(cards, settle(items), strict=True):
            self._put(card, y)

    def _wish(self, card: Card) -> float:
        """The top at which its wires would be level."""
        return _mean([far - own for far, own in self._pulls(card)], self._middle())

    def _place_microsoft_edge(self) -> None:
        """Under the MSEEs: whatever it would be level with, it must not push them away."""
        for cell in self._cells(MICROSOFT_EDGE):
            above = [frame.rect.bottom for frame in self._frames if frame.kind == MICROSOFT]
            y = max(above) + _CELL_GAP + TITLE_HEIGHT if above else self._middle()
            for card in self._members(cell):
                self._put(card, y)
                y += sizes.height(card) + _PATH_GAP
        self._frame_cells(MICROSOFT_EDGE)

    def _frame_cells(self, *kinds: str) -> None:
        """Frames around the cards of these cells, where they are by now."""
        for cell in self._cells(*kinds):
            places = [self._places[card.node.name] for card in self._members(cell)]
            top, bottom = min(p.y for p in places) - TITLE_HEIGHT, max(p.bottom for p in places) + PAD
            title = cell[1] if len(cell) > 1 else _TITLES.get(cell[0], "")
            self._frame(cell[0], title, self._ranks(cell), top, bottom)

    def _place_bands(self, kind: str) -> None:
        """Virtual networks: one above the other, each around the middle of its wires."""
        cells = self._cells(kind)
        if kind == SPOKE:
            cells.sort(key=self._level_of)
        heights = [self._cell_height(cell) for cell in cells]
        items = [
            Item(height, self._level_of(cell) - height / 2, _CELL_GAP)
            for cell, height in zip(cells, heights, strict=True)
        ]
        ranks = sorted({rank for cell in cells for rank in self._ranks(cell)})
        for cell, height, y in zip(cells, heights, settle(items), strict=True):
            head = self._head(cell)
            self._frame(kind, cell[1] if head == TITLE_HEIGHT else "", ranks, y, y + height)
            self._place_cell(cell, y + head, y + height - PAD)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
