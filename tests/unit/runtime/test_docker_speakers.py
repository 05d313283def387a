"""Speakers in containers: the zygotes that call in are the test."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lab.bench.line import line_plan
from lab.plan.render.exabgp import render_speaker
from lab.runtime.docker.containers import SOCKET
from lab.runtime.docker.speakers import ContainerSpeakers
from lab.runtime.netns import GONE, NetworkNamespace
from lab.runtime.zygote import Start, exited, started

SPEAKER = line_plan(2).speakers[0]
HERE = SPEAKER.namespace
START = Start(HERE, SPEAKER.config, render_speaker(SPEAKER.config))


class Told:
    """What the supervisor hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int]] = []

    def started(self, name: str, pid: int) -> None:
        self.heard.append(("started", name, pid))

    def exited(self, name: str, code: int) -> None:
        self.heard.append(("exited", name, code))

    def forsaken(self) -> None:
        raise AssertionError("a container has one zygote, and the supervisor another for the next")


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = Told()
        self.speakers = ContainerSpeakers()
        self.speakers.listen(HERE, folder)
        self.speakers.tell(self.told)
        self.null = os.open(os.devnull, os.O_RDWR)
        self._called: list[socket.socket] = []

    def start(self) -> None:
        self.speakers.start(START, NetworkNamespace(HERE, GONE), self.null, self.null)

    def call(self) -> socket.socket:
        """A container has started, and its zygote calls."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(str(self.folder / SOCKET))
        sock.setblocking(False)
        self._called.append(sock)
        return sock

    def close(self) -> None:
        """What the end of the supervisor does."""
        self.speakers.close_node(HERE)
        for sock in vars(self.speakers)["_listening"].values():
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        for sock in self._called:
            sock.close()
        os.close(self.null)

    async def until(self, holds: Callable[[], object]) -> None:
        while not holds():
            await asyncio.sleep(0.001)


def orders(zygote: socket.socket) -> list[Start]:
    """What it has been told to start so far."""
    found = []
    while True:
        try:
            _, fds, _, _ = socket.recv_fds(zygote, 1 << 16, 4)
        except BlockingIOError:
            return found
        assert len(fds) == 3, "the start, a channel and a log: the namespace is its own"
        with os.fdopen(fds[0], "rb") as file:
            found.append(pickle.load(file))
        for fd in fds[1:]:
            os.close(fd)


Story = Callable[[Scene], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    async def run(story: Story) -> None:
        scene = Scene(tmp_path)
        await story(scene)
        scene.close()

    return lambda story: asyncio.run(asyncio.wait_for(run(story), 20))


def test_a_speaker_is_begun_when_its_container_calls_whichever_comes_first(
    play: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        scene.start()
        zygote = scene.call()
        found: list[Start] = []
        await scene.until(lambda: found.extend(orders(zygote)) or found)
        assert found == [START]
        scene.start()
        await scene.until(lambda: found.extend(orders(zygote)) or len(found) == 2)

    play(story)


def test_the_pid_is_the_one_this_host_counts(play: Callable[[Story], None]) -> None:
    async def story(scene: Scene) -> None:
        zygote = scene.call()
        scene.start()
        await scene.until(lambda: orders(zygote))
        with subprocess.Popen(["sleep", "60"]) as process:
            pidfd = os.pidfd_open(process.pid)
            socket.send_fds(zygote, [started("whatever it says", 7)], [pidfd])
            await scene.until(lambda: scene.told.heard)
            process.kill()
            process.wait()
            socket.send_fds(zygote, [started(HERE, 8)], [pidfd])
            zygote.send(exited(HERE, 256))
            await scene.until(lambda: len(scene.told.heard) == 2)
        os.close(pidfd)
        assert scene.told.heard == [("started", HERE, process.pid), ("exited", HERE, 1)]

    play(story)


def test_a_speaker_ends_with_its_container_and_the_next_is_begun_when_that_is_wired(
    play: Callable[[Story], None],
) -> None:
    async def story(scene: Scene) -> None:
        zygote = scene.call()
        scene.start()
        await scene.until(lambda: orders(zygote))
        zygote.close()
        scene.speakers.close_node(HERE)
        assert scene.told.heard == [("exited", HERE, -signal.SIGKILL)]
        following = scene.call()
        scene.start()
        await asyncio.sleep(0.02)
        assert not orders(following), "its namespace is empty yet"
        scene.speakers.open_node(HERE)
        await scene.until(lambda: orders(following))
        following.send(exited(HERE, 9))
        await scene.until(lambda: len(scene.told.heard) == 2)

    play(story)
