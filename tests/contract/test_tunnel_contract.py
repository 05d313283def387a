"""Real charons on both data planes: two routers on a wire, a tunnel between them and nothing else.

Small enough to run on an emulated machine. Each story runs in namespaces of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from data_planes import skip_without
from tunnel_ends import END

from lab.errors import BackendError
from lab.ipsec.associations import ESTABLISHED
from lab.ipsec.charon import STARTING, connections
from lab.plan.tunnels import Initiation, Proposals, TunnelEnd
from lab.plan.types import Plan
from lab.runtime import netns
from lab.runtime.dataplane import DataPlane, Place
from lab.runtime.events import EventLog
from lab.runtime.isolation import run_isolated
from lab.runtime.local import LocalCharons
from lab.runtime.netlink import Router
from lab.runtime.netns import NetworkNamespace
from lab.runtime.planes import PLANES
from lab.runtime.process import node_environment
from lab.runtime.rundir import RunFolder
from lab.runtime.tunnel_end import RunningEnd
from lab.runtime.tunnels import Tunnels
from lab.timing import PATIENCE, TUNNEL_RETRY_S, Budget, wait_until

pytestmark = pytest.mark.lab

NEAR, FAR = "10.1.0.1", "10.2.0.1"
DEVICE = replace(
    END,
    inner_address=IPv4Address(NEAR),
    inner_peer_address=None,
    routes=(IPv4Network("10.2.0.0/16"),),
)
GATEWAY = replace(
    END,
    namespace="gateway",
    ifname="to-device",
    peer="device",
    local_address=END.remote_address,
    remote_address=END.local_address,
    inner_address=IPv4Address(FAR),
    inner_peer_address=None,
    routes=(IPv4Network("10.1.0.0/16"),),
    initiation=Initiation.NEVER,
)
IP_IN_ETHERNET, PROTOCOL, HEADER = 14, 23, 34
ESP, UDP, ESP_PORT = 50, 17, 4500
PATIENCE_S = 30.0 * PATIENCE


class Scene:
    """The two routers, and their tunnel in the making."""

    def __init__(self, plane: DataPlane, folder: Path, proposal: str | None) -> None:
        self.plane = plane
        self.device, self.gateway = (self._router(name) for name in ("device", "gateway"))
        ends: tuple[TunnelEnd, ...] = (DEVICE, GATEWAY)
        if proposal is not None:
            offered = Proposals(END.offered.ike, (proposal,))
            ends = tuple(replace(end, offered=offered, accepted=offered) for end in ends)
        with Router(self.device) as near:
            near.add_veth("wan", "wan", self.gateway, mtu=1500)
        for namespace, end in zip((self.device, self.gateway), ends, strict=True):
            with Router(namespace) as router:
                router.change_link("lo", state="up")
                router.add_address("lo", IPv4Interface(f"{end.inner_address}/32"))
                router.add_address("wan", IPv4Interface(f"{end.local_address}/24"))
                router.change_link("wan", state="up")
        (folder / "logs").mkdir()
        self.events = EventLog(folder / "events.jsonl", time.monotonic())
        self.tunnels = Tunnels(Plan("pair", tunnels=ends), RunFolder(folder), LocalCharons())
        self.tunnels.settle(plane)
        own = {end.own_namespace: netns.create(end.own_namespace, forwarding=False) for end in ends}
        self.tunnels.build(own | {"device": self.device, "gateway": self.gateway})

    @staticmethod
    def _router(name: str) -> NetworkNamespace:
        return netns.create(name, forwarding=True)

    async def up(self) -> None:
        await self.tunnels.start(self.events)
        self.tunnels.open()
        await self.until("the tunnel is up", lambda: self.states() == {ESTABLISHED})
        await self.until_way(DEVICE.ifname)

    async def until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not in {PATIENCE_S:g} s; {self.problems()}"
            await asyncio.sleep(0.02)

    def states(self) -> set[str]:
        return {running.state for running in self.tunnels.ends}

    def problems(self) -> list[str | None]:
        return [running.problem for running in self.tunnels.ends]

    def end(self, name: str) -> RunningEnd:
        return next(running for running in self.tunnels.ends if running.end.namespace == name)

    async def run(self, *words: str, within: NetworkNamespace | None = None) -> tuple[int, str]:
        """A command at the device, while the lab goes on."""
        with (within or self.device).entered():
            process = await asyncio.create_subprocess_exec(
                *words,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=node_environment(),
            )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def ping(self, *words: str) -> bool:
        """Whether one of a few is answered."""
        code, _ = await self.run(
            "ping", "-n", "-q", "-c", "3", "-i", "0.05", "-W", "5", *words, "-I", NEAR, FAR
        )
        return code == 0

    async def pings(self, count: int, *words: str) -> None:
        """One after the other, each answered: of several at a time ping does not wait for the last answer."""
        for _ in range(count):
            code, said = await self.run("ping", "-n", "-q", "-c", "1", "-W", "5", *words, "-I", NEAR, FAR)
            assert code == 0, said

    async def answers(self) -> int:
        """How many echo replies the device has had."""
        _, said = await self.run("cat", "/proc/net/snmp")
        names, values = (line.split() for line in said.splitlines() if line.startswith("Icmp:"))
        return int(values[names.index("InEchoReps")])

    async def way(self) -> str | None:
        """The interface by which packets leave for the far side."""
        code, said = await self.run("ip", "-j", "route", "get", FAR)
        return str(json.loads(said)[0]["dev"]) if code == 0 else None

    async def until_way(self, ifname: str | None) -> str | None:
        """The kernel takes its time with a carrier."""
        deadline = time.monotonic() + PATIENCE_S
        while (way := await self.way()) != ifname and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return way

    async def counted(self) -> list[dict[str, Any]]:
        return await self.tunnels.describe()

    async def in_kernel(self, what: str) -> list[int]:
        """How many ESP associations, or policies of them, each end has."""
        found = []
        for running in self.tunnels.ends:
            _, said = await self.run("ip", "xfrm", what, within=running.place.namespace)
            found.append(said.count("proto esp"))
        return found


Story = Callable[[Scene], Awaitable[Any]]
Told = Callable[..., Any]


@pytest.fixture(params=PLANES, ids=lambda plane: plane.name)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    """``told(story)``: what the story returns, told in namespaces of its own. ``proposal``: of ESP,
    instead of all that Azure offers."""
    plane: DataPlane = request.param
    skip_without(plane)

    def tell(story: Story, proposal: str | None = None) -> Any:
        return run_isolated(lambda: asyncio.run(_live(story, Scene(plane, tmp_path, proposal))))

    return tell


async def _live(story: Story, scene: Scene) -> Any:
    await scene.up()
    try:
        return await story(scene)
    finally:
        await scene.tunnels.close()


@pytest.fixture
def esp(request: pytest.FixtureRequest) -> tuple[int, int | None]:
    """What ESP looks like outside: IP protocol and UDP port."""
    native = request.node.callspec.params["told"].name == "kernel"
    return (ESP, None) if native else (UDP, ESP_PORT)


def test_only_esp_is_on_the_wire(told: Told, esp: tuple[int, int | None]) -> None:
    async def story(scene: Scene) -> Any:
        with scene.device.entered():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            wire.bind(("wan", 0))
            wire.setblocking(False)
        await scene.pings(3, "-p", "5ec4e75ec4e75ec4e7")
        frames = []
        while True:
            try:
                frames.append(wire.recv(2048))
            except BlockingIOError:
                break
        packets = [frame for frame in frames if frame[12:14] == b"\x08\x00"]
        kinds = {(frame[PROTOCOL], _port(frame)) for frame in packets}
        return len(packets) >= 6, sorted(kinds), any(b"\x5e\xc4\xe7\x5e" in frame for frame in frames)

    assert told(story) == [True, [list(esp)], False]


def _port(frame: bytes) -> int | None:
    if frame[PROTOCOL] != UDP:
        return None
    return int.from_bytes(frame[HEADER + 2 : HEADER + 4], "big")


def test_what_is_sent_is_counted_and_nothing_else(told: Told) -> None:
    async def story(scene: Scene) -> Any:
        before = await scene.counted()
        await scene.pings(3, "-s", "1000")
        after = await scene.counted()
        keys = ("bytes_in", "bytes_out", "packets_in", "packets_out")
        return [[b[key] - a[key] for key in keys] for a, b in zip(before, after, strict=True)]

    assert told(story) == [[3084, 3084, 3, 3]] * 2


def test_packets_as_long_as_the_tunnel_is_wide_pass_and_longer_ones_are_told_of(told: Told) -> None:
    async def story(scene: Scene) -> Any:
        return await scene.ping("-M", "do", "-s", "1372"), await scene.ping("-M", "do", "-s", "1373")

    assert told(story) == [True, False]


@pytest.mark.parametrize(
    "proposal", ["aes256gcm16", "aes128-sha256", "aes256-sha1", "3des-sha1", "null-sha1"]
)
def test_what_azure_has_for_esp_carries_packets(told: Told, proposal: str) -> None:
    async def story(scene: Scene) -> Any:
        return await scene.ping(), await scene.ping("-M", "do", "-s", "1372")

    assert told(story, proposal) == [True, True]


def test_new_keys_lose_nothing_and_nothing_is_dropped_on_the_way(told: Told) -> None:
    async def story(scene: Scene) -> Any:
        before = await scene.answers()
        ping = asyncio.ensure_future(
            scene.run("ping", "-n", "-q", "-c", "100", "-i", "0.01", "-I", NEAR, FAR)
        )
        session = scene.end("device").session
        assert session is not None
        for _ in range(3):
            await session.command("rekey", {"child": "any"})
            await asyncio.sleep(0.1)
        await ping
        await scene.pings(1)
        answered = await scene.answers() - before
        return answered, [end["errors"] for end in await scene.counted()]

    assert told(story) == [101, [{}, {}]]


def test_a_tunnel_that_is_ended_leaves_no_association_and_no_way_out(told: Told) -> None:
    async def story(scene: Scene) -> Any:
        await scene.run("ip", "route", "add", "default", "via", str(END.remote_address))
        near, far = scene.end("device").session, scene.end("gateway").session
        assert near is not None
        assert far is not None
        carried = await scene.way()
        for name in connections(scene.end("gateway").end):  # it would be back at once
            await far.command("unload-conn", {"name": name})
        await near.command("terminate", {"ike": STARTING, "timeout": "5000"})
        await scene.until("both know", lambda: ESTABLISHED not in scene.states())
        await scene.until_way(None)
        left = [await scene.in_kernel("state"), await scene.in_kernel("policy")]
        return carried, await scene.way(), left

    assert told(story) == [DEVICE.ifname, None, [[0, 0], [0, 0]]]


def test_a_charon_that_dies_takes_the_tunnel_along_and_brings_it_back(told: Told) -> None:
    async def story(scene: Scene) -> Any:
        victim = scene.end("device")
        assert victim.pid is not None
        os.kill(victim.pid, signal.SIGKILL)
        await scene.until("it is noticed", lambda: victim.state != ESTABLISHED)
        gone = await scene.until_way(None)
        await scene.until("it is back", lambda: scene.states() == {ESTABLISHED})
        await scene.until_way(DEVICE.ifname)
        return gone, await scene.ping(), max(await scene.in_kernel("state")) <= 2

    assert told(story) == [None, True, True]


class Slow:
    """A data plane that takes over a device late: when the tunnel is up, or could have been for long."""

    def __init__(self, plane: DataPlane, established: Callable[[], bool]) -> None:
        self._plane = plane
        self._established = established

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plane, name)

    def adopt(self, place: Place, pid: int) -> None:
        with contextlib.suppress(BackendError):
            wait_until("the tunnel is up", self._established, bool, LATE)
        self._plane.adopt(place, pid)


LATE = Budget("taken-over-late", TUNNEL_RETRY_S + 1)


def test_a_device_that_is_taken_over_late_is_used_all_the_same(told: Told) -> None:
    """Both charons die; the peer begins the tunnel as soon as it is answered."""

    async def story(scene: Scene) -> Any:
        late = scene.end("gateway")
        late.around = replace(
            late.around, plane=Slow(scene.plane, lambda: late.associations.state == ESTABLISHED)
        )
        for victim in scene.tunnels.ends:
            assert victim.pid is not None
            os.kill(victim.pid, signal.SIGKILL)
        await scene.until("it is noticed", lambda: ESTABLISHED not in scene.states())
        await scene.until("it is back", lambda: scene.states() == {ESTABLISHED})
        await scene.until_way(DEVICE.ifname)
        return await scene.ping()

    assert told(story) is True
