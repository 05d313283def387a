"""The process of one stream: both of its ends, on one clock, in one loop.

It sends at the pace from both ends and reads what arrives at either, with the kernel's own time of
arrival, so that nothing is measured of its being late. The far end of a port begins when the first
packet reached it, as whoever is called answers, which lets firewalls in between know the connection.
"""

from __future__ import annotations

import math
import pickle
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.errors import BackendError, InputError
from lab.probe.meter import NOTICED_AFTER_S, Meter, Watch, passage
from lab.probe.sending import datagram_socket, source_address, what_is_said
from lab.probe.stamps import Stamps
from lab.probe.stream import DIRECTIONS, Direction, Passage, Stream, StreamReport
from lab.runtime import buffers
from lab.runtime.events import EventLog

SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("=qq")
ANCILLARY = 64
LONGEST = 1 << 16
RECEIVE_BUFFER = 4 << 20
"""Bytes that may wait at either end, so that what comes late and at once is not counted as lost: some 3,000
packets of full size; without root at most what net.core.rmem_max says, twice."""
REPORT, MARK, END = b"report", b"mark", b"end"
MESSAGE = 1 << 16

Peer = tuple[Any, ...]


@dataclass
class Port:
    """One flow: its socket at the source, what each direction shows, and where the far end answers."""

    near: socket.socket
    meters: dict[Direction, Meter]
    caller: Peer | None = None


def near_sockets(stream: Stream, first_port: int) -> list[socket.socket]:
    """The sockets at the source, in the namespace of this process.

    All of a stream keep the address they begin with, as a connection does. Raises BackendError when
    there is no way, InputError for an address or a port that cannot be had.
    """
    try:
        address = stream.source_address or source_address(stream.destination)
    except OSError as error:
        raise BackendError(
            f"{stream.source} cannot send to {stream.destination}: {error.strerror}",
            hint="a flow begins where there is a way; claim with `reach` that there is one",
        ) from None
    return [bound_socket(stream, str(address), first_port + number) for number in range(stream.ports)]


