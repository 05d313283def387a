"""Flows through a running lab: what they lose is what is dropped, for as long as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_address
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Start
from lab_client import LIMIT_S, Lab, eventually, marked_processes, mseelab, new_mark, start, unique
from tunnel_labs import GATEWAYS, SECURE_VM, needs_data_plane

from lab.errors import BackendError, InputError
from lab.plan.types import Plan
from lab.probe.flows import EPHEMERAL_PORT, Flow, FlowResult
from lab.probe.meter import NOTICED_AFTER_S
from lab.probe.probing import probe
from lab.probe.stream import DIRECTIONS, MOST_PORTS, PACE_S, Direction, Stream, StreamReport
from lab.probe.streaming import PROCESS_NAME, Streams
from lab.runtime.control import Control, unpack
from lab.runtime.rundir import folder_of
from lab.runtime.userspace import WAITING
from lab.timing import Budget, wait_until

HOST, VM = "10.0.0.10", "10.17.1.4"

FLOWING_S = 2.0
"""How long an undisturbed flow is looked at."""
UNDER_LOAD_S = 4.0
HANGING_S = 1.0
EXACT_S = 0.05
"""How much longer or shorter than it was an interruption may be told, beside the pace: this host's
scheduler, and nft's own time to change a table."""
KEPT_PACE = 0.8
"""The share of its packets that a flow sends on a host that has other things to do."""
KEPT_PACE_UNDER_LOAD = 0.5
LOOK_S = 5.0
SOON = Budget("test-soon", 20.0)


RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
needs_room = pytest.mark.skipif(
    os.geteuid() != 0 and int(RMEM_MAX.read_text()) < WAITING,
    reason="this user's sockets have no room: net.core.rmem_max is too small",
)


class Flows:
    """A running lab, and its streams."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._control = Control(folder_of(lab.name))
        self.plan = unpack(self._control.ask("plan"), Plan)
        self._streams = Streams(self._control)

    def close(self) -> None:
        self._streams.close()
        self._control.close()

    def start(self, name: str, destination: str = VM, source: str = "app1", **details: int) -> None:
        self._streams.start(self.plan, Stream(name, source, ip_address(destination), **details))

    def report(self, name: str) -> StreamReport:
        return self._streams.report(name)

    def look(self, probes: list[Flow], watching: list[str]) -> FlowResult:
        return probe(self._control, self.plan, probes, watching)

    def mark(self) -> None:
        self._streams.mark()

    def after(self, name: str, seconds: float) -> StreamReport:
        """Once it has flowed for so long."""
        return wait_until(
            "it has flowed for long enough",
            lambda: self.report(name),
            lambda report: report.at - report.marked >= seconds,
            Budget("test-flow", seconds + SOON.seconds),
        )


@contextmanager
def _flows(lab: Lab) -> Iterator[Flows]:
    with closing(Flows(lab)) as flows:
        yield flows


@pytest.fixture
def flows(secured: Lab) -> Iterator[Flows]:
    with _flows(secured) as flows:
        yield flows


def flow_processes(mark: str) -> list[int]:
    """Those of streams among the processes that carry the mark."""
    found = []
    for pid in marked_processes(mark):
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        if name == PROCESS_NAME:
            found.append(pid)
    return found


def settled(flows: Flows, name: str) -> StreamReport:
    return wait_until(
        "all flows again",
        lambda: flows.report(name),
        lambda report: all(report.recent[each].silent_since is None for each in DIRECTIONS),
        SOON,
    )


# Nothing happens.


def _unharmed(report: StreamReport, kept_pace: float) -> None:
    """A busy host's charon may deliver late; what was sent still arrives, once."""
    expected = (report.at - report.started) / PACE_S * report.stream.ports
    for direction in DIRECTIONS:
        seen = report.total[direction]
        assert seen.tally.sent >= kept_pace * expected, direction
        assert (seen.tally.lost, seen.tally.duplicated) == (0, 0), direction


@pytest.mark.everywhere
@needs_data_plane
def test_an_undisturbed_flow_loses_nothing_with_tunnels_or_without(flows: Flows) -> None:
    flows.start("plain")
    flows.start("secured", SECURE_VM, size=1300)
    flows.start("from-azure", HOST, "vm-corp")
    flows.after("from-azure", FLOWING_S)
    for name in ("plain", "secured", "from-azure"):
        _unharmed(settled(flows, name), KEPT_PACE)


