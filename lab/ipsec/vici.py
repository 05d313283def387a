"""The one place that speaks vici, charon's control protocol (strongSwan, plugins/vici/README.md).

The client on PyPI blocks its caller and is untyped; the supervisor waits for many charons on one
event loop. A message is a mapping of names to text, lists of text and further mappings.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any

from lab.errors import BackendError

Message = Mapping[str, Any]
OnEvent = Callable[[str, dict[str, Any]], None]

LONGEST_PACKET = 512 * 1024


class Packet(IntEnum):
    """What a packet is: its first byte."""

    CMD_REQUEST = 0
    CMD_RESPONSE = 1
    CMD_UNKNOWN = 2
    EVENT_REGISTER = 3
    EVENT_UNREGISTER = 4
    EVENT_CONFIRM = 5
    EVENT_UNKNOWN = 6
    EVENT = 7


NAMED = frozenset({Packet.CMD_REQUEST, Packet.EVENT_REGISTER, Packet.EVENT_UNREGISTER, Packet.EVENT})


class Element(IntEnum):
    SECTION_START = 1
    SECTION_END = 2
    KEY_VALUE = 3
    LIST_START = 4
    LIST_ITEM = 5
    LIST_END = 6


def encode(message: Message) -> bytes:
    """The message in vici's notation."""
    return b"".join(_encoded(message))


def _encoded(message: Message) -> Iterator[bytes]:
    for name, value in message.items():
        if isinstance(value, Mapping):
            yield bytes([Element.SECTION_START]) + _name(name)
            yield from _encoded(value)
            yield bytes([Element.SECTION_END])
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            yield bytes([Element.LIST_START]) + _name(name)
            yield from (bytes([Element.LIST_ITEM]) + _value(item) for item in value)
            yield bytes([Element.LIST_END])
        else:
            yield bytes([Element.KEY_VALUE]) + _name(name) + _value(value)


def _name(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def _value(value: object) -> bytes:
    data = value if isinstance(value, bytes) else str(value).encode()
    return struct.pack(">H", len(data)) + data


def decode(data: bytes) -> dict[str, Any]:
    """The message; raises ValueError for what is none."""
    reader = _Reader(data)
    message = reader.section()
    if reader.rest:
        raise ValueError("something follows the message")
    return message


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def _take(self, length: int) -> bytes:
        if len(self.rest) < length:
            raise ValueError("the message ends too early")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def _text(self, size: int) -> str:
        return self._take(int.from_bytes(self._take(size), "big")).decode(errors="replace")

    def section(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.rest:
            kind = Element(self._take(1)[0])
            if kind is Element.SECTION_END:
                return found
            name = self._text(1)
            if kind is Element.SECTION_START:
                found[name] = self.section()
            elif kind is Element.KEY_VALUE:
                found[name] = self._text(2)
            elif kind is Element.LIST_START:
                found[name] = list(self._items())
            else:
                raise ValueError(f"{kind.name} out of place")
        return found

    def _items(self) -> Iterator[str]:
        while Element(self._take(1)[0]) is Element.LIST_ITEM:
            yield self._text(2)


def packet(kind: Packet, name: str | None = None, message: Message | None = None) -> bytes:
    """One packet with the transport's length in front."""
    body = bytes([kind]) + (b"" if name is None else _name(name)) + encode(message or {})
    return struct.pack(">I", len(body)) + body


def parse(body: bytes) -> tuple[Packet, str | None, dict[str, Any]]:
    """A packet without its length: what it is, its name if it has one, its message."""
    kind, rest = Packet(body[0]), body[1:]
    name = None
    if kind in NAMED:
        name, rest = rest[1 : 1 + rest[0]].decode(), rest[1 + rest[0] :]
    return kind, name, decode(rest)


class Session:
    """A connection to one charon: commands one at a time, events as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_event: OnEvent) -> None:
        self._reader, self._writer = reader, writer
        self._on_event = on_event
        self._answers: asyncio.Queue[tuple[Packet, dict[str, Any]] | None] = asyncio.Queue()
        self._streams: dict[str, list[dict[str, Any]]] = {}
        self._turn = asyncio.Lock()
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def connect(cls, path: str, on_event: OnEvent) -> Session:
        """Raises OSError while nobody listens there."""
        return cls(*await asyncio.open_unix_connection(path), on_event)

    async def register(self, *events: str) -> None:
        """From now on these go to ``on_event``."""
        for event in events:
            await self._ask(Packet.EVENT_REGISTER, event, {})

    async def command(self, name: str, message: Message | None = None) -> dict[str, Any]:
        """The answer. Raises BackendError when charon refuses or is gone."""
        answer = await self._ask(Packet.CMD_REQUEST, name, message or {})
        if answer.get("success", "yes") != "yes":
            raise BackendError(f"charon refused {name}: {answer.get('errmsg', 'it does not say why')}")
        return answer

    async def streamed(self, name: str, event: str) -> list[dict[str, Any]]:
        """The events a command answers with before it ends."""
        async with self._turn:
            found = self._streams[event] = []
            await self._exchange(Packet.EVENT_REGISTER, event, {})
            await self._exchange(Packet.CMD_REQUEST, name, {})
            await self._exchange(Packet.EVENT_UNREGISTER, event, {})
            del self._streams[event]
            return found

    async def close(self) -> None:
        self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._reading

    async def _ask(self, kind: Packet, name: str, message: Message) -> dict[str, Any]:
        async with self._turn:
            return await self._exchange(kind, name, message)

    async def _exchange(self, kind: Packet, name: str, message: Message) -> dict[str, Any]:
        try:
            self._writer.write(packet(kind, name, message))
            await self._writer.drain()
            answer = await self._answers.get()
        except OSError:
            answer = None
        if answer is None:
            self._answers.put_nowait(None)
            raise BackendError(f"charon is gone while asked to {name}")
        if answer[0] in (Packet.CMD_UNKNOWN, Packet.EVENT_UNKNOWN):
            raise BackendError(f"charon does not know {name}", hint="is the vici plugin of another version?")
        return answer[1]

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(4), "big")
                if length > LONGEST_PACKET:
                    return
                kind, name, message = parse(await self._reader.readexactly(length))
                if kind is not Packet.EVENT:
                    self._answers.put_nowait((kind, message))
                elif name in self._streams:
                    self._streams[name].append(message)
                elif name is not None:
                    self._on_event(name, message)
        except (asyncio.IncompleteReadError, OSError, ValueError):
            return
        finally:
            self._answers.put_nowait(None)
