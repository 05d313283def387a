"""vici: the notation, and a session with a charon played by the test over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import BackendError
from lab.ipsec.vici import Packet, Session, decode, encode, packet, parse

README_MESSAGE = {
    "key1": "value1",
    "section1": {"sub-section": {"key2": "value2"}, "list1": ["item1", "item2"]},
}
README_BYTES = bytes.fromhex(
    "03 046b657931 0006 76616c756531"
    "01 0873656374696f6e31"
    "01 0b7375622d73656374696f6e"
    "03 046b657932 0006 76616c756532"
    "02"
    "04 056c69737431 05 0005 6974656d31 05 0005 6974656d32 06"
    "02"
)
"""The example of the protocol's description, octet by octet."""

names = st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=20)
values = st.text(max_size=40)
messages = st.recursive(
    st.dictionaries(names, values | st.lists(values, max_size=4), max_size=4),
    lambda inner: st.dictionaries(names, values | st.lists(values, max_size=4) | inner, max_size=4),
    max_leaves=12,
)


def test_the_example_of_the_description() -> None:
    assert encode(README_MESSAGE) == README_BYTES
    assert decode(README_BYTES) == README_MESSAGE


@given(messages)
def test_what_is_encoded_comes_back(message: dict[str, Any]) -> None:
    assert decode(encode(message)) == message


@given(messages, st.integers(min_value=0))
def test_a_message_cut_short_is_an_error_or_a_shorter_message(message: dict[str, Any], at: int) -> None:
    data = encode(message)
    cut = data[: at % (len(data) + 1)]
    try:
        decode(cut)
    except ValueError:
        return
    assert len(cut) <= len(data)


def test_a_packet_carries_its_length_kind_and_name() -> None:
    data = packet(Packet.CMD_REQUEST, "version")
    assert data == b"\0\0\0\x09\0\x07version"
    assert parse(data[4:]) == (Packet.CMD_REQUEST, "version", {})


class Charon:
    """The other end: answers from a script, and says what it was asked."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.asked: list[tuple[Packet, str | None, dict[str, Any]]] = []

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)

    async def hear(self) -> tuple[Packet, str | None, dict[str, Any]]:
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        self.asked.append(parse(await self._reader.readexactly(length)))
        return self.asked[-1]

    def say(self, kind: Packet, name: str | None = None, message: dict[str, Any] | None = None) -> None:
        self._writer.write(packet(kind, name, message))

    def fall_silent(self) -> None:
        """It still listens, and nothing will ever come."""
        self._writer.write_eof()

    def hang_up(self) -> None:
        self._writer.close()


Play = Callable[[Session, Charon], Awaitable[None]]


def played(play: Play) -> tuple[Charon, list[tuple[str, dict[str, Any]]]]:
    """Run both ends to the play's end; the charon and the events the session reported."""
    events: list[tuple[str, dict[str, Any]]] = []

    async def run() -> Charon:
        ours, theirs = socket.socketpair()
        charon = Charon(theirs)
        await charon.open()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        session = Session(reader, writer, lambda name, facts: events.append((name, facts)))
        try:
            await asyncio.wait_for(play(session, charon), 10)
        finally:
            await session.close()
            charon.hang_up()
        return charon

    return asyncio.run(run()), events


def test_a_command_gets_its_answer() -> None:
    async def play(session: Session, charon: Charon) -> None:
        answer = asyncio.ensure_future(session.command("version", {"a": "b"}))
        assert await charon.hear() == (Packet.CMD_REQUEST, "version", {"a": "b"})
        charon.say(Packet.CMD_RESPONSE, message={"version": "5.9.8"})
        assert await answer == {"version": "5.9.8"}

    played(play)


def test_commands_wait_for_their_turn() -> None:
    async def play(session: Session, charon: Charon) -> None:
        both = [asyncio.ensure_future(session.command(name)) for name in ("one", "two")]
        for name in ("one", "two"):
            assert (await charon.hear())[1] == name
            charon.say(Packet.CMD_RESPONSE, message={"to": name})
        assert await asyncio.gather(*both) == [{"to": "one"}, {"to": "two"}]

    played(play)


def test_events_come_between_questions_and_answers() -> None:
    async def play(session: Session, charon: Charon) -> None:
        registered = asyncio.ensure_future(session.register("log"))
        assert (await charon.hear())[:2] == (Packet.EVENT_REGISTER, "log")
        charon.say(Packet.EVENT_CONFIRM)
        await registered
        answer = asyncio.ensure_future(session.command("stats"))
        await charon.hear()
        charon.say(Packet.EVENT, "log", {"msg": "hello"})
        charon.say(Packet.CMD_RESPONSE)
        await answer

    _, events = played(play)
    assert events == [("log", {"msg": "hello"})]


def test_a_streamed_command_collects_its_events_and_no_others() -> None:
    async def play(session: Session, charon: Charon) -> None:
        listed = asyncio.ensure_future(session.streamed("list-sas", "list-sa"))
        await charon.hear()
        charon.say(Packet.EVENT_CONFIRM)
        await charon.hear()
        charon.say(Packet.EVENT, "list-sa", {"a": {}})
        charon.say(Packet.EVENT, "log", {"msg": "x"})
        charon.say(Packet.EVENT, "list-sa", {"b": {}})
        charon.say(Packet.CMD_RESPONSE)
        assert (await charon.hear())[0] is Packet.EVENT_UNREGISTER
        charon.say(Packet.EVENT_CONFIRM)
        assert await listed == [{"a": {}}, {"b": {}}]

    _, events = played(play)
    assert events == [("log", {"msg": "x"})]


@pytest.mark.parametrize(
    ("kind", "message", "text"),
    [
        (Packet.CMD_RESPONSE, {"success": "no", "errmsg": "no such thing"}, "no such thing"),
        (Packet.CMD_UNKNOWN, {}, "does not know load-conn"),
    ],
)
def test_a_refusal_is_told(kind: Packet, message: dict[str, Any], text: str) -> None:
    async def play(session: Session, charon: Charon) -> None:
        answer = asyncio.ensure_future(session.command("load-conn"))
        await charon.hear()
        charon.say(kind, message=message)
        with pytest.raises(BackendError, match=text):
            await answer

    played(play)


@pytest.mark.parametrize("end", [Charon.hang_up, Charon.fall_silent])
def test_a_charon_that_dies_leaves_nobody_waiting(end: Callable[[Charon], None]) -> None:
    async def play(session: Session, charon: Charon) -> None:
        answer = asyncio.ensure_future(session.command("stats"))
        await charon.hear()
        end(charon)
        for _ in range(2):
            with pytest.raises(BackendError, match="gone"):
                await answer
            answer = asyncio.ensure_future(session.command("stats"))
        with pytest.raises(BackendError):
            await answer

    played(play)