@pytest.mark.everywhere
def test_a_busy_host_slows_a_flow_down_and_interrupts_it_not(flows: Flows) -> None:
    flows.start("busy")
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        flows.mark()
        report = flows.after("busy", UNDER_LOAD_S)
    finally:
        for burner in load:
            burner.kill()
            burner.wait(LIMIT_S)
    _unharmed(report, KEPT_PACE_UNDER_LOAD)


@pytest.mark.everywhere
@needs_data_plane
@needs_room
def test_packets_wait_for_a_charon_that_waits_for_a_processor(flows: Flows) -> None:
    """Half of the eight ports in each tunnel: twice as many packets in that time as a socket has room for by
    itself."""
    flows.start("patient", SECURE_VM, size=1300)
    flows.after("patient", NOTICED_AFTER_S)
    hangs = ("daemon_stop", "node=vpn1", "tunnel=conn-secure-0", "how=freeze")
    assert flows.lab.run("fault", "apply", *hangs).returncode == 0
    flows.mark()
    flows.after("patient", HANGING_S)
    assert flows.lab.run("fault", "clear", "--all").returncode == 0
    report = settled(flows, "patient")
    for direction in DIRECTIONS:
        assert report.total[direction].tally.lost == 0, direction
        assert report.total[direction].tally.longest is not None, direction


@pytest.mark.everywhere
def test_ipv6_flows_too(start_lab: Start) -> None:
    with _flows(start_lab("dual-stack", "test-flows-six")) as flows:
        flows.start("six", "fd00:20:0:1::4", size=1280)
        _unharmed(flows.after("six", FLOWING_S), KEPT_PACE)


@pytest.mark.everywhere
def test_a_look_beside_a_flow_takes_no_longer_for_it(flows: Flows) -> None:
    """12,800 packets a second pass the two interfaces; taking them apart would take longer than that."""
    flows.start("crowd", ports=MOST_PORTS)
    flows.after("crowd", NOTICED_AFTER_S)
    many = [Flow("app1", ip_address(VM), protocol="udp", source_port=EPHEMERAL_PORT + n) for n in range(128)]
    started = time.monotonic()
    outcomes = flows.look(many, ["app1:eth0", "vm-corp:eth0"]).outcomes
    assert time.monotonic() - started < LOOK_S
    assert all(one.arrived and one.answer for one in outcomes)


# Something does.

DROP = """
import subprocess, sys, time
from lab.timing import Clock

def nft(text):
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True)
    return time.monotonic()

before = time.monotonic()
dropping = nft("table inet test_flows { chain c { type filter hook forward priority -300; RULE drop; }; }")
Clock().sleep(float(sys.argv[1]))
still = time.monotonic()
print(before, dropping, still, nft("delete table inet test_flows"))
"""


def dropped_for(lab: Lab, node: str, seconds: float, rule: str = "") -> tuple[float, float, float]:
    """Let the node drop what it should forward: when that began at the latest, and how long it took at
    least and at most."""
    done = lab.python(node, DROP.replace("RULE", rule), str(seconds))
    assert done.returncode == 0, done.stderr
    before, dropping, still, over = map(float, done.stdout.split())
    return before, still - dropping, over - before


@pytest.mark.everywhere
@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_an_interruption_is_as_long_as_what_caused_it(flows: Flows, seconds: float) -> None:
    flows.start("measured")
    flows.after("measured", NOTICED_AFTER_S)
    flows.mark()
    begun, least, most = dropped_for(flows.lab, "core1", seconds)
    report = settled(flows, "measured")
    for direction in DIRECTIONS:
        seen = report.recent[direction]
        assert seen.tally.longest is not None
        assert least - PACE_S - EXACT_S <= seen.tally.longest.seconds <= most + PACE_S + EXACT_S
        assert 0 <= seen.tally.longest.start - begun <= (most - least) + PACE_S + EXACT_S
        assert seen.interrupted == seen.ports
        assert seen.tally.lost >= 0.5 * least / PACE_S * seen.ports
    flows.mark()
    afterwards = flows.report("measured")
    assert [afterwards.recent[each].tally.lost for each in DIRECTIONS] == [0, 0]
    assert [afterwards.total[each].tally.longest for each in DIRECTIONS] == [
        report.recent[each].tally.longest for each in DIRECTIONS
    ]


