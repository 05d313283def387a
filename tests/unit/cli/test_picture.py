"""The picture of a lab, looked at the way a person would: is everything there, is it legible?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from test_picture_plans import anything, dual_stack, line, odd, reference, spokes, two_of_each

from lab.cli.picture import Status, draw
from lab.cli.picture.facts import Facts
from lab.cli.picture.geometry import Rect, text_width
from lab.cli.picture.layout import lay_out
from lab.cli.picture.lines import route
from lab.cli.picture.ports import Line, obstacles
from lab.model.load import load_topology
from lab.plan.compile import compile_topology
from lab.plan.types import Plan

SVG = "{http://www.w3.org/2000/svg}"
TOPOLOGIES = Path(__file__).parents[3] / "scenarios" / "topologies"
SHAPES: dict[str, Callable[[], Plan]] = {
    shape.__name__: shape for shape in (reference, dual_stack, spokes, two_of_each, line, odd)
}


@cache
def plan_of(name: str) -> Plan:
    if name in SHAPES:
        return SHAPES[name]()
    if name.startswith("anything"):
        return anything(int(name.partition("-")[2]))
    return compile_topology(load_topology(TOPOLOGIES / f"{name}.yaml"))


@cache
def picture(name: str) -> Element:
    return fromstring(draw(plan_of(name)))


REAL = [*SHAPES, *sorted(file.stem for file in TOPOLOGIES.glob("*.yaml"))]
every_plan = pytest.mark.parametrize("name", REAL)
every_plan_and_more = pytest.mark.parametrize("name", [*REAL, *(f"anything-{seed}" for seed in range(4))])
every_shape = pytest.mark.parametrize("name", SHAPES)


# --- reading a picture


def groups(root: Element, kind: str) -> dict[str, Element]:
    """The elements drawn for the nodes, links or sessions, by their names."""
    found = [group for group in root.iter(f"{SVG}g") if group.get(f"data-{kind}") is not None]
    by_name = {group.attrib[f"data-{kind}"]: group for group in found}
    assert len(by_name) == len(found), f"a {kind} is drawn twice"
    return by_name


def rect_of(element: Element) -> Rect:
    x, y, width, height = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
    return Rect(x, y, width, height)


def box_of(node: Element) -> Rect:
    return next(rect_of(rect) for rect in node.iter(f"{SVG}rect") if rect.get("class") == "box")


def boxes(root: Element) -> dict[str, Rect]:
    return {name: box_of(group) for name, group in groups(root, "node").items()}


def frames(root: Element) -> list[Rect]:
    return [rect_of(rect) for rect in root.iter(f"{SVG}rect") if rect.get("class") == "frame"]


def canvas(root: Element) -> Rect:
    x, y, width, height = (float(value) for value in root.attrib["viewBox"].split())
    return Rect(x, y, width, height)


def text_box(element: Element) -> Rect:
    """About where a text is: from the top of its capitals to the bottom of its tails."""
    size = float(element.attrib["font-size"])
    words = element.text or ""
    width = text_width(words, size, bold="font-weight" in element.attrib)
    width += len(words) * float(element.get("letter-spacing", "0"))
    shift = {"end": 1.0, "middle": 0.5}.get(element.get("text-anchor", ""), 0.0)
    return Rect(
        float(element.attrib["x"]) - shift * width, float(element.attrib["y"]) - 0.75 * size, width, size
    )


def line_of(group: Element) -> str:
    return next(path.attrib["d"] for path in group.iter(f"{SVG}path"))


def words_of(element: Element) -> list[str]:
    return [text.text or "" for text in element.iter(f"{SVG}text")]


# --- everything is there


@every_plan_and_more
def test_every_node_is_drawn_once_and_with_its_vrfs(name: str) -> None:
    plan, nodes = plan_of(name), groups(picture(name), "node")
    assert len(nodes) == len(plan.nodes)
    vrfs = sum(namespace.vrf is not None for namespace in plan.namespaces)
    assert sum(rect.get("class") == "lane" for rect in picture(name).iter(f"{SVG}rect")) == vrfs


@every_plan_and_more
def test_every_wire_between_nodes_is_drawn(name: str) -> None:
    plan = plan_of(name)
    assert set(groups(picture(name), "link")) == {wire.name for wire in plan.wires}


@every_plan_and_more
def test_every_session_is_drawn_once(name: str) -> None:
    plan = plan_of(name)
    sessions = {
        (frozenset((speaker.namespace, neighbor.name.removesuffix("-ipv6"))), neighbor.family)
        for speaker in plan.speakers
        for neighbor in speaker.config.neighbors
    }
    assert len(groups(picture(name), "session")) == len(sessions)


@every_plan
def test_a_card_names_its_node_and_its_as_number(name: str) -> None:
    asns = {speaker.namespace.partition("/")[0]: speaker.config.asn for speaker in plan_of(name).speakers}
    for node, group in groups(picture(name), "node").items():
        words = words_of(group)
        assert node.startswith(words[0].rstrip("…"))
        assert node not in asns or any(text.startswith("AS ") for text in words)


def test_cards_and_lanes_show_the_addresses_that_matter() -> None:
    nodes = groups(picture("expressroute-vpn"), "node")
    assert {"private", "VLAN 100", "192.168.100.130"} <= set(words_of(nodes["msee1"]))
    assert {"core", "VLAN 100", "192.168.100.129"} <= set(words_of(nodes["ce1"]))
    assert "10.17.0.0/16" in words_of(nodes["vnet-corp"])
    assert "52.175.253.112" in words_of(nodes["vpngw-secure-0"])
    assert "10.1.255.0/24" in words_of(nodes["sw-core"])
    assert "PE · secondary" in words_of(nodes["pe2"])


# --- everything can be read


@every_plan_and_more
def test_no_two_nodes_overlap(name: str) -> None:
    for (a, box), (b, other) in combinations(boxes(picture(name)).items(), 2):
        assert not box.grown(4).overlaps(other), f"{a} and {b}"


@every_plan_and_more
def test_texts_lie_in_the_canvas_and_those_of_a_node_in_its_box(name: str) -> None:
    root = picture(name)
    for text in root.iter(f"{SVG}text"):
        assert canvas(root).grown(-8).contains(text_box(text)), text.text
    for node, group in groups(root, "node").items():
        for text in group.iter(f"{SVG}text"):
            assert box_of(group).contains(text_box(text)), f"{node}: {text.text}"


@every_plan_and_more
def test_texts_do_not_lie_on_one_another(name: str) -> None:
    texts = [(text.text, text_box(text)) for text in picture(name).iter(f"{SVG}text")]
    for (a, box), (b, other) in combinations(texts, 2):
        assert not box.overlaps(other), f"{a!r} and {b!r}"


@every_plan_and_more
def test_frames_are_nested_or_apart(name: str) -> None:
    for a, b in combinations(frames(picture(name)), 2):
        assert not a.overlaps(b) or a.contains(b) or b.contains(a)


@every_plan
def test_no_line_runs_behind_a_card_it_does_not_end_at(name: str) -> None:
    facts = Facts(plan_of(name))
    lines: list[Line] = [*facts.links(), *facts.tunnels(), *facts.sessions()]
    layout = lay_out(facts.cards(), facts.links())
    for one, curve in route(lines, layout).items():
        for box in obstacles(one, layout):
            assert not any(box.holds(point) for point in curve.samples()), one.name


# --- everything is where a person looks for it


def test_a_packet_travels_from_left_to_right() -> None:
    at = boxes(picture("expressroute-vpn"))
    way = ["app1", "core1", "sw-core", "ce1", "pe1", "msee1", "ergw-corp-0", "vnet-corp"]
    for before, after in zip(way, way[1:], strict=False):
        assert at[before].right < at[after].x, f"{before} before {after}"


def test_the_primary_path_runs_straight_above_the_secondary() -> None:
    at = boxes(picture("expressroute-vpn"))
    assert at["ce1"].y == pytest.approx(at["msee1"].y)
    assert at["ce2"].y == pytest.approx(at["msee2"].y)
    for first, second in (("ce1", "ce2"), ("pe1", "pe2"), ("msee1", "msee2")):
        assert at[first].bottom < at[second].y


def test_the_firewall_stands_on_the_border_of_its_zones() -> None:
    root = picture("expressroute-vpn")
    firewall = boxes(root)["fw1"]
    assert sum(frame.overlaps(firewall) and not frame.contains(firewall) for frame in frames(root)) == 2


def test_fifty_routers_in_a_row_wrap_to_a_page() -> None:
    root = picture("line")
    assert canvas(root).width < 1200
    assert canvas(root).height < 1200
    at = boxes(root)
    for i in range(49):
        (x, y), (next_x, next_y) = at[f"r{i}"].centre, at[f"r{i + 1}"].centre
        assert abs(x - next_x) + abs(y - next_y) < 160, f"r{i} and r{i + 1} are neighbours"


def test_the_title_is_the_name_and_the_description() -> None:
    words = words_of(picture("reference"))
    assert plan_of("reference").name in words
    assert plan_of("reference").description in words


# --- the state of a running lab


def status_with(state: str, sessions: int | None = None) -> Status:
    """The first few sessions of the reference lab in a state, the others established."""
    found = Facts(plan_of("reference")).sessions()
    states = {
        end: state if sessions is None or i < sessions else "established"
        for i, session in enumerate(found)
        for end in session.ends
    }
    return Status(sessions=states)


def classes(root: Element) -> list[str]:
    return [element.get("class", "") for element in root.iter()]


def test_established_sessions_are_strong_and_counted() -> None:
    root = fromstring(draw(plan_of("reference"), status_with("established")))
    assert not any("bad" in css for css in classes(root) if "legend" not in css and "ebgp bad" not in css)
    assert sum(" good" in css for css in classes(root)) == len(groups(root, "session"))
    assert "18 of 18 BGP sessions established" in words_of(root)


@pytest.mark.parametrize("state", ["idle", "active", "opensent"])
def test_a_session_that_is_down_is_dashed_and_crossed(state: str) -> None:
    root = fromstring(draw(plan_of("reference"), status_with(state, sessions=2)))
    bad = [
        group for group in groups(root, "session").values() if any(" bad" in css for css in classes(group))
    ]
    assert len(bad) == 2
    assert all(state in (group.findtext(f"{SVG}title") or "") for group in bad)
    assert (
        sum(circle.get("class") == "cross" for circle in root.iter(f"{SVG}circle")) == 2 + 1
    )  # the legend's
    assert "16 of 18 BGP sessions established" in words_of(root)


def test_a_session_is_down_when_one_end_says_so_or_nobody_says_anything() -> None:
    session = Facts(plan_of("reference")).sessions()[0]
    one_end = Status(sessions={session.ends[0]: "established", session.ends[1]: "idle"})
    assert one_end.session_state(session.ends) == "idle"
    assert Status(sessions={session.ends[0]: "established"}).session_state(session.ends) == "established"
    assert Status().session_state(session.ends) == "unknown"


def test_bgp_inside_a_tunnel_runs_inside_its_pipe() -> None:
    root = picture("expressroute-vpn")
    pipes = {name: line_of(group) for name, group in groups(root, "tunnel").items()}
    assert set(pipes) == {"conn-secure-0", "conn-secure-1"}
    through_the_vpn = [
        line_of(group)
        for group in groups(root, "session").values()
        if any("s-vpn" in css for css in classes(group))
    ]
    assert sorted(through_the_vpn) == sorted(pipes.values())
    assert "IPsec tunnel" in words_of(root)


def test_a_tunnel_that_is_down_is_crossed_and_counted() -> None:
    plan = plan_of("expressroute-vpn")
    first, second = Facts(plan).tunnels()
    states = {
        **dict.fromkeys(first.ends, "established"),
        second.ends[0]: "down",
        second.ends[1]: "established",
    }
    root = fromstring(draw(plan, Status(tunnels=states)))
    burst = [name for name, group in groups(root, "tunnel").items() if "line pipe burst" in classes(group)]
    assert burst == [second.name]
    assert words_of(root)[1].startswith("1 of 2 IPsec tunnels, 0 of 25 BGP sessions")


def test_a_tunnel_that_cannot_come_up_shows_without_a_running_lab() -> None:
    root = fromstring(draw(replace(plan_of("expressroute-vpn"), tunnels_down=("conn-secure-1",))))
    assert "line pipe burst" in classes(groups(root, "tunnel")["conn-secure-1"])
    assert "line pipe burst" not in classes(groups(root, "tunnel")["conn-secure-0"])


def test_a_stopped_node_is_grey_and_says_so() -> None:
    root = fromstring(draw(plan_of("reference"), Status(nodes={"msee2": "stopped"})))
    nodes = groups(root, "node")
    assert nodes["msee2"].get("class") == "node stopped"
    assert "stopped" in words_of(nodes["msee2"])
    assert nodes["msee1"].get("class") == "node"


def test_a_cut_wire_is_dashed() -> None:
    wire = plan_of("reference").wires[0].name
    root = fromstring(draw(plan_of("reference"), Status(links={wire: "down"})))
    down = [
        name for name, group in groups(root, "link").items() if any("bad" in css for css in classes(group))
    ]
    assert down == [wire]


def test_a_session_the_plan_expects_to_stay_down_shows_without_a_running_lab() -> None:
    plan = replace(plan_of("reference"), expected_down=(("core1", "ce1/core"),))
    root = fromstring(draw(plan))
    bad = [
        name
        for name, group in groups(root, "session").items()
        if any(" bad" in css for css in classes(group))
    ]
    assert len(bad) == 1
    assert "ce1/core" in bad[0]
    assert "core1" in bad[0]


def test_a_session_configured_at_one_end_only_is_drawn() -> None:
    plan = plan_of("dual_stack")
    lonely = replace(plan, speakers=tuple(s for s in plan.speakers if s.namespace != "msee1/private"))
    drawn = groups(fromstring(draw(lonely)), "session")
    assert len(drawn) == len(groups(picture("dual_stack"), "session"))


# --- everything holds for odd input


@every_shape
def test_the_same_plan_gives_the_same_bytes(name: str) -> None:
    assert draw(SHAPES[name]()) == draw(plan_of(name))


def test_odd_names_come_out_as_they_went_in() -> None:
    root = picture("odd")
    assert set(groups(root, "node")) == {node.name for node in plan_of("odd").nodes}
    assert '<lab> & "friends"' in words_of(root)
    assert not [element for element in root.iter() if element.tag.endswith("script")]


def test_its_styles_stay_inside_when_a_page_holds_the_svg_itself() -> None:
    sheet = picture("reference").findtext(f"{SVG}style") or ""
    selectors = [rule.partition("{")[0] for rule in sheet.split("}") if rule]
    assert all(
        each.startswith(f".{picture('reference').get('class')} ")
        for rule in selectors
        for each in rule.split(",")
    )


def test_a_plan_of_nothing_is_a_picture_of_nothing() -> None:
    root = fromstring(draw(Plan("empty")))
    assert words_of(root) == ["empty"]
