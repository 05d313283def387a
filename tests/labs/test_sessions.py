"""Sessions of real daemons: limits, keys, both address families."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from lab_client import Lab, eventually
from plan_labs import Running, with_neighbor

from lab.bench.line import line_plan
from lab.bgp.speaker import Timers
from lab.plan.types import Plan
from lab.runtime.control import Control
from lab.runtime.rundir import folder_of

pytestmark = pytest.mark.everywhere

QUICK = Timers(keepalive=1, hold=3, restart=1)


def _session(lab: Lab, node: str, peer: str) -> dict[str, Any]:
    sessions = lab.inspect()["bgp_sessions"]
    return next(each for each in sessions if (each["node"], each["neighbor"]) == (node, peer))


def _limited_line() -> Plan:
    """r0 takes one prefix from r1, which has its own and r2's."""
    plan = with_neighbor(line_plan(3, timers=QUICK), 0, "r1", max_prefixes=1)
    return replace(plan, name="test-limit", expected_down=(("r0", "r1"), ("r1", "r0")))


def test_too_many_prefixes_drop_the_session_and_fewer_bring_it_back(running: Running) -> None:
    with running(_limited_line()) as lab:
        eventually("r0 drops it", lambda: "session-dropped" in {e["kind"] for e in lab.events()})
        dropped = next(event for event in lab.events() if event["kind"] == "session-dropped")
        assert (dropped["node"], dropped["neighbor"]) == ("r0", "r1")
        eventually(
            "r1 is told Cease, maximum number of prefixes reached (RFC 4486)",
            lambda: any(e["kind"] == "session-down" and "(6,1)" in e["reason"] for e in lab.events()),
        )
        eventually("its route is gone", lambda: lab.best("r0", "10.0.1.0/24") is None)

        daemon = next(e["pid"] for e in lab.events() if e["kind"] == "daemon-started" and e["node"] == "r2")
        lab.kill("r2", daemon, signal.SIGSTOP)  # r1 loses r2's prefix when its hold time is over
        eventually("r1 is alone", lambda: lab.best("r1", "10.0.2.0/24") is None, seconds=30)
        eventually(
            "the session is back and stays",
            lambda: (_session(lab, "r0", "r1")["uptime_s"] or 0) > 2 * QUICK.restart,
            seconds=30,
        )
        assert lab.best("r0", "10.0.1.0/24") is not None


def test_a_session_with_a_key_comes_up_and_the_key_is_nowhere_to_read(running: Running) -> None:
    key = "only-between-r0-and-r1"
    plan = line_plan(2)
    for speaker, neighbor in ((0, "r1"), (1, "r0")):
        plan = with_neighbor(plan, speaker, neighbor, password=key)
    with running(replace(plan, name="test-key")) as lab:
        assert _session(lab, "r0", "r1")["state"] == "established"
        folder = folder_of(lab.name).path
        texts = [file.read_text(errors="replace") for file in folder.rglob("*") if file.is_file()]
        assert texts
        assert not [text for text in texts if key in text]
        arguments = lab.execute("r0", "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ").stdout
        assert "python" in arguments
        assert key not in arguments


def test_packets_follow_the_routes_from_end_to_end(running: Running) -> None:
    with running(replace(line_plan(6), name="test-line")) as lab:
        done = lab.execute("r0", "ping", "-n", "-c", "2", "-i", "0.1", "-I", "10.0.0.1", "10.0.5.1")
        assert done.returncode == 0, done.stdout


def test_a_session_ends_with_the_carrier_of_its_interface_and_is_back_with_it(running: Running) -> None:
    """Not when its hold time is over; the routes go and come with it."""
    with running(replace(line_plan(2), name="test-flap")) as lab:

        def installed() -> bool:
            return "10.0.1.0/24" in lab.execute("r0", "ip", "route", "show", "proto", "201").stdout

        assert installed()
        assert lab.execute("r0", "ip", "link", "set", "right", "down").returncode == 0
        assert not installed()
        assert lab.execute("r0", "ip", "link", "set", "right", "up").returncode == 0
        eventually("the route is back", installed)
        assert _session(lab, "r0", "r1")["state"] == "established"
        reasons = {event["reason"] for event in lab.events() if event["kind"] == "session-down"}
        assert "the interface lost its carrier" in reasons


def test_a_session_is_kept_down_while_there_are_too_many_prefixes_and_comes_up_with_fewer(
    running: Running,
) -> None:
    plan = replace(with_neighbor(line_plan(2), 0, "r1", max_originations=(2, 0)), name="test-held")
    with running(plan) as lab, closing(Control(folder_of(lab.name))) as control:
        own = ["192.0.2.0/24", "198.51.100.0/24"]  # and the one it has anyway
        control.ask("originate", namespace="r0", prefixes=own, communities=[], as_path=[])
        eventually("r1 is told to go", lambda: "(6,2)" in (_session(lab, "r1", "r0")["last_error"] or ""))
        held = _session(lab, "r0", "r1")
        assert (held["state"], held["held_down"]) == ("idle", True)
        assert held["last_error"] == "more than 2 IPv4 prefixes of our own"
        assert lab.best("r1", "10.0.0.0/24") is None

        control.ask("withdraw", namespace="r0", prefixes=own[:1])
        eventually("r1 hears of it again", lambda: lab.best("r1", own[1]) is not None)
        assert lab.best("r1", own[0]) is None
        kinds = [e["kind"] for e in lab.events() if e["kind"] in ("session-held", "session-released")]
        assert kinds == ["session-held", "session-released"]