@pytest.mark.parametrize(
    ("address", "harmed", "unharmed"), [(HOST, "forward", "return"), (VM, "return", "forward")]
)
@pytest.mark.everywhere
def test_one_direction_alone_is_seen_as_such(
    flows: Flows, address: str, harmed: Direction, unharmed: Direction
) -> None:
    flows.start("one-way")
    flows.after("one-way", NOTICED_AFTER_S)
    flows.mark()
    dropped_for(flows.lab, "core1", 0.5, f"ip saddr {address}")
    report = settled(flows, "one-way")
    longest = report.recent[harmed].tally.longest
    assert longest is not None
    assert longest.seconds >= 0.4
    assert report.recent[unharmed].tally.lost == 0


@pytest.mark.everywhere
def test_one_port_alone_is_seen_as_such(flows: Flows) -> None:
    flows.start("ports")
    flows.after("ports", NOTICED_AFTER_S)
    flows.mark()
    sport = "udp sport 50178 ip daddr " + VM
    dropped_for(flows.lab, "core1", 0.5, sport)
    report = settled(flows, "ports")
    assert (report.recent["forward"].interrupted, report.recent["return"].interrupted) == (1, 0)


@pytest.mark.everywhere
def test_the_event_log_has_the_flow_its_silence_and_its_end(flows: Flows) -> None:
    flows.start("logged")
    flows.after("logged", NOTICED_AFTER_S)
    begun, least, _ = dropped_for(flows.lab, "core1", 0.5, f"ip saddr {HOST}")
    settled(flows, "logged")
    flows.close()

    def ours() -> list[dict[str, object]]:
        return [event for event in flows.lab.events() if event.get("flow") == "logged"]

    eventually("its end is logged", lambda: ours()[-1]["kind"] == "flow-ended")
    begin, silent, heard, end = ours()
    assert begin["kind"] == "flow-started"
    assert (silent["kind"], silent["direction"], heard["kind"]) == ("flow-silent", "forward", "flow-heard")
    assert isinstance(silent["time"], float)
    assert isinstance(heard["seconds"], float)
    assert 0 <= silent["time"] - begun <= 0.5
    assert heard["seconds"] >= least - PACE_S - EXACT_S
    assert end["lost"] is not None
    assert {event["node"] for event in ours()} == {"app1"}


# What cannot be.


@pytest.mark.everywhere
def test_a_flow_needs_a_way_and_a_port(flows: Flows) -> None:
    with pytest.raises(BackendError, match="ce1/core cannot send to 52.175.253.112: Network is unreachable"):
        flows.start("no-way", GATEWAYS[0], "ce1/core")
    flows.start("first", port=4444, ports=1)
    with pytest.raises(InputError, match="UDP port 4444 of 10.17.1.4 cannot be had"):
        flows.start("second", port=4444, ports=1)
    _unharmed(flows.after("first", NOTICED_AFTER_S), 0)
    with pytest.raises(InputError, match="nobody is not a node of this lab"):
        flows.start("third", source="nobody")


@pytest.mark.everywhere
def test_a_flow_ends_with_its_lab_and_says_so(start_lab: Start) -> None:
    running = start_lab("expressroute-basic", "test-flows-down")
    with _flows(running) as flows:
        flows.start("ended")
        flows.after("ended", NOTICED_AFTER_S)
        assert mseelab("down", "--name", running.name).returncode == 0
        with pytest.raises(BackendError, match="flow ended has ended"):
            flows.report("ended")


# In scenarios.

BEGIN = "- {say: They talk., flow: {name: talk, source: app1, destination: 10.17.1.4}}"
UNHARMED = "- {say: Nothing is lost., interruption: {flow: talk, lost_at_most: 0}}"
LONGER = (
    "- {say: The way back over the primary is made longer., change: {on_premises: {seattle: {policies: "
    "{longer: {rules: [{set: {as_path_prepend: [65010]}}]}}, edge_routers: {ce1: {attachments: "
    "{AzurePrivatePeering: {export_policy: longer}}}}}}}}"
)
GONE = "- {say: It is taken back., withdraw: {node: core1, prefixes: [10.0.0.0/24]}}"
AGAIN = "- {say: It is back., originate: {node: core1, prefixes: [10.0.0.0/24]}}"
NOT_THERE = (
    "- {say: No way back., no_route: {node: msee1/private, prefix: 10.0.0.0/24, holds_for: keepalive}}"
)
THERE = "- {say: There is one., route: {node: msee1/private, prefix: 10.0.0.0/24}}"
CAME_BACK = (
    "- {say: Answers did not come for a while., interruption: {flow: talk, direction: return, "
    "at_most: [hold, restart]}}"
)
NEVER = (
    "- {say: It never comes true., session: {node: ce1/core, neighbor: msee1/private, "
    "established_transitions: 9}}"
)
HURRY = ("--patience", "0.05")


