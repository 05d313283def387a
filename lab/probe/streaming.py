"""The streams of a running lab: each a process of ours that has joined it, and ends with us or with it."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from lab.errors import BackendError, InputError, LabError, from_json, to_json
from lab.plan.queries import owner
from lab.plan.types import Plan
from lab.probe.child import in_child_with_fds
from lab.probe.joining import join
from lab.probe.stream import FIRST_PORT, MOST_PORTS, Stream, StreamReport
from lab.probe.stream_process import END, MARK, MESSAGE, REPORT, StreamProcess, bound_socket, near_sockets
from lab.runtime import syscalls
from lab.runtime.control import Control
from lab.runtime.events import EventLog
from lab.timing import STREAM_ANSWER

PROCESS_NAME = "mseelab-flow"
POLITE = (signal.SIGTERM, signal.SIGHUP)
STARTED = b"started"
"""What a stream says first when all went well; else why not, in JSON."""


class Streams:
    """Those of one lab, as ``plan`` was when each began."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._running: dict[str, _Running] = {}

    def start(self, plan: Plan, stream: Stream) -> None:
        """Let it flow. Raises InputError for a node, an address or a port that cannot be had,
        BackendError when there is no way to the destination."""
        if stream.name in self._running:
            raise InputError(f"there is a flow {stream.name} already", hint="each has a name of its own")
        there = owner(plan, stream.destination)
        first_port = FIRST_PORT + len(self._running) * MOST_PORTS
        self._running[stream.name] = _started(self._control, stream, there, first_port)

    def report(self, name: str) -> StreamReport:
        """What came of one so far. Takes as long as it needs to tell what flows at this moment, a
        tenth of a second at most. Raises InputError when there is none of that name."""
        if name not in self._running:
            raise InputError(f"there is no flow {name}", hint=f"there are: {', '.join(self._running)}")
        report: StreamReport = pickle.loads(self._running[name].ask(REPORT))
        return report

    def reports(self) -> list[StreamReport]:
        """Of all, in the order they began."""
        return [self.report(name) for name in self._running]

    def mark(self) -> None:
        """What comes from now on is reported separately, too."""
        for running in self._running.values():
            running.ask(MARK)

    def close(self) -> None:
        """End them all."""
        while self._running:
            _, running = self._running.popitem()
            running.end()


@dataclass(frozen=True)
class _Running:
    """The process of a stream, and our end of the socket to it."""

    name: str
    pid: int
    socket: socket.socket

    def ask(self, what: bytes) -> bytes:
        """Raises BackendError when the process is gone."""
        with contextlib.suppress(ConnectionError):  # then there is nothing to hear either
            self.socket.send(what)
        return self.hear()

    def hear(self) -> bytes:
        try:
            answer = self.socket.recv(MESSAGE)
        except TimeoutError:
            limit = f"{STREAM_ANSWER.seconds:g} s ({STREAM_ANSWER.name})"
            raise BackendError(f"flow {self.name} did not answer in {limit}") from None
        except ConnectionError:
            answer = b""
        if not answer:
            raise BackendError(f"flow {self.name} has ended", hint="did somebody take the lab down?")
        return answer

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(END)
        self.socket.close()
        os.waitpid(self.pid, 0)


def _started(control: Control, stream: Stream, there: str, first_port: int) -> _Running:
    """``there`` is the node that has the destination."""
    far_address = str(stream.destination), stream.port or first_port

    def bind_there() -> tuple[None, tuple[int, ...]]:
        join(control, there)
        return None, (bound_socket(stream, *far_address).detach(),)

    def build(boss: socket.socket, endings: tuple[int, ...]) -> StreamProcess:
        events = _event_log(control)
        join(control, stream.source)
        near = near_sockets(stream, first_port)
        return StreamProcess(stream, near, far, far_address, boss, endings, events)

    _, (far_fd,) = in_child_with_fds(bind_there)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(STREAM_ANSWER.seconds)
    with (
        socket.socket(fileno=far_fd) as far,
        theirs,
        _ended_by(os.getpid(), control.supervisor_pid()) as ends,
    ):
        pid = os.fork()
        if pid == 0:
            needed = (far.fileno(), theirs.fileno(), *ends, control.fileno())
            _flow_and_end(lambda: build(theirs, ends), theirs, needed)
    running = _Running(stream.name, pid, ours)
    try:
        said = running.hear()
        if said != STARTED:
            raise from_json(json.loads(said))
    except BaseException:
        running.end()
        raise
    return running


def _event_log(control: Control) -> EventLog:
    try:
        return EventLog.of_running_lab(control.folder.events)
    except OSError as error:
        raise BackendError(f"cannot write {control.folder.events}: {error.strerror}") from error


@contextlib.contextmanager
def _ended_by(*pids: int) -> Iterator[tuple[int, ...]]:
    """Descriptors that become readable when one of these processes ends, however it does."""
    with contextlib.ExitStack() as stack:
        fds = []
        for pid in pids:
            try:
                fds.append(os.pidfd_open(pid))
            except ProcessLookupError:
                raise BackendError("the lab ended while a flow was begun") from None
            stack.callback(os.close, fds[-1])
        yield tuple(fds)


def _keep_open(*fds: int) -> None:
    """Of all descriptors these and the standard ones: a pipe of our parent's must not stay open for
    our sake."""
    edges = sorted((2, *fds, os.sysconf("SC_OPEN_MAX")))
    for low, high in pairwise(edges):
        os.closerange(low + 1, high)


def _before_others() -> None:
    """A few per cent of a processor, in time, on a host that has other things to do; where we may not
    ask for that, fewer packets leave."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


def _flow_and_end(
    build: Callable[[], StreamProcess], boss: socket.socket, needed: tuple[int, ...]
) -> NoReturn:
    """The body of the process. Ctrl-C is for our parent, who may want to hear of us afterwards."""
    status = 1
    try:
        syscalls.set_process_name(PROCESS_NAME)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for each in POLITE:
            signal.signal(each, signal.SIG_DFL)
        _keep_open(*needed)
        _before_others()
        try:
            process = build()
        except LabError as error:
            boss.send(json.dumps(to_json(error)).encode())
        else:
            boss.send(STARTED)
            gc.disable()
            process.run()
        status = 0
    except (ConnectionError, KeyboardInterrupt):
        pass  # nobody will ask again
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
