"""The keys of the lab's associations, for whoever asks and for as long as they listen.

Nobody has keys that nobody asked for. When the first listener comes, one charon of every tunnel is told
to log them into a pipe that this process reads, and to make new ones, because those it has it tells
nobody. When the last listener is gone, so are the pipes and all that came out of them. Nothing is written
to a file here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterable

from lab.errors import BackendError, InputError
from lab.ipsec import charon, keys, wireshark
from lab.ipsec.keys import KeyLog, Keys
from lab.runtime.tunnel_end import RunningEnd
from lab.runtime.tunnels import Tunnels
from lab.timing import KEYS_KNOWN, Backoff

PIECE = 1 << 16


class KeyFeed:
    """Who listens, and what there is to hear: a line of JSON with ``table`` and ``row`` of Wireshark's
    for each direction of ESP and each IKE association."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels
        self._listeners: set[socket.socket] = set()
        self._pipes: list[_Pipe] = []
        self._lines: list[bytes] = []
        self._turn = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None

    async def listen(self) -> tuple[list[str], int]:
        """A sentence for each tunnel whose keys are not known after all, and a descriptor for the
        listener: keys come out of it, and closing it ends the matter. Raises InputError."""
        if not self._tunnels.ends:
            raise InputError("this lab has no tunnels, so there are no keys")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._listeners.add(ours)
        self._tell(ours, b"".join(self._lines))
        asyncio.get_running_loop().add_reader(ours, self._forget, ours)
        async with self._turn:
            if not self._pipes:
                await self._open()
            missing = await self._until_known()
        return missing, theirs.detach()

    async def _open(self) -> None:
        self._pipes = [_Pipe(running, self._note) for running in await _one_of_each(self._tunnels.ends)]
        for pipe in self._pipes:
            with contextlib.suppress(BackendError):  # a charon that is dead starts with the settings
                await pipe.open()

    async def _until_known(self) -> list[str]:
        loop, backoff = asyncio.get_running_loop(), Backoff()
        deadline = loop.time() + KEYS_KNOWN.seconds
        while True:
            unknown = [pipe.running.end.name for pipe in self._pipes if not await pipe.renew()]
            if not unknown or loop.time() > deadline:
                limit = f"{KEYS_KNOWN.seconds:g} s ({KEYS_KNOWN.name})"
                return [f"tunnel {name}: no new keys within {limit}" for name in unknown]
            await asyncio.sleep(backoff.next())

    def _note(self, found: Keys) -> None:
        row = wireshark.row(found)
        if row is None:
            return
        line = json.dumps({"table": row[0], "row": row[1]}).encode() + b"\n"
        self._lines.append(line)
        for listener in list(self._listeners):
            self._tell(listener, line)

    def _tell(self, listener: socket.socket, data: bytes) -> None:
        """Who does not keep up is no listener any more."""
        try:
            if listener.send(data) < len(data):
                self._forget(listener)
        except OSError:
            self._forget(listener)

    def _forget(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(listener)
        self._listeners.discard(listener)
        listener.close()
        if not self._listeners:
            self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        async with self._turn:
            if self._listeners:
                return
            pipes, self._pipes, self._lines = self._pipes, [], []
            for pipe in pipes:
                await pipe.close()


class _Pipe:
    """One charon's log of keys."""

    def __init__(self, running: RunningEnd, note: Callable[[Keys], None]) -> None:
        self.running = running
        self._note = note
        self._log = KeyLog()
        self._rest = b""
        self._path = running.folder / keys.PIPE
        self._settings = (running.folder / charon.SETTINGS).read_text()
        self._asked: list[dict[str, str]] = []

    async def open(self) -> None:
        """Raises BackendError when charon is gone."""
        os.mkfifo(self._path, 0o600)
        # For writing too, so that it never ends: charon opens and closes it as its settings say.
        self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        await self._set(keys.with_logger(self._settings))

    async def close(self) -> None:
        with contextlib.suppress(BackendError):
            await self._set(self._settings)
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._path.unlink()

    async def renew(self) -> bool:
        """Ask once for new keys of each association whose keys are not known; whether there is none."""
        wanted = keys.renewals(await _listed(self.running), self._log.known)
        for what in wanted:
            if what not in self._asked and self.running.session is not None:
                with contextlib.suppress(BackendError):  # it is not there any more: the next look tells
                    await self.running.session.command("rekey", what)
                    self._asked.append(what)
        return not wanted

    async def _set(self, settings: str) -> None:
        (self.running.folder / charon.SETTINGS).write_text(settings)
        if self.running.session is not None and self.running.halt is None:
            await self.running.session.command("reload-settings")

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._fd, PIECE)).split(b"\n")
        for line in lines:
            found = self._log.read(line.decode(errors="replace"))
            if found is not None:
                self._note(found)


async def _one_of_each(ends: Iterable[RunningEnd]) -> list[RunningEnd]:
    """An end of each tunnel: both have the same keys, and who began it proposes what the other takes."""
    chosen: dict[str, RunningEnd] = {}
    for running in ends:
        if running.end.name not in chosen or keys.begun_here(await _listed(running)):
            chosen[running.end.name] = running
    return list(chosen.values())


async def _listed(running: RunningEnd) -> keys.Listed:
    """Its associations; none while its charon is gone or halted."""
    if running.session is None or running.halt is not None:
        return []
    try:
        return await running.session.streamed("list-sas", "list-sa")
    except BackendError:
        return []