@pytest.fixture
def mark() -> Iterator[str]:
    mark = new_mark()
    yield mark
    eventually("nothing is left", lambda: not marked_processes(mark))


def written(folder: Path, name: str, *steps: str) -> Path:
    file = folder / f"{name}.yaml"
    lines = [f"name: {name}", "topology: expressroute-basic", "steps:", *(f"  {step}" for step in steps)]
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def test_a_scenario_tells_what_came_of_its_flows_in_every_report(tmp_path: Path, mark: str) -> None:
    steps = (BEGIN, LONGER, UNHARMED, THERE, GONE, NOT_THERE, AGAIN, THERE, CAME_BACK)
    file, folder = written(tmp_path, unique("talk"), *steps), tmp_path / "report"
    done = mseelab("test", str(file), "--report", str(folder), mark=mark)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    (flow,) = [number for number, line in enumerate(lines) if line.startswith("  flow ")]
    assert lines[flow].endswith("talk: app1 to 10.17.1.4, 8 ports")
    assert "not interrupted, 0 of " in lines[flow + 1]
    assert "interrupted for " in lines[flow + 2]
    report = json.loads((folder / "report.json").read_text())
    (told,) = report["scenarios"][0]["flows"]
    assert told["forward"]["lost"] == 0
    assert told["return"]["longest_interruption"]["seconds"] >= 3, "a keepalive interval at least"
    assert told["return"]["ports_interrupted"] == 8
    (text,) = ElementTree.parse(folder / "junit.xml").getroot().iter("system-out")
    assert lines[flow] in (text.text or "")


def test_a_flow_that_does_not_come_back_fails_and_says_since_when(tmp_path: Path, mark: str) -> None:
    never_back = CAME_BACK.replace("return", "both")
    file = written(tmp_path, unique("lost"), BEGIN, UNHARMED, GONE, never_back)
    done = mseelab("test", str(file), *HURRY, mark=mark)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "return: silent for " in done.stdout
    assert " after the last action" in done.stdout
    assert "on the way back, " in done.stdout
    assert "silent for" in done.stdout.splitlines()[-4]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ending_a_scenario_early_ends_its_flows(tmp_path: Path, mark: str, how: signal.Signals) -> None:
    file = written(tmp_path, unique("early"), BEGIN, NEVER)
    command = start("test", str(file), mark=mark)
    eventually("it flows", lambda: bool(flow_processes(mark)), seconds=60)
    command.send_signal(how)
    output, _ = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 130, output
    assert "Traceback" not in output


def test_flows_of_a_runner_that_is_killed_end_although_its_lab_runs_on(tmp_path: Path, mark: str) -> None:
    name = unique("killed")
    file = written(tmp_path, name, BEGIN, NEVER)
    command = start("test", str(file), "--name", name, "--keep", mark=mark)
    try:
        eventually("it flows", lambda: bool(flow_processes(mark)), seconds=60)
        command.kill()
        command.communicate(timeout=LIMIT_S)
        eventually("no flow is left", lambda: not flow_processes(mark))
        assert name in mseelab("list").stdout
    finally:
        mseelab("down", "--name", name)


@pytest.mark.everywhere
def test_a_flow_is_not_ended_by_a_terminals_ctrl_c_but_by_who_began_it(flows: Flows) -> None:
    flows.start("deaf")
    (pid,) = [entry.name for entry in Path("/proc").iterdir() if _is_child_flow(entry)]
    os.kill(int(pid), signal.SIGINT)
    before = flows.report("deaf").total["forward"].tally.sent
    assert flows.after("deaf", 2 * NOTICED_AFTER_S).total["forward"].tally.sent > before


def _is_child_flow(entry: Path) -> bool:
    try:
        status = (entry / "status").read_text()
    except OSError:
        return False
    return f"Name:\t{PROCESS_NAME}\n" in status and f"PPid:\t{os.getpid()}\n" in status
