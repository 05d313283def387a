"""The picture of a lab: `draw` makes an SVG of a Plan, coloured by the lab's state.

A picture is made in four steps, each a module: ``facts`` (what there is to say), ``layout``
(where the cards stand), ``lines`` (how wires, tunnels and
sessions run), ``paint`` (the SVG).
No drawing library: what is hard here is the layout, and none of them does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lab.cli.picture.brush import canvas, finish
from lab.cli.picture.facts import Facts
from lab.cli.picture.geometry import Curve, Rect
from lab.cli.picture.layout import Layout, lay_out
from lab.cli.picture.legend import MARGIN, head_height, legend_height, paint_head, paint_legend
from lab.cli.picture.lines import route
from lab.cli.picture.paint import paint_card, paint_fault, paint_frame, paint_line
from lab.cli.picture.ports import Line
from lab.cli.picture.status import Status
from lab.plan.types import Plan

_LEAST_WIDTH = 640.0

__all__ = ["Status", "draw"]


def draw(plan: Plan, status: Status | None = None) -> str:
    """SVG text; the same for the same plan and status, byte for byte."""
    facts = Facts(plan)
    cards, links = facts.cards(), facts.links()
    lines: list[Line] = [*links, *facts.tunnels(), *facts.sessions()]
    layout = lay_out(cards, links)
    curves = route(lines, layout)
    view = _view(plan, _extent(layout, curves.values()), lines, status)
    brush = canvas(view, plan.name, plan.description, status)
    brush.rect(view.grown(-0.5), "", 12, fill="#fff", stroke="#d0d7de")
    paint_head(brush, plan, lines, view, layout)
    for frame in layout.frames:
        paint_frame(brush, frame)
    for line in lines:
        paint_line(brush, line, curves[line])
    for card in cards:
        paint_card(brush, card, layout.places[card.node.name])
    for line in lines:
        paint_fault(brush, line, curves[line])
    paint_legend(brush, lines, view)
    return finish(brush)


def _extent(layout: Layout, curves: Iterable[Curve]) -> Rect:
    """The smallest rectangle around everything drawn."""
    rects = [*layout.places.values(), *(frame.rect for frame in layout.frames)]
    points = [point for curve in curves for point in curve.samples()]
    xs = [r.x for r in rects] + [r.right for r in rects] + [p[0] for p in points]
    ys = [r.y for r in rects] + [r.bottom for r in rects] + [p[1] for p in points]
    left, top = min(xs, default=0.0), min(ys, default=0.0)
    return Rect(left, top, max(xs, default=0.0) - left, max(ys, default=0.0) - top)


def _view(plan: Plan, body: Rect, lines: Sequence[Line], status: Status | None) -> Rect:
    width = max(body.width + 2 * MARGIN, _LEAST_WIDTH)
    head = head_height(plan, width - 2 * MARGIN)
    height = body.height + head + legend_height(width - 2 * MARGIN, lines, status) + 2 * MARGIN
    return Rect(body.x - (width - body.width) / 2, body.y - head - MARGIN, width, height)
