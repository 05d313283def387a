"""Both ends of a transfer in one loop: what is written at one is read at the other, and compared.

The ends are sockets that were made in their nodes, so nothing of ours runs there, and nothing is left there
when the loop ends, whatever ends it: a socket is closed by a RST, which throws away what it has not sent, and
keeps no port in TIME_WAIT (``SO_LINGER``, socket(7)).
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

from lab.probe.sending import what_is_said
from lab.probe.transfer import MADE, Connection, Fate, Transfer, TransferResult
from lab.timing import TRANSFER, TRANSFER_SILENCE

PIECE = 1 << 18
AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER."""
SIOCOUTQNSD = 0x894B
"""Bytes of a socket that were never sent (linux/sockios.h)."""
RETRANSMITTED = struct.Struct("=100xI")
"""``tcpi_total_retrans`` in a tcp_info (linux/tcp.h)."""


@dataclass
class Carried:
    """One connection: what its near end wrote, what its far end read, and since when nothing got through."""

    near: socket.socket
    number: int
    length: int
    heard: float
    fate: Fate | None = None
    reason: str | None = None
    connected: bool = False
    written: int = 0
    arrived: int = 0
    rest: memoryview = field(default_factory=lambda: memoryview(b""))
    sent_sum: hashlib.blake2b = field(default_factory=hashlib.blake2b)
    arrived_sum: hashlib.blake2b = field(default_factory=hashlib.blake2b)

    def end(self, fate: Fate, reason: str | None = None) -> None:
        """The first end it comes to counts."""
        if self.fate is None:
            self.fate, self.reason = fate, reason

    def write(self) -> None:
        """As much as the kernel takes. Raises OSError."""
        if not self.rest:
            self.rest = memoryview(self._piece())
        count = self.near.send(self.rest)
        self.sent_sum.update(self.rest[:count])
        self.rest = self.rest[count:]
        self.written += count

    def read(self, data: memoryview) -> None:
        self.arrived_sum.update(data)
        self.arrived += len(data)

    @property
    def is_intact(self) -> bool:
        same = self.sent_sum.digest() == self.arrived_sum.digest()
        return self.written == self.arrived == self.length and same

    def _piece(self) -> bytes:
        """What nobody can guess, so that it was not made up on the way. The first byte tells the far end
        whose it is, for who translates addresses may change ports."""
        left = min(PIECE, self.length - self.written)
        return os.urandom(left) if self.written else bytes([self.number]) + os.urandom(left - 1)

    def result(self) -> Connection:
        assert self.fate is not None
        if self.fate not in MADE:
            return Connection(self.fate, reason=self.reason)
        (unsent,) = struct.unpack("i", ioctl(self.near, SIOCOUTQNSD, bytes(4)))
        info = self.near.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, RETRANSMITTED.size)
        return Connection(
            self.fate,
            sent=self.written - unsent,
            arrived=self.arrived,
            segment=self.near.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG),
            resent=RETRANSMITTED.unpack(info)[0],
            reason=self.reason,
        )


class Carrying:
    """A transfer over sockets of its nodes: one that listens, and bound ones that are to be connected."""

    def __init__(self, what: Transfer, listener: socket.socket, nears: Sequence[socket.socket]) -> None:
        self._listener = listener
        self._address = listener.getsockname()
        self._started = time.monotonic()
        self._all = [Carried(near, number, what.length, self._started) for number, near in enumerate(nears)]
        self._buffer = memoryview(bytearray(PIECE))

    def run(self) -> TransferResult:
        """Until all have ended: each when it is done, or got nothing through for ``TRANSFER_SILENCE``."""
        with ExitStack() as self._opened, DefaultSelector() as self._selector:
            self._watch(self._listener, EVENT_READ, self._accept)
            for one in self._all:
                self._connect(one)
            while waiting := [one for one in self._all if one.fate is None]:
                self._give_up(waiting)
                pause = min(one.heard for one in waiting) + TRANSFER_SILENCE.seconds - time.monotonic()
                for key, _ in self._selector.select(max(0.0, pause)):
                    key.data()
            seconds = time.monotonic() - self._started
            return TransferResult(tuple(one.result() for one in self._all), seconds)

    def _watch(self, sock: socket.socket, what: int, then: Callable[[], None]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._selector.register(sock, what, then)

    def _give_up(self, waiting: Sequence[Carried]) -> None:
        now = time.monotonic()
        for one in waiting:
            if now - one.heard >= TRANSFER_SILENCE.seconds:
                one.end(Fate.STALLED if one.connected else Fate.UNANSWERED)
            elif now - self._started >= TRANSFER.seconds:
                one.end(Fate.UNFINISHED)

    # The near ends.

    def _connect(self, one: Carried) -> None:
        self._watch(one.near, EVENT_WRITE, lambda: self._go_on(one))
        try:
            one.near.connect(self._address)
        except BlockingIOError:
            pass
        except OSError as error:
            self._selector.unregister(one.near)
            one.end(Fate.REFUSED, what_is_said(error))

    def _go_on(self, one: Carried) -> None:
        """It is connected, or cannot be; or there is room for more."""
        if not one.connected:
            code = one.near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._selector.unregister(one.near)
                one.end(Fate.REFUSED, os.strerror(code))
                return
            one.connected, one.heard = True, time.monotonic()
        try:
            one.write()
        except BlockingIOError:
            return
        except OSError as error:
            self._selector.unregister(one.near)
            one.end(Fate.BROKEN, what_is_said(error))
            return
        if one.written == one.length:
            self._selector.modify(one.near, EVENT_READ, lambda: self._hear(one))
            with suppress(OSError):  # one that is over by now is heard of
                one.near.shutdown(socket.SHUT_WR)

    def _hear(self, one: Carried) -> None:
        """There is nothing to read here but that it is over."""
        self._selector.unregister(one.near)
        code = one.near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        one.end(Fate.BROKEN, os.strerror(code) if code else None)

    # The far ends.

    def _accept(self) -> None:
        far, _ = self._listener.accept()
        self._opened.enter_context(far)
        self._watch(far, EVENT_READ, lambda: self._identify(far))

    def _identify(self, far: socket.socket) -> None:
        """By the first byte. Somebody else's, or one that ends at once, is nobody's here."""
        try:
            number = far.recv(1, socket.MSG_PEEK)[0]
            one = self._all[number]
        except (OSError, IndexError):
            self._selector.unregister(far)
            return
        self._selector.modify(far, EVENT_READ, lambda: self._take(one, far))

    def _take(self, one: Carried, far: socket.socket) -> None:
        try:
            count = far.recv_into(self._buffer)
        except OSError as error:
            self._selector.unregister(far)
            one.end(Fate.BROKEN, what_is_said(error))
            return
        one.heard = time.monotonic()
        one.read(self._buffer[:count])
        if not count:
            self._selector.unregister(far)
            one.end(Fate.INTACT if one.is_intact else Fate.ALTERED)
