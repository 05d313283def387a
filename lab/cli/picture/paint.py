"""From a layout and its lines to SVG text.

The standard library's ElementTree writes it: names and descriptions come from users, and
it escapes them; attributes keep their order, so equal input gives equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lab.cli.picture import cards as sizes
from lab.cli.picture import style
from lab.cli.picture.cards import Text
from lab.cli.picture.columns import PAD
from lab.cli.picture.facts import Card, Link, Session
from lab.cli.picture.geometry import Curve, Point, Rect, shorten
from lab.cli.picture.layout import TITLE_SIZE, Frame
from lab.cli.picture.status import ESTABLISHED, Status

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_END_RADIUS = 2.6
_CROSS = 6.5


def number(value: float) -> str:
    """At most one decimal, and no -0."""
    return f"{round(value, 1) + 0:g}"


@dataclass(frozen=True, slots=True)
class Brush:
    """Where to draw, and by which state of the lab, if any."""

    parent: Element
    status: Status | None = None

    def group(self, css: str, **data: str) -> Brush:
        attributes = {"class": css} | {f"data-{key}": clean(value) for key, value in data.items()}
        return Brush(SubElement(self.parent, "g", attributes), self.status)

    def tooltip(self, text: str) -> None:
        SubElement(self.parent, "title").text = clean(text)

    def rect(self, rect: Rect, css: str = "", radius: float = 0.0, **attributes: str) -> None:
        place = {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height, "rx": radius}
        shape = {key: number(value) for key, value in place.items()}
        SubElement(self.parent, "rect", ({"class": css} if css else {}) | shape | attributes)

    def text(self, text: Text, **attributes: str) -> None:
        shape = {
            "class": text.style,
            "x": number(text.x),
            "y": number(text.y),
            "font-size": number(text.size),
        }
        if text.bold:
            shape["font-weight"] = "600"
        if text.at_end:
            shape["text-anchor"] = "end"
        SubElement(self.parent, "text", shape | attributes).text = clean(text.text)

    def curve(self, curve: Curve, css: str) -> None:
        SubElement(self.parent, "path", {"class": f"line {css}", "d": _data(curve)})

    def dot(self, centre: Point, radius: float, css: str) -> None:
        place = {"cx": centre[0], "cy": centre[1], "r": radius}
        SubElement(
            self.parent, "circle", {"class": css} | {key: number(value) for key, value in place.items()}
        )

    def path(self, data: str, css: str, **attributes: str) -> None:
        SubElement(self.parent, "path", {"class": css, "d": data} | attributes)

    def cross(self, centre: Point) -> None:
        x, y = centre
        self.dot(centre, _CROSS, "cross")
        arm = _CROSS * 0.42
        strokes = ((x - arm, y - arm, x + arm, y + arm), (x - arm, y + arm, x + arm, y - arm))
        for x1, y1, x2, y2 in strokes:
            self.path(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", "cross")


def canvas(view: Rect, title: str, description: str) -> Brush:
    """An empty SVG of the size of ``view``, with what a screen reader says of it."""
    box = " ".join(number(value) for value in (view.x, view.y, view.width, view.height))
    size = {"width": number(view.width), "height": number(view.height), "viewBox": box}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
    brush = Brush(root)
    brush.tooltip(title)
    SubElement(root, "desc").text = clean(description)
    SubElement(root, "style").text = style.STYLE_SHEET
    return brush


def finish(brush: Brush) -> str:
    indent(brush.parent, space=" ")
    return tostring(brush.parent, encoding="unicode") + "\n"


def clean(text: str) -> str:
    """Without the characters XML 1.0 has no way to write."""
    return _NOT_XML.sub("\ufffd", text)


def paint_frame(brush: Brush, frame: Frame) -> None:
    fill, border, ink = (
        style.zone_tint(frame.title) if frame.kind == "zone" else style.FRAME_TINTS[frame.kind]
    )
    brush.rect(frame.rect, "frame", 9, fill=fill, stroke=border)
    title = frame.title_rect
    if frame.title:
        room = frame.rect.right - PAD - title.x
        words = shorten(frame.title, room, TITLE_SIZE, bold=True)
        brush.text(
            Text(title.x, title.bottom - 3.5, words, TITLE_SIZE, "title", bold=True), style=f"fill:{ink}"
        )


def paint_link(brush: Brush, link: Link, curve: Curve) -> None:
    up = brush.status is None or brush.status.link_is_up(link.name)
    group = brush.group("link", link=link.name)
    group.tooltip(
        f"{link.name}: {link.a} - {link.b}{' (trunk)' if link.trunk else ''}{'' if up else ', down'}"
    )
    if link.trunk:
        group.curve(curve, "trunk")
        group.curve(curve, "core")
    if not link.trunk or not up:
        group.curve(curve, "wire" if up else "wire bad")


def state_of(session: Session, status: Status | None) -> str | None:
    """Without a running lab nothing is known but what cannot work."""
    if status is None:
        return "expected to stay down" if session.hopeless else None
    return status.session_state(session.ends)


def paint_session(brush: Brush, session: Session, curve: Curve) -> None:
    state = state_of(session, brush.status)
    kind = "ibgp" if session.internal else "ebgp"
    health = "" if state is None else " good" if state == ESTABLISHED else " bad"
    group = brush.group(f"session {kind}", session=session.name)
    asns = " - ".join(f"AS {asn}" for asn in session.asns)
    group.tooltip(f"{session.name}, {asns}{f', {state}' if state else ''}")
    group.curve(curve, "halo")
    group.curve(curve, f"s-{session.domain.value} {kind}{health}")


def paint_session_ends(brush: Brush, session: Session, curve: Curve) -> None:
    """On top of the cards: dots where the session begins and ends, a cross where it fails."""
    bad = state_of(session, brush.status) not in (None, ESTABLISHED)
    css = f"end e-{session.domain.value}{' bad' if bad else ''}{' open' if session.internal else ''}"
    for point in (curve.start, curve.end):
        brush.dot(point, _END_RADIUS, css)
    if bad:
        brush.cross(curve.middle())


def paint_card(brush: Brush, card: Card, place: Rect) -> None:
    running = brush.status is None or brush.status.node_is_running(card.node.name)
    group = brush.group("node" if running else "node stopped", node=card.node.name)
    group.tooltip(f"{card.node.name}: {card.role}")
    group.rect(place, "box", 6)
    for lane, rect in zip(card.lanes, sizes.lane_rects(card, place), strict=True):
        group.rect(rect, "lane", 4, fill=style.LANE_TINTS.get(lane.domain) or style.zone_tint(lane.label)[0])
    colour = style.ROLE_COLOURS.get(card.node.role, style.DEFAULT_ROLE_COLOUR)
    x, y = number(place.x + 8), number(place.y + 7.5)
    scale = number(sizes.ICON / 1.6)
    group.path(
        style.ICONS[card.node.role],
        "icon",
        stroke=colour,
        transform=f"translate({x} {y}) scale(.{scale.replace('.', '')})",
    )
    state = card.role if running or brush.status is None else brush.status.nodes[card.node.name]
    for text in sizes.texts(card, place, state):
        group.text(text)


def _data(curve: Curve) -> str:
    start = " ".join(number(value) for value in curve.start)
    pieces = ("C" + " ".join(number(v) for point in piece[1:] for v in point) for piece in curve.pieces)
    return f"M{start}{''.join(pieces)}"


def paint_lines(
    brush: Brush, links: Sequence[Link], sessions: Sequence[Session], curves: Mapping[int, Curve]
) -> None:
    for i, link in enumerate(links):
        paint_link(brush, link, curves[i])
    for i, session in enumerate(sessions, start=len(links)):
        paint_session(brush, session, curves[i])
