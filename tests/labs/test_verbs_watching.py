"""The verbs that go on for a while: capture and events --follow; and how they end."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from lab_client import COMMAND, Lab, environment, mseelab
from scapy.layers.inet import ICMP, IP, TCP
from scapy.utils import PcapNgReader

pytestmark = pytest.mark.everywhere

Start = Callable[..., Lab]
VM, HOST = "10.17.1.4", "10.0.0.10"


class Watching:
    """A command that goes on, with its output and what it tells people on standard error."""

    def __init__(self, lab: Lab, *words: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(lab.mark, MSEELAB_NAME=lab.name),
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out: IO[bytes] = self.process.stdout
        self.told: IO[bytes] = self.process.stderr

    def ended(self, code: int) -> str:
        """It ends by itself, with that code; the rest of what it told."""
        out, told = self.process.communicate(timeout=20)
        assert self.process.returncode == code, told
        self.rest = out
        return told.decode()


@pytest.fixture
def watch(basic: Lab) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def begin(*words: str, lab: Lab = basic) -> Watching:
        started.append(Watching(lab, *words))
        return started[-1]

    yield begin
    for each in started:
        each.process.kill()
        each.process.communicate()


Watch = Callable[..., Watching]


def capturing(watch: Watch, *words: str, **more: Any) -> Watching:
    """A capture that has begun."""
    begun = watch("capture", *words, **more)
    assert begun.told.readline().startswith(b"capturing on ")
    return begun


def packets(path: Path) -> list[Any]:
    with PcapNgReader(str(path)) as reader:
        return list(reader)


def pings(seen: list[Any]) -> list[tuple[str, str]]:
    return [(packet[IP].src, packet[IP].dst) for packet in seen if ICMP in packet]


# capture


def test_a_capture_sees_what_passes(basic: Lab, watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    capture = capturing(watch, "app1:eth0", "-w", str(path))
    assert basic.reaches("app1", VM)
    capture.process.send_signal(signal.SIGINT)
    assert "packets captured" in capture.ended(0)
    seen = packets(path)
    assert {(HOST, VM), (VM, HOST)} == set(pings(seen))
    directions = {packet[IP].src: packet.direction for packet in seen if ICMP in packet}
    assert directions == {HOST: 2, VM: 1}
    assert {packet.sniffed_on for packet in seen} == {"eth0"}


def test_a_capture_is_for_its_owner_alone(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    path.touch(0o644)
    watch("capture", "app1:eth0", "-w", str(path), "--duration", "0.1").ended(0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_packet_is_written_at_once(basic: Lab, watch: Watch) -> None:
    capture = capturing(watch, "app1:eth0")
    header = os.read(capture.out.fileno(), 4096)
    assert header.startswith(b"\x0a\x0d\x0d\x0a")
    assert basic.reaches("app1", VM)
    assert select.select([capture.out], [], [], 5)[0]
    assert os.read(capture.out.fileno(), 4)[:1] == b"\x06"


def test_a_capture_stops_after_so_many_packets(basic: Lab, watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    capture = capturing(watch, "app1:eth0", "-w", str(path), "--count", "3")
    assert basic.reaches("app1", VM)
    assert capture.ended(0) == "3 packets captured\n"
    assert len(packets(path)) == 3


def test_a_capture_sees_bgp_inside_a_vrf(watch: Watch, tmp_path: Path) -> None:
    """Keepalives come every three seconds, each way."""
    path = tmp_path / "c.pcapng"
    capturing(watch, "msee1/private:er100", "-w", str(path), "--duration", "4").ended(0)
    speaking = [packet for packet in packets(path) if TCP in packet]
    assert speaking
    assert all(179 in (packet.sport, packet.dport) for packet in speaking)


def test_a_capture_whose_reader_goes_away_ends(watch: Watch) -> None:
    capture = capturing(watch, "sw-core:ce1")
    capture.out.close()
    assert capture.process.wait(timeout=10) == 0
    assert capture.told.read() == b""


def test_a_capture_outlives_its_link(basic: Lab, watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    capture = capturing(watch, "vm-corp:eth0", "-w", str(path))
    for state in ("down", "up"):
        assert basic.execute("vm-corp", "ip", "link", "set", "eth0", state).returncode == 0
    default = ("ip", "route", "replace", "default", "via", "10.17.1.1")
    assert basic.execute("vm-corp", *default).returncode == 0
    assert basic.reaches("app1", VM)
    capture.process.send_signal(signal.SIGTERM)
    capture.ended(0)
    assert (HOST, VM) in pings(packets(path))


@pytest.mark.parametrize("words", [("app1:nosuch",), ("app1",), ("msee1:",)])
def test_a_wrong_interface_is_answered_with_the_right_ones(
    words: tuple[str, ...], basic: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "c.pcapng"
    done = basic.run("capture", *words, "-w", str(path))
    assert done.returncode == 2
    assert "it has: " in done.stderr
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_a_wrong_input(basic: Lab) -> None:
    done = basic.run("capture", "app1:eth0", "-w", "/nonexistent/c.pcapng")
    assert done.returncode == 2
    assert "cannot write /nonexistent/c.pcapng: No such file or directory" in done.stderr


# events


def test_events_tell_how_the_lab_came_up(basic: Lab) -> None:
    events = basic.events()
    kinds = [event["kind"] for event in events]
    assert kinds.index("daemon-started") < kinds.index("session-up") < kinds.index("lab-running")
    assert all(isinstance(event["time"], float) for event in events)


def test_following_shows_what_happens_now(basic: Lab, watch: Watch) -> None:
    follow = watch("events", "--follow", "--kind", "daemon-died", "--node", "core1")
    pids = [
        event["pid"]
        for event in basic.events()
        if event["kind"] == "daemon-started" and event["node"] == "core1"
    ]
    basic.kill("core1", pids[-1])
    event = json.loads(follow.out.readline())
    assert (event["node"], event["status"]) == ("core1", "SIGKILL")


# The end of the lab.


def test_whoever_watches_a_lab_ends_with_it(start_lab: Start, watch: Watch, tmp_path: Path) -> None:
    lab = start_lab("expressroute-basic", "test-ending")
    path = tmp_path / "c.pcapng"
    capture = capturing(watch, "msee1:to-pe1", "-w", str(path), lab=lab)
    follow = watch("events", "--follow", "-f", "text", lab=lab)
    assert follow.out.readline()
    assert mseelab("down", "--name", lab.name).returncode == 0
    assert "packets captured" in capture.ended(0)
    assert follow.ended(0) == ""
    assert b"lab-stopping" in follow.rest.splitlines()[-1]
    packets(path)
