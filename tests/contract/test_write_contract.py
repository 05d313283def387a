"""Messages of one BGP session over a real socket whose buffer is full most of the time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from exabgp.bgp.message import KeepAlive
from exabgp.protocol.family import AFI
from exabgp.reactor.network.connection import Connection

from lab.agent.bridge import prepare_exabgp

UPDATE = b"\xff" * 16 + (4096).to_bytes(2, "big") + b"\2" + b"u" * 4077
KEEPALIVE = bytes(KeepAlive().message())
ROUNDS = 10_000
"""More than any test here needs; a writer that never ends is a failure."""


class Wire:
    """A connection of ExaBGP's, and the far end that reads when it is told to."""

    def __init__(self) -> None:
        prepare_exabgp()
        near, self.far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        near.setblocking(False)
        self.far.setblocking(False)
        self.connection: Any = Connection(AFI.ipv4, "192.0.2.2", "192.0.2.1")
        self.connection.io = near
        self.received = b""

    def read(self) -> None:
        """All there is, which makes room for more."""
        with suppress(BlockingIOError):
            while True:
                self.received += self.far.recv(1 << 16)


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    with made.far:
        yield made
        made.connection.close()


def fill(wire: Wire, message: bytes) -> Iterator[bool]:
    """A writer that has sent a part of its message and cannot go on."""
    writer: Iterator[bool] = wire.connection.writer(message)
    for _ in range(10):
        assert next(writer) is False
    return writer


def drive(wire: Wire, *writers: Iterator[bool]) -> None:
    """Each in its turn goes on by a step, whenever the far end has made room."""
    left = list(writers)
    for _ in range(ROUNDS):
        wire.read()
        left = [writer for writer in left if not next(writer, True)]
        if not left:
            break
    assert not left
    wire.read()


def test_a_keepalive_does_not_interrupt_an_update(wire: Wire) -> None:
    updates = 20 * UPDATE
    update = fill(wire, updates)
    drive(wire, wire.connection.writer(KEEPALIVE), update)
    assert wire.received == updates + KEEPALIVE


def test_a_message_that_nobody_goes_on_with_is_ended_by_the_next(wire: Wire) -> None:
    """As when a session is torn down in the middle of an UPDATE: a notification follows."""
    updates = 20 * UPDATE
    fill(wire, updates)
    drive(wire, wire.connection.writer(KEEPALIVE))
    assert wire.received == updates + KEEPALIVE


def test_a_connection_that_is_gone_takes_its_messages_along(wire: Wire) -> None:
    update = fill(wire, 20 * UPDATE)
    keepalive = wire.connection.writer(KEEPALIVE)
    assert next(keepalive) is False
    wire.connection.close()
    assert (list(update), list(keepalive)) == ([True], [True])
