"""How big a card is, where its texts stand in it, and where lines may touch it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.cli.picture.facts import Card
from lab.cli.picture.geometry import Rect, shorten, text_width

NAME_SIZE = 12.5
SMALL_SIZE = 10.0
ICON = 14.0
MAX_WIDTH = 190.0
_PADDING = 9.0
_ICON_GAP = 5.0
_NAME_BASELINE = 19.0
_LINE = 13.0
_HEADER_BOTTOM = 8.0
LANE_HEIGHT = 32.0
_LANE_GAP = 4.0
_LANE_INSET = 5.0
_LANE_PADDING = 7.0
_NOTE_GAP = 12.0


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; ``x`` is its left end, or its right end when ``at_end``."""

    x: float
    y: float
    text: str
    size: float
    style: str
    bold: bool = False
    at_end: bool = False


def width(card: Card) -> float:
    """What the texts need, up to a limit; beyond it they are shortened."""
    widths = [_PADDING * 2 + ICON + _ICON_GAP + text_width(card.node.name, NAME_SIZE, bold=True)]
    widths += [_PADDING * 2 + text_width(line, SMALL_SIZE) for line in (card.role, *card.facts)]
    for lane in card.lanes:
        note = _NOTE_GAP + text_width(lane.note, SMALL_SIZE) if lane.note else 0
        inset = 2 * (_LANE_INSET + _LANE_PADDING)
        widths.append(inset + note + text_width(lane.label, SMALL_SIZE, bold=True))
        widths.append(inset + text_width(lane.address, SMALL_SIZE))
    return min(max(widths), MAX_WIDTH)


def header_height(card: Card) -> float:
    return _NAME_BASELINE + _LINE * (1 + len(card.facts)) + _HEADER_BOTTOM


def height(card: Card) -> float:
    lanes = len(card.lanes) * (LANE_HEIGHT + _LANE_GAP)
    return header_height(card) + lanes + (_LANE_INSET - _LANE_GAP if lanes else 0)


def lane_rects(card: Card, place: Rect) -> list[Rect]:
    top = place.y + header_height(card)
    return [
        Rect(
            place.x + _LANE_INSET,
            top + i * (LANE_HEIGHT + _LANE_GAP),
            place.width - 2 * _LANE_INSET,
            LANE_HEIGHT,
        )
        for i in range(len(card.lanes))
    ]


def anchors(card: Card, place: Rect) -> dict[str, Rect]:
    """Where the lines of each namespace touch the card: beside its lane, or the header."""
    if not card.lanes:
        return {card.node.name: place}
    found = {card.node.name: Rect(place.x, place.y, place.width, header_height(card))}
    for lane, rect in zip(card.lanes, lane_rects(card, place), strict=True):
        found[lane.namespace] = Rect(place.x, rect.y, place.width, rect.height)
    return found


def texts(card: Card, place: Rect, role: str) -> Iterator[Text]:
    """Every text of a card, ``role`` in the place of its role."""
    left, room = place.x + _PADDING, place.width - 2 * _PADDING
    after_icon = ICON + _ICON_GAP
    name = shorten(card.node.name, room - after_icon, NAME_SIZE, bold=True)
    yield Text(left + after_icon, place.y + _NAME_BASELINE, name, NAME_SIZE, "name", bold=True)
    for i, line in enumerate((role, *card.facts), start=1):
        style = "role" if i == 1 else "fact"
        text = shorten(line, room, SMALL_SIZE)
        yield Text(left, place.y + _NAME_BASELINE + i * _LINE + 1, text, SMALL_SIZE, style)
    for lane, rect in zip(card.lanes, lane_rects(card, place), strict=True):
        x, width = rect.x + _LANE_PADDING, rect.width - 2 * _LANE_PADDING
        style = f"lane-{lane.domain.value}"
        note = text_width(lane.note, SMALL_SIZE) + _NOTE_GAP if lane.note else 0
        label = shorten(lane.label, width - note, SMALL_SIZE, bold=True)
        yield Text(x, rect.y + 13, label, SMALL_SIZE, style, bold=True)
        if lane.note:
            yield Text(rect.right - _LANE_PADDING, rect.y + 13, lane.note, SMALL_SIZE, "fact", at_end=True)
        yield Text(x, rect.y + 26, shorten(lane.address, width, SMALL_SIZE), SMALL_SIZE, "fact")
