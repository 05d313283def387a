"""Changes to a lab that runs: another version of its file, originations, their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from lab_client import Lab, eventually
from plan_labs import Running, with_config, with_neighbor

from lab.bench.line import line_plan
from lab.bgp.route import Asn
from lab.errors import BackendError, InputError
from lab.plan.types import FilterAction, FilterRule, PacketFilter, Plan, StaticRoute
from lab.runtime.control import Control, pack, unpack
from lab.runtime.rundir import folder_of

REFERENCE = Path(__file__).parents[2] / "scenarios" / "topologies" / "expressroute-vpn.yaml"
BASIC = REFERENCE.with_name("expressroute-basic.yaml")
GATEWAYS, SERVICES = "52.175.192.0/18", "52.183.0.0/17"
WEST, EAST = 4, 2
"""How many prefixes Microsoft has in either region."""


@contextmanager
def controlling(lab: Lab) -> Iterator[Control]:
    with closing(Control(folder_of(lab.name))) as control:
        yield control


def settle(control: Control) -> None:
    eventually("nothing moves", lambda: control.ask("settled")["settled"])


def pid_of(lab: Lab, node: str) -> int:
    started = [e for e in lab.events() if e["kind"] == "daemon-started" and e["node"] == node]
    pid: int = started[-1]["pid"]
    return pid


# --- another version of the file ---


@pytest.fixture
def lab(start_lab: Callable[..., Lab]) -> Lab:
    return start_lab("expressroute-vpn", "test-apply")


Edit = Callable[..., list[str]]


@pytest.fixture
def apply(lab: Lab, tmp_path: Path) -> Edit:
    """``apply((old, new), ...)``: apply the reference topology with these words changed."""

    def changed(*edits: tuple[str, str]) -> list[str]:
        text = REFERENCE.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "edited.yaml"
        file.write_text(text)
        answer: list[str] = lab.json("apply", str(file))
        assert folder_of(lab.name).topology.read_text() == text
        with controlling(lab) as control:
            settle(control)
        return answer

    return changed


def uptimes(lab: Lab) -> dict[tuple[str, str, str], float]:
    sessions = lab.inspect()["bgp_sessions"]
    return {(s["node"], s["vrf"], s["neighbor"]): s["uptime_s"] for s in sessions}


def received(lab: Lab) -> int:
    """How many prefixes the primary MSEE sends the DMZ, whatever that takes of them."""
    sessions = lab.json("show", "bgp", "ce1/dmz")
    return next(int(s["prefixes_received"]) for s in sessions if s["neighbor"] == "msee1/microsoft")


@pytest.mark.everywhere
def test_a_route_filter_is_detached_and_attached_over_the_live_session(lab: Lab, apply: Edit) -> None:
    before = uptimes(lab)
    assert (received(lab), lab.best("dmz1", GATEWAYS) is None) == (WEST, False)
    detached = apply(("        route_filter: rf-west-us-2\n", ""))
    assert "msee1/microsoft: export policy towards ce1/dmz" in detached
    assert (received(lab), lab.best("dmz1", GATEWAYS) is None) == (0, True)
    apply(('["12076:51026"]', '["12076:51026", "12076:51004"]'))
    assert (received(lab), lab.best("dmz1", GATEWAYS) is None) == (WEST + EAST, False)
    assert set(apply()) == {
        "msee1/microsoft: export policy towards ce1/dmz",
        "msee2/microsoft: export policy towards ce2/dmz",
    }
    assert received(lab) == WEST
    assert apply() == []
    after = uptimes(lab)
    assert all(after[session] > uptime for session, uptime in before.items())
    assert [e["changes"] for e in lab.events() if e["kind"] == "applied"][0] == detached


@pytest.mark.everywhere
def test_an_edge_policy_and_its_packet_filter_move_traffic(lab: Lab, apply: Edit) -> None:
    before = uptimes(lab)
    assert not lab.reaches("vpn1", "52.183.0.10")
    changed = apply(
        (f"- {{prefix: {GATEWAYS}}}", f"- {{prefix: {SERVICES}}}"),
        ("permitted_remote_prefixes: [", "permitted_remote_prefixes: [52.183.0.10/32, "),
    )
    assert {"ce1/dmz: import policy from msee1/microsoft", "ce1/dmz: packet filter"} <= set(changed)
    assert lab.best("dmz1", GATEWAYS) is None
    assert lab.reaches("vpn1", "52.183.0.10")
    apply()
    assert not lab.reaches("vpn1", "52.183.0.10")
    assert lab.reaches("vpn1", "52.175.253.112")
    after = uptimes(lab)
    assert all(after[session] > uptime for session, uptime in before.items())


def test_what_cannot_change_leaves_everything_as_it_is(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "edited.yaml"
    file.write_text(
        REFERENCE.read_text()
        .replace("path: primary, zone: core}", "path: primary, zone: core, asn: 65011}")
        .replace("        route_filter: rf-west-us-2\n", "")
    )
    before, routes = uptimes(lab), lab.routes("ce1/dmz")
    done = lab.run("apply", str(file))
    assert done.returncode == 2
    assert "speaker ce1/core: asn" in done.stderr
    assert "`mseelab down` and `mseelab up` build it anew" in done.stderr
    assert folder_of(lab.name).topology.read_text() == REFERENCE.read_text()
    after = uptimes(lab)
    assert all(after[session] > uptime for session, uptime in before.items())
    assert lab.routes("ce1/dmz") == routes
    assert "applied" not in {event["kind"] for event in lab.events()}


def test_a_network_outgrows_what_it_was_linked_with_up_to_what_the_circuit_keeps(
    start_lab: Callable[..., Lab], tmp_path: Path
) -> None:
    """200 address spaces when a connection is made, 1,000 while it is there."""
    lab = start_lab("expressroute-basic", "test-grow")
    file = tmp_path / "grown.yaml"

    def grow(count: int) -> None:
        text = BASIC.read_text()
        spaces = ["10.17.0.0/16", *MANY[: count - 1]]
        assert "[10.17.0.0/16]" in text
        file.write_text(text.replace("[10.17.0.0/16]", f"[{', '.join(spaces)}]", 1))
        assert lab.json("apply", str(file))

    def from_azure() -> int:
        sessions = lab.json("show", "bgp", "ce1/core")
        return next(int(s["prefixes_received"]) for s in sessions if s["neighbor"] == "msee1/private")

    for count, heard in ((201, 201), (1000, 1000), (1001, 0)):
        grow(count)
        eventually(f"{heard} prefixes arrive", lambda heard=heard: from_azure() == heard)
    refused = lab.run("validate", str(file))
    assert (refused.returncode, "[RULE A-6]" in refused.stdout + refused.stderr) == (2, True)


# --- routes and filters ---


@pytest.mark.everywhere
def test_static_routes_and_packet_filters_change_in_the_kernel(running: Running) -> None:
    plan = replace(line_plan(3), name="test-kernel")
    target = IPv4Network("198.51.100.0/24")
    route = StaticRoute("r0", target, (plan.speakers[0].config.neighbors[0].peer_address,))
    closed = PacketFilter("r1", (), default=FilterAction.DROP)
    with running(plan) as lab, controlling(lab) as control:

        def reaches() -> bool:
            words = ("ping", "-n", "-c", "1", "-W", "1", "-I", "10.0.0.1", "10.0.2.1")
            return lab.execute("r0", *words).returncode == 0

        def routed() -> str:
            return lab.execute("r0", "ip", "route", "show", str(target)).stdout

        assert (reaches(), routed()) == (True, "")
        changed = replace(plan, filters=(closed,), static_routes=(route,))
        assert control.ask("apply", plan=pack(changed)) == [
            "r1: packet filter",
            f"r0: static route to {target} added",
        ]
        assert not reaches()
        assert f"via {route.next_hops[0]}" in routed()
        blackhole = replace(changed, static_routes=(replace(route, next_hops=()),))
        assert control.ask("apply", plan=pack(blackhole)) == [f"r0: static route to {target} changed"]
        assert "blackhole" in routed()
        refused = FilterRule(FilterAction.ACCEPT, "no interface's name", in_interfaces=("x" * 99,))
        with pytest.raises(BackendError, match="r1: nft refused the packet filter"):
            control.ask("apply", plan=pack(replace(plan, filters=(PacketFilter("r1", (refused,)),))))
        assert (reaches(), "blackhole" in routed()) == (False, True)
        assert control.ask("apply", plan=pack(blackhole)) == []
        assert len(control.ask("apply", plan=pack(plan))) == 2
        assert (reaches(), routed()) == (True, "")
        assert unpack(control.ask("plan"), Plan).name == lab.name


# --- originations ---

MANY = [f"10.{128 + number // 256}.{number % 256}.0/24" for number in range(10_001)]


def originated(lab: Lab, node: str) -> dict[str, Any]:
    return {route["prefix"]: route for route in lab.routes(node) if route["best"]}


@pytest.mark.everywhere
def test_originations_come_go_and_outlive_the_daemon_and_a_new_plan(running: Running) -> None:
    plan = replace(line_plan(3), name="test-originate")
    with running(plan) as lab, controlling(lab) as control:
        behind = {"as_path": [65099, 65098], "communities": ["65000:7"]}
        assert control.ask("originate", namespace="r0", prefixes=["10.99.0.0/16"], **behind) == 1
        assert control.ask("withdraw", namespace="r0", prefixes=["10.0.0.0/24"]) == 1
        settle(control)

        def far() -> dict[str, Any]:
            return originated(lab, "r2")

        assert "10.0.0.0/24" not in far()
        first, second, *_ = (speaker.config.asn for speaker in plan.speakers)
        assert far()["10.99.0.0/16"]["as_path"] == [second, first, 65099, 65098]
        assert far()["10.99.0.0/16"]["communities"] == ["65000:7"]

        with pytest.raises(InputError, match=r"r0 does not originate 10\.0\.0\.0/24"):
            control.ask("withdraw", namespace="r0", prefixes=["10.99.0.0/16", "10.0.0.0/24"])
        assert control.ask("originate", namespace="r1", prefixes=MANY) == len(MANY)
        settle(control)
        assert len(far()) == len(MANY) + 3

        for node in ("r0", "r1"):
            lab.kill(node, pid_of(lab, node))
        expected = {*MANY, "10.99.0.0/16", "10.0.1.0/24", "10.0.2.0/24"}
        eventually("all are back", lambda: far().keys() == expected, seconds=30)

        only_one_path = with_config(plan, 0, replace(plan.speakers[0].config, maximum_paths=1))
        assert control.ask("apply", plan=pack(only_one_path)) == ["r0: maximum_paths: 8 -> 1"]
        control.ask("withdraw", namespace="r1", prefixes=MANY)
        settle(control)
        assert far().keys() == {"10.99.0.0/16", "10.0.1.0/24", "10.0.2.0/24"}

        events = [e for e in lab.events() if e["kind"] in ("originated", "withdrawn", "session-dropped")]
        assert [(e["kind"], e["node"], e["count"]) for e in events] == [
            ("originated", "r0", 1),
            ("withdrawn", "r0", 1),
            ("originated", "r1", len(MANY)),
            ("withdrawn", "r1", len(MANY)),
        ]
        assert events[2]["prefixes"] == MANY[:5]


# --- what a lab says of itself ---


@pytest.mark.everywhere
def test_a_session_that_cannot_come_up_is_diagnosed_when_asked_for(running: Running) -> None:
    plan = with_neighbor(line_plan(3), 0, "r1", peer_asn=Asn(65099))
    plan = replace(plan, name="test-asked", expected_down=(("r0", "r1"), ("r1", "r0")))
    with running(plan) as lab, controlling(lab) as control:
        assert control.ask("diagnose") == []
        (finding,) = control.ask("diagnose", namespace="r0", neighbor="r1")
        assert finding.startswith("r0 - r1: OPEN: ")
        assert "(2,2)" in finding
        assert len(control.ask("diagnose", namespace="r1")) == 1
        with pytest.raises(InputError, match="r0 has no session with r2"):
            control.ask("diagnose", namespace="r0", neighbor="r2")
        assert control.ask("settled") == {"settled": True, "missing": []}


@pytest.mark.everywhere
def test_a_lab_settles_without_a_session_that_is_cut(running: Running) -> None:
    with running(replace(line_plan(2), name="test-cut")) as lab, controlling(lab) as control:
        assert control.ask("settled") == {"settled": True, "missing": []}
        lab.execute("r0", "ip", "link", "set", "right", "down")
        for node in ("r0", "r1"):
            lab.kill(node, pid_of(lab, node))

        def both_missing() -> bool:
            answer = control.ask("settled")
            return answer["settled"] and len(answer["missing"]) == 2

        eventually("it settles", both_missing)
        cut = "r0 - r1: link: right is set down"
        eventually("the daemons are back", lambda: cut in control.ask("diagnose"))
