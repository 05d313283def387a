"""Shapes and words as SVG elements.

The standard library's ElementTree writes them: names and descriptions come from users, and
it escapes them; attributes keep their order, so equal input gives equal bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lab.cli.picture.cards import Text
from lab.cli.picture.geometry import Curve, Point, Rect
from lab.cli.picture.status import Status
from lab.cli.picture.style import PICTURE_CLASS, style_sheet

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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


def canvas(view: Rect, title: str, description: str, status: Status | None) -> Brush:
    """An empty SVG of the size of ``view``, with what a screen reader says of it."""
    box = " ".join(number(value) for value in (view.x, view.y, view.width, view.height))
    size = {"width": number(view.width), "height": number(view.height), "viewBox": box}
    root = Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "class": PICTURE_CLASS, **size, "role": "img"}
    )
    brush = Brush(root, status)
    brush.tooltip(title)
    SubElement(root, "desc").text = clean(description)
    SubElement(root, "style").text = style_sheet()
    return brush


def finish(brush: Brush) -> str:
    indent(brush.parent, space=" ")
    return tostring(brush.parent, encoding="unicode") + "\n"


def clean(text: str) -> str:
    """Without the characters XML 1.0 has no way to write."""
    return _NOT_XML.sub("\ufffd", text)


def _data(curve: Curve) -> str:
    start = " ".join(number(value) for value in curve.start)
    pieces = ("C" + " ".join(number(v) for point in piece[1:] for v in point) for piece in curve.pieces)
    return f"M{start}{''.join(pieces)}"
