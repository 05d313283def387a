"""Where the columns stand, and how a crowded column becomes several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from lab.cli.picture import cards as sizes
from lab.cli.picture.facts import Card
from lab.cli.picture.seats import (
    MICROSOFT_RANK,
    PROVIDER_RANK,
    SITE_EDGE_RANK,
    SPOKE_RANKS,
    VNET_RANKS,
    ZONE_RANKS,
    Seat,
)

PAD = 12.0
ROWS = 8
SUB_GAP = 34.0
_GAP = 36.0
_REGION_GAP = 34.0
_WIDE_GAP = 58.0
"""Behind the MSEEs, where many sessions cross, and before the spokes."""


@dataclass(frozen=True, slots=True)
class Column:
    """A rank: ``count`` sub-columns of ``card_width``, from ``x``."""

    x: float
    card_width: float
    count: int

    @property
    def width(self) -> float:
        return self.count * self.card_width + (self.count - 1) * SUB_GAP

    def card_x(self, sub_column: int) -> float:
        return self.x + sub_column * (self.card_width + SUB_GAP)


def sub_columns(count: int) -> int:
    return max(1, ceil(count / ROWS))


def region(rank: int) -> tuple[int, ...]:
    """The ranks that share frames with this one."""
    for ranks in (range(0, SITE_EDGE_RANK + 1), VNET_RANKS, SPOKE_RANKS):
        if rank in ranks:
            return tuple(ranks)
    return (rank,)


def span(columns: Mapping[int, Column], ranks: Sequence[int]) -> tuple[float, float]:
    """Left and right end of those of the ranks that are in the picture."""
    present = [columns[rank] for rank in ranks if rank in columns]
    return min(c.x for c in present), max(c.x + c.width for c in present)


def place_columns(
    cards: Sequence[Card], seats: Mapping[str, Seat], title_widths: Mapping[tuple[int, ...], float]
) -> dict[int, Column]:
    """``title_widths``: what the titles over a region of ranks need."""
    columns: dict[int, Column] = {}
    x, before = 0.0, None
    for rank in sorted({seat.rank for seat in seats.values()}):
        x += _gap(before, rank)
        members = [card for card in cards if seats[card.node.name].rank == rank]
        column = Column(x, max(sizes.width(card) for card in members), _crowd(members, seats))
        columns[rank] = column
        x, before = x + column.width, rank
    return _widen(columns, title_widths)


def _crowd(members: Sequence[Card], seats: Mapping[str, Seat]) -> int:
    """Sub-columns the fullest cell of a rank needs."""
    counts: dict[tuple[str, ...], int] = {}
    for card in members:
        cell = seats[card.node.name].cell
        counts[cell] = counts.get(cell, 0) + 1
    return max(sub_columns(count) for count in counts.values()) if _wraps(members, seats) else 1


def _wraps(members: Sequence[Card], seats: Mapping[str, Seat]) -> bool:
    return seats[members[0].node.name].rank not in (
        SITE_EDGE_RANK,
        PROVIDER_RANK,
        MICROSOFT_RANK,
    )


def _gap(before: int | None, after: int) -> float:
    if before is None:
        return 0.0
    if after in region(before):
        leaving_zone = before in ZONE_RANKS and after == SITE_EDGE_RANK
        return _GAP + (PAD if leaving_zone else 0)
    wide = before == MICROSOFT_RANK or after in SPOKE_RANKS
    frames = PAD * (2 if before in ZONE_RANKS else 1) + PAD
    return (_WIDE_GAP if wide else _REGION_GAP) + frames


def _widen(columns: dict[int, Column], needs: Mapping[tuple[int, ...], float]) -> dict[int, Column]:
    """Make room for titles wider than their frames by moving what is to the right."""
    for ranks, need in sorted(needs.items()):
        present = [rank for rank in ranks if rank in columns]
        if not present:
            continue
        left, right = span(columns, present)
        lacking = need - (right - left)
        if lacking > 0:
            columns = _shift(columns, present[-1], lacking)
    return columns


def _shift(columns: dict[int, Column], last: int, by: float) -> dict[int, Column]:
    moved: dict[int, Column] = {}
    for rank, column in columns.items():
        grown = by / column.count if rank == last else 0
        x = column.x + (by if rank > last else 0)
        moved[rank] = Column(x, column.card_width + grown, column.count)
    return moved
