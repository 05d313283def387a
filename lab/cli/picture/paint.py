"""What each thing of the picture looks like, by the state it is in."""

from __future__ import annotations

from lab.cli.picture import cards as sizes
from lab.cli.picture import style
from lab.cli.picture.brush import Brush, number
from lab.cli.picture.cards import Text
from lab.cli.picture.facts import Card, Link, Session
from lab.cli.picture.geometry import Curve, Rect
from lab.cli.picture.layout import TITLE_SIZE, Frame
from lab.cli.picture.ports import Line
from lab.cli.picture.status import ESTABLISHED, Status
from lab.cli.picture.tunnels import Tunnel

_END_RADIUS = 2.6


def paint_frame(brush: Brush, frame: Frame) -> None:
    tint = style.zone_tint(frame.title) if frame.kind == "zone" else style.FRAME_TINTS[frame.kind]
    fill, border, ink = tint
    brush.rect(frame.rect, "frame", 9, fill=fill, stroke=border)
    if frame.title:
        place = frame.title_rect
        title = Text(place.x, place.bottom - 3.5, frame.short_title, TITLE_SIZE, "title", bold=True)
        brush.text(title, style=f"fill:{ink}")


def paint_link(brush: Brush, link: Link, curve: Curve) -> None:
    up = brush.status is None or brush.status.link_is_up(link.name)
    group = brush.group("link", link=link.name)
    remarks = [*(["trunk"] if link.trunk else []), *([] if up else ["down"])]
    group.tooltip(", ".join([f"{link.name}: {link.a} - {link.b}", *remarks]))
    if link.trunk:
        group.curve(curve, "trunk")
        group.curve(curve, "core")
    if not link.trunk or not up:
        group.curve(curve, "wire" if up else "wire bad")


def paint_tunnel(brush: Brush, tunnel: Tunnel, curve: Curve) -> None:
    state = state_of(tunnel, brush.status)
    good = state in (None, ESTABLISHED)
    group = brush.group("tunnel", tunnel=tunnel.name)
    outer = " - ".join(tunnel.outer)
    group.tooltip(f"{tunnel.name}: {tunnel.a} - {tunnel.b}, {outer}{f', {state}' if state else ''}")
    group.curve(curve, "pipe" if good else "pipe burst")


def state_of(line: Tunnel | Session, status: Status | None) -> str | None:
    """Without a running lab nothing is known but what cannot work."""
    if status is None:
        return "expected to stay down" if line.hopeless else None
    if isinstance(line, Tunnel):
        return status.tunnel_state(line.ends)
    return status.session_state(line.ends)


def paint_session(brush: Brush, session: Session, curve: Curve) -> None:
    state = state_of(session, brush.status)
    kind = "ibgp" if session.internal else "ebgp"
    health = "" if state is None else " good" if state == ESTABLISHED else " bad"
    group = brush.group(f"session {kind}", session=session.name)
    asns = " - ".join(f"AS {asn}" for asn in session.asns)
    group.tooltip(f"{session.name}, {asns}{f', {state}' if state else ''}")
    group.curve(curve, "halo")
    group.curve(curve, f"s-{session.domain.value} {kind}{health}")


def paint_link_fault(brush: Brush, link: Link, curve: Curve) -> None:
    """On top of the cards: a cross where a wire is cut."""
    if brush.status is not None and not brush.status.link_is_up(link.name):
        brush.cross(curve.middle())


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
    where = (
        f"translate({number(place.x + 8)} {number(place.y + 7.5)}) scale({sizes.ICON / style.ICON_GRID:g})"
    )
    group.path(style.ICONS[card.node.role], "icon", stroke=colour, transform=where)
    state = card.role if running or brush.status is None else brush.status.nodes[card.node.name]
    for text in sizes.texts(card, place, state):
        group.text(text)


def paint_tunnel_fault(brush: Brush, tunnel: Tunnel, curve: Curve) -> None:
    """On top of the cards: a cross where a tunnel is down."""
    if state_of(tunnel, brush.status) not in (None, ESTABLISHED):
        brush.cross(curve.middle())


def paint_line(brush: Brush, line: Line, curve: Curve) -> None:
    match line:
        case Link():
            paint_link(brush, line, curve)
        case Tunnel():
            paint_tunnel(brush, line, curve)
        case Session():
            paint_session(brush, line, curve)


def paint_fault(brush: Brush, line: Line, curve: Curve) -> None:
    match line:
        case Link():
            paint_link_fault(brush, line, curve)
        case Tunnel():
            paint_tunnel_fault(brush, line, curve)
        case Session():
            paint_session_ends(brush, line, curve)