def bound_socket(stream: Stream, address: str, port: int) -> socket.socket:
    """A socket that is told when its packets arrived. Raises InputError."""
    sock = datagram_socket(stream.destination.version)
    buffers.enlarge(sock, RECEIVE_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        raise InputError(
            f"flow {stream.name}: UDP port {port} of {address} cannot be had: {error.strerror}"
        ) from None
    return sock


@dataclass
class StreamProcess:
    """``endings`` are descriptors that become readable when nobody needs the stream any more."""

    stream: Stream
    near: list[socket.socket]
    far: socket.socket
    far_address: Peer
    boss: socket.socket
    endings: tuple[int, ...]
    events: EventLog
    stamps: Stamps = field(init=False)

    def __post_init__(self) -> None:
        self.stamps = Stamps(self.stream)
        self._ports = [Port(sock, {each: Meter() for each in DIRECTIONS}) for sock in self.near]
        self._watches = {direction: Watch() for direction in DIRECTIONS}
        self._by_fd = {port.near.fileno(): port for port in self._ports}
        self._started = self._marked = time.monotonic()
        self._asked: float | None = None
        self._answer_at = math.inf
        self._refused: dict[Direction, str] = {}

    def run(self) -> None:
        """Until told to end, or until one of the ``endings``."""
        poll = select.poll()
        for fd in (self.far.fileno(), self.boss.fileno(), *self._by_fd, *self.endings):
            poll.register(fd, select.POLLIN)
        self.events.write("flow-started", self.stream.source, **self._name())
        due = self._started
        while True:
            ready = {fd for fd, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000)}
            self._receive(ready)
            if not ready.isdisjoint(self.endings):
                break
            if self.boss.fileno() in ready and not self._obey():
                break
            if time.monotonic() >= due:
                due = self._tick(due)
            self._answer()
        self._write_end()

    # Sending.

    def _tick(self, due: float) -> float:
        """One packet of every port, each way; when the next ones are due. What is late is not made up
        for."""
        for number, port in enumerate(self._ports):
            self._send("forward", number, port.near, self.far_address)
            if port.caller is not None:
                self._send("return", number, self.far, port.caller)
        now = time.monotonic()
        self._look_for_silence(now)
        if self._asked is not None:
            self._answer_at = min(self._answer_at, now + NOTICED_AFTER_S)
        missed = max(0, int((now - due) / self.stream.pace))
        return due + (missed + 1) * self.stream.pace

    def _send(self, direction: Direction, number: int, sock: socket.socket, peer: Peer) -> None:
        """What the kernel refuses to send is sent and lost: its route may be gone just now."""
        now = time.monotonic()
        meter = self._ports[number].meters[direction]
        datagram = self.stamps.datagram(direction, number, meter.sent(now), now)
        try:
            sock.sendto(datagram, socket.MSG_DONTWAIT, peer)
        except OSError as error:
            self._refused[direction] = what_is_said(error)

    # Receiving.

    def _receive(self, ready: set[int]) -> None:
        if self.far.fileno() in ready:
            self._read_all(self.far, self._arrived_there)
        for fd in ready & self._by_fd.keys():
            self._read_all(self._by_fd[fd].near, self._came_back)

    def _read_all(self, sock: socket.socket, take: Callable[[bytes, float, Peer], None]) -> None:
        while True:
            try:
                data, ancillary, _, peer = sock.recvmsg(LONGEST, ANCILLARY, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            take(data, _arrival(ancillary), peer)

    def _arrived_there(self, data: bytes, moment: float, peer: Peer) -> None:
        stamped = self.stamps.read("forward", data)
        if stamped is not None:
            port = self._ports[stamped.flow]
            port.caller = peer
            port.meters["forward"].arrived(stamped.number, moment)

    def _came_back(self, data: bytes, moment: float, _peer: Peer) -> None:
        stamped = self.stamps.read("return", data)
        if stamped is not None:
            self._ports[stamped.flow].meters["return"].arrived(stamped.number, moment)

    # Reporting.

    def _obey(self) -> bool:
        """Do what is asked; False when it is to end."""
        message = self.boss.recv(MESSAGE)
        if message == REPORT:
            self._asked, self._answer_at = time.monotonic(), math.inf
        elif message == MARK:
            self._marked = time.monotonic()
            self._refused.clear()
            for meter in self._meters():
                meter.cut()
            self.boss.send(MARK)
        return message in (REPORT, MARK)

    def _answer(self) -> None:
        """Once it can be told what flows: a packet that was sent since the question has arrived on
        every port both ways, or on one of them none has for too long."""
        if self._asked is None:
            return
        now = time.monotonic()
        if now < self._answer_at and not all(meter.flows_since(self._asked) for meter in self._meters()):
            return
        self._asked = None
        self.boss.send(pickle.dumps(self._report(now)))

    def _report(self, now: float) -> StreamReport:
        def passages(tally: Callable[[Meter], Any]) -> dict[Direction, Passage]:
            return {
                direction: passage(meters, [tally(meter) for meter in meters], now)
                for direction, meters in ((each, self._meters_of(each)) for each in DIRECTIONS)
            }

        return StreamReport(
            self.stream,
            self._started,
            self._marked,
            now,
            total=passages(lambda meter: meter.total(now)),
            recent=passages(lambda meter: meter.recent(now)),
            refused=dict(self._refused),
        )

    def _meters(self) -> list[Meter]:
        return [meter for port in self._ports for meter in port.meters.values()]

    def _meters_of(self, direction: Direction) -> list[Meter]:
        return [port.meters[direction] for port in self._ports]

    # Events.

    def _look_for_silence(self, now: float) -> None:
        for direction, watch in self._watches.items():
            news = watch.look(self._meters_of(direction), now)
            if news is None:
                continue
            facts = self._name() | {"direction": direction}
            if news.ended is None:
                self.events.write("flow-silent", self.stream.source, at=news.start, **facts)
            else:
                seconds = round(news.ended - news.start, 3)
                self.events.write("flow-heard", self.stream.source, at=news.ended, **facts, seconds=seconds)

    def _write_end(self) -> None:
        total = self._report(time.monotonic()).total
        lost = {direction: total[direction].tally.lost for direction in DIRECTIONS}
        self.events.write("flow-ended", self.stream.source, **self._name(), lost=lost)

    def _name(self) -> dict[str, Any]:
        return {"flow": self.stream.name, "destination": str(self.stream.destination)}


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel had the packet, on the monotonic clock. It tells wall time, which may be set at
    any moment; how long ago that was may not."""
    now = time.monotonic()
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = TIMESPEC.unpack_from(data)
            age_ns = time.clock_gettime_ns(time.CLOCK_REALTIME) - seconds * 1_000_000_000 - nanoseconds
            return float(now - age_ns / 1e9)
    return now
