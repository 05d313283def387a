"""Speakers as the supervisor runs them; the zygote and the agents are the test."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from lab.agent.channel import Channel
from lab.bench.line import line_plan
from lab.bgp.speaker import Origination
from lab.errors import BackendError
from lab.plan.types import Speaker
from lab.runtime.forks import Forks
from lab.runtime.netns import NetworkNamespace
from lab.runtime.speakers import Speakers
from lab.runtime.zygote import Start, StartFile, exited

SPEAKER = line_plan(2).speakers[0]
MANY = tuple(Origination(IPv4Network((number << 8, 24))) for number in range(30_000))


class Zygote:
    """The other end: takes orders and plays the agents."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._channels: list[Channel] = []

    async def started(self) -> tuple[Start, Channel]:
        """The next order to start a speaker, and that speaker's channel."""
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, 1 << 16, 4)
                break
            except BlockingIOError:
                await asyncio.sleep(0.001)
        assert isinstance(pickle.loads(data), StartFile)
        with os.fdopen(fds[0], "rb") as file:
            start: Start = pickle.load(file)
        os.close(fds[2])
        os.close(fds[3])
        self._channels.append(Channel(socket.socket(fileno=fds[1])))
        return start, self._channels[-1]

    def ended(self, status: int) -> None:
        self._channels[-1].close()
        self._socket.send(exited(SPEAKER.namespace, status))

    def close(self) -> None:
        for channel in self._channels:
            channel.close()


async def request(channel: Channel) -> dict[str, Any]:
    """What the supervisor asks, answered."""
    while not (asked := channel.receive()):
        await asyncio.sleep(0.001)
    channel.send({"reply": asked[0]["request"], "answer": None})
    return asked[0]


Scenario = Callable[[Speakers, Zygote], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scenario], None]:
    """``play(scenario)``: with one speaker started, in a loop of its own."""

    class Silent:
        def write(self, *_words: Any, **_facts: Any) -> None: ...

    async def run(scenario: Scenario) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        zygote = Zygote(theirs)
        namespace = NetworkNamespace("here", os.open(os.devnull, os.O_RDONLY))
        speakers = Speakers(Forks(ours), Silent())  # type: ignore[arg-type]
        with ours, theirs:
            speakers.start(SPEAKER, namespace, tmp_path / "log")
            await scenario(speakers, zygote)
            asyncio.get_running_loop().remove_reader(ours)
            zygote.close()
            for running in speakers:
                if running.channel is not None:
                    asyncio.get_running_loop().remove_reader(running.channel)
                    running.channel.close()
            os.close(namespace.fd)

    return lambda scenario: asyncio.run(asyncio.wait_for(run(scenario), 20))


def originating(*originations: Origination) -> Speaker:
    return replace(SPEAKER, config=replace(SPEAKER.config, originations=originations))


def test_a_change_larger_than_a_sockets_buffer_arrives(play: Callable[[Scenario], None]) -> None:
    prefixes = [str(each.prefix) for each in MANY]

    async def scenario(speakers: Speakers, zygote: Zygote) -> None:
        _, channel = await zygote.started()
        changing = asyncio.ensure_future(
            speakers.reconfigure(originating(*MANY), "originate", prefixes=prefixes)
        )
        await asyncio.sleep(0)
        asked = await request(channel)
        assert (asked["do"], asked["prefixes"]) == ("originate", prefixes)
        await changing

    play(scenario)


def test_a_speaker_that_ends_is_started_again_with_all_that_it_was_told(
    play: Callable[[Scenario], None],
) -> None:
    changed = originating(*MANY)

    async def scenario(speakers: Speakers, zygote: Zygote) -> None:
        first, channel = await zygote.started()
        assert first.config == SPEAKER.config
        changing = asyncio.ensure_future(speakers.reconfigure(changed, "configure"))
        await asyncio.sleep(0)
        await request(channel)
        await changing
        zygote.ended(9)
        second, _ = await zygote.started()
        assert second.config == changed.config
        assert speakers[SPEAKER.namespace].speaker == changed

    play(scenario)


def test_a_change_that_the_agent_did_not_take_over_holds_from_the_next_start_on(
    play: Callable[[Scenario], None],
) -> None:
    changed = originating()

    async def scenario(speakers: Speakers, zygote: Zygote) -> None:
        await zygote.started()
        changing = asyncio.ensure_future(speakers.reconfigure(changed, "configure"))
        await asyncio.sleep(0)
        zygote.ended(9)
        with pytest.raises(BackendError) as failed:
            await changing
        assert "holds as soon as it runs again" in str(failed.value.hint)
        second, _ = await zygote.started()
        assert second.config == changed.config

    play(scenario)
