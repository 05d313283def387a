"""The speakers of a running lab: starting them, asking them, starting them again.

A zygote forks them; each is reached over a channel of its own. A speaker that ends without
being asked to is started again, after a pause that doubles up to a limit.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.agent.channel import Channel, ChannelClosedError
from lab.errors import BackendError
from lab.fault.effects import Halt
from lab.plan.render.exabgp import render_speaker
from lab.plan.types import Speaker
from lab.runtime.events import EventLog
from lab.runtime.forks import SpeakerHost
from lab.runtime.halting import STATES, end_of, ends, press, restarts, strongest
from lab.runtime.netns import NetworkNamespace
from lab.runtime.zygote import Start
from lab.timing import AGENT_ANSWER, Backoff

STABLE_S = 30.0
"""A speaker that ran this long starts with the shortest pause again."""


@dataclass
class RunningSpeaker:
    """One speaker's process, or the pause before the next one."""

    speaker: Speaker
    namespace: NetworkNamespace
    log: Path
    channel: Channel | None = None
    pid: int | None = None
    started_at: float = 0.0
    pauses: Backoff = field(default_factory=restarts)
    restart: asyncio.TimerHandle | None = None
    halt: Halt | None = None
    """How a fault keeps it from doing anything."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.speaker.namespace

    @property
    def state(self) -> str:
        if self.halt is not None:
            return STATES[self.halt]
        return "running" if self.pid is not None else "restarting"

    @property
    def answering(self) -> bool:
        return self.channel is not None and self.halt is not Halt.FREEZE


class Speakers:
    """All speakers of the lab, on one event loop."""

    def __init__(self, host: SpeakerHost, events: EventLog) -> None:
        self._host = host
        self._events = events
        self._all: dict[str, RunningSpeaker] = {}
        self._next_request = 0
        self.complete: set[tuple[str, str]] = set()
        """(namespace, neighbour) of each session whose peer has sent its end-of-RIB."""
        self.changed = asyncio.Event()
        """Set whenever ``complete`` grows."""
        self._loop = asyncio.get_running_loop()
        host.tell(self)

    def __getitem__(self, namespace: str) -> RunningSpeaker:
        return self._all[namespace]

    def __contains__(self, namespace: str) -> bool:
        return namespace in self._all

    def __iter__(self) -> Iterator[RunningSpeaker]:
        return iter(self._all.values())

    def start(self, speaker: Speaker, namespace: NetworkNamespace, log: Path) -> None:
        running = RunningSpeaker(speaker, namespace, log)
        self._all[speaker.namespace] = running
        self._start(running)

    async def reconfigure(self, speaker: Speaker, do: str, **details: Any) -> None:
        """From now on ``speaker`` is what runs in its namespace, also when its process is started
        again; its agent is told by ``do``. Raises BackendError when it has not taken that over. One that
        a fault holds takes it over when it runs again."""
        running = self._all[speaker.namespace]
        running.speaker = speaker
        if running.halt is not None:
            self._send_when_thawed(running, do, details)
            return
        try:
            await self.ask(speaker.namespace, do, **details)
        except BackendError as error:
            hint = f"the change holds as soon as it runs again; see {running.log}"
            raise BackendError(error.message, hint=hint) from None

    async def ask(self, namespace: str, do: str, **details: Any) -> Any:
        """The answer of a speaker's agent. Raises BackendError when there is none."""
        running = self._all[namespace]
        if not running.answering:
            state = "not running" if running.halt is None else STATES[running.halt]
            raise BackendError(f"{namespace}: its BGP daemon is {state}", hint=f"see {running.log}")
        self._next_request += 1
        number = self._next_request
        future = running.answers[number] = self._loop.create_future()
        try:
            self._send(running, {"request": number, "do": do, **details})
            return await asyncio.wait_for(future, AGENT_ANSWER.seconds)
        except (TimeoutError, ChannelClosedError):
            raise BackendError(
                f"{namespace}: its BGP daemon does not answer ({AGENT_ANSWER.name})",
                hint=f"see {running.log}",
            ) from None
        finally:
            running.answers.pop(number, None)

    async def statuses(self, among: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
        """Every speaker's status, or of some, by namespace; a speaker that is down has none."""
        chosen = self if among is None else [self._all[name] for name in among]
        names = [running.name for running in chosen if running.answering]
        answers = await asyncio.gather(*(self.ask(name, "status") for name in names), return_exceptions=True)
        return {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, dict)}

    async def hold(self, namespace: str, halts: Collection[Halt]) -> None:
        """Keep its daemon from doing anything in these ways, or in none any more.

        One that has ended stays so until none is left. Returns when it is as wanted; raises
        BackendError when it does not end.
        """
        running = self._all[namespace]
        before, running.halt = running.halt, strongest(halts, running.halt)
        if running.restart is not None:
            running.restart.cancel()
            running.restart = None
        running.ended.clear()
        press(running.pid, before, running.halt)
        if running.halt is None and running.channel is None and running.pid is None:
            self._start(running)
        if ends(running.halt) and running.pid is not None:
            await end_of(f"{namespace}: its BGP daemon", running.ended)

    def _send(self, running: RunningSpeaker, message: dict[str, Any]) -> None:
        assert running.channel is not None
        if not running.channel.send(message):
            self._loop.add_writer(running.channel, self._flush, running, running.channel)

    def _send_when_thawed(self, running: RunningSpeaker, do: str, details: dict[str, Any]) -> None:
        """A frozen agent finds it in its socket; one that has ended starts with it."""
        if running.channel is not None:
            self._next_request += 1
            self._send(running, {"request": self._next_request, "do": do, **details})

    def _start(self, running: RunningSpeaker) -> None:
        running.restart = None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        log = os.open(running.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        start = Start(running.name, running.speaker.config, render_speaker(running.speaker.config))
        self._host.start(start, running.namespace, theirs.fileno(), log)
        theirs.close()
        os.close(log)
        running.channel = Channel(ours)
        running.started_at = self._loop.time()
        self._loop.add_reader(ours, self._on_channel, running, running.channel)

    # What the host says (forks.Told).

    def started(self, name: str, pid: int) -> None:
        self._all[name].pid = pid
        self._events.write("daemon-started", name, daemon="exabgp", pid=pid)
        press(pid, None, self._all[name].halt)

    def forsaken(self) -> None:
        self._events.write("zygote-died", text="BGP daemons that die are not started again")

    def exited(self, name: str, code: int) -> None:
        running = self._all[name]
        running.pid = None
        running.ended.set()
        if running.channel is not None:
            self._drop_channel(running, running.channel)
        if ends(running.halt):
            self._events.write("daemon-halted", running.name, daemon="exabgp", status=_exit_text(code))
            return
        if self._loop.time() - running.started_at > STABLE_S:
            running.pauses = restarts()
        pause = running.pauses.next()
        self._events.write(
            "daemon-died", running.name, daemon="exabgp", status=_exit_text(code), restart_in_s=pause
        )
        running.restart = self._loop.call_later(pause, self._start, running)

    def _flush(self, running: RunningSpeaker, channel: Channel) -> None:
        try:
            if channel.flush():
                self._loop.remove_writer(channel)
        except ChannelClosedError:
            self._drop_channel(running, channel)

    def _on_channel(self, running: RunningSpeaker, channel: Channel) -> None:
        try:
            messages = channel.receive()
        except ChannelClosedError:
            self._drop_channel(running, channel)
            return
        for message in messages:
            if "event" in message:
                self._on_event(running, message["event"])
                continue
            future = running.answers.get(message["reply"])
            if future is None or future.done():
                continue
            if "error" in message:
                future.set_exception(BackendError(f"{running.name}: {message['error']}"))
            else:
                future.set_result(message["answer"])

    def _on_event(self, running: RunningSpeaker, event: dict[str, Any]) -> None:
        kind = event.pop("kind")
        if kind == "end-of-rib":
            self.complete.add((running.name, event["neighbor"]))
            self.changed.set()
        elif kind == "session-down":
            self.complete.discard((running.name, event["neighbor"]))
        self._events.write(kind, running.name, at=event.pop("time"), **event)

    def _drop_channel(self, running: RunningSpeaker, channel: Channel) -> None:
        if running.channel is not channel:
            return
        self._loop.remove_reader(channel)
        self._loop.remove_writer(channel)
        channel.close()
        running.channel = None
        for future in running.answers.values():
            if not future.done():
                future.set_exception(BackendError(f"{running.name}: its BGP daemon ended"))


def _exit_text(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit {code}"
