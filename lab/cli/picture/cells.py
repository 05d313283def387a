"""Inside a frame: columns of cards, each card level with what it is wired to.

The last column is placed first (the LAN of a zone, the virtual network of its frame) and
the ones to its left line up with it; how high the frame must be is measured afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.cli.picture import cards as sizes
from lab.cli.picture.columns import sub_columns
from lab.cli.picture.facts import Card
from lab.cli.picture.stack import Item, settle

ROW_GAP = 20.0
GRID_GAP = 30.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A card's top, and its sub-column when the column is a crowded one."""

    top: float
    sub_column: int = 0


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Spots from 0 to ``height``."""

    spots: Mapping[str, Spot]
    height: float


def arrange(columns: Sequence[Sequence[Card]], wired: Mapping[str, Sequence[str]]) -> Arrangement:
    """``columns`` from left to right; ``wired`` are the nodes each node has a wire to."""
    spots: dict[str, Spot] = {}
    heights = {card.node.name: sizes.height(card) for column in columns for card in column}
    for column in reversed(columns):
        if sub_columns(len(column)) > 1:
            spots |= _grid(column)
        else:
            spots |= _stack(
                column, wired, {name: spot.top + heights[name] / 2 for name, spot in spots.items()}
            )
    top = min(spot.top for spot in spots.values())
    bottom = max(spot.top + heights[name] for name, spot in spots.items())
    return Arrangement({n: Spot(s.top - top, s.sub_column) for n, s in spots.items()}, bottom - top)


def _stack(
    cards: Sequence[Card], wired: Mapping[str, Sequence[str]], middles: Mapping[str, float]
) -> dict[str, Spot]:
    items: list[Item] = []
    for card in cards:
        height = sizes.height(card)
        near = [middles[far] for far in wired[card.node.name] if far in middles]
        items.append(Item(height, (sum(near) / len(near) if near else 0.0) - height / 2, ROW_GAP))
    return {card.node.name: Spot(top) for card, top in zip(cards, settle(items), strict=True)}


def _grid(cards: Sequence[Card]) -> dict[str, Spot]:
    """Down the first sub-column, up the second: neighbours in a line stay neighbours."""
    rows = -(-len(cards) // sub_columns(len(cards)))
    step = max(sizes.height(card) for card in cards) + GRID_GAP
    spots: dict[str, Spot] = {}
    for i, card in enumerate(cards):
        sub_column, row = divmod(i, rows)
        level = rows - 1 - row if sub_column % 2 else row
        spots[card.node.name] = Spot(step * level - (step * rows - GRID_GAP) / 2, sub_column)
    return spots
