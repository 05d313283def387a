"""Our end of the socket to a zygote: speakers are begun over it, and it says what became of them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import Protocol

from lab.runtime.netns import NetworkNamespace
from lab.runtime.zygote import MESSAGE, Start, send_start


class Told(Protocol):
    """Who wants to know what became of speakers."""

    def started(self, name: str, pid: int) -> None: ...

    def exited(self, name: str, code: int) -> None:
        """``code``: negative for a signal, as of subprocess."""

    def forsaken(self) -> None:
        """The zygote is gone, and nothing will be started any more."""


class SpeakerHost(Protocol):
    """Begins the processes of speakers, each in its namespace."""

    def tell(self, told: Told) -> None:
        """From now on, on the event loop that runs."""

    def start(self, start: Start, namespace: NetworkNamespace, channel: int, log: int) -> None:
        """The two descriptors stay the caller's. Fit for the event loop."""


PidOf = Callable[[int, int], int | None]
"""The pid of a process as we count, from what the zygote calls it and a descriptor of it; None of one that
has ended already."""


def same_pid(said: int, _pidfd: int) -> int:
    """A zygote in our own PID namespace counts as we do."""
    return said


class Forks:
    """``SpeakerHost`` by one zygote that enters the namespaces."""

    def __init__(self, sock: socket.socket, pid_of: PidOf = same_pid) -> None:
        self._socket = sock
        self._pid_of = pid_of
        self._told: Told

    def tell(self, told: Told) -> None:
        self._told = told
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def start(self, start: Start, namespace: NetworkNamespace, channel: int, log: int) -> None:
        self._send(start, channel, log, namespace.fd)

    def start_inside(self, start: Start, channel: int, log: int) -> None:
        """Of a zygote that is in the namespace itself."""
        self._send(start, channel, log, None)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _send(self, start: Start, channel: int, log: int, namespace: int | None) -> None:
        self._socket.setblocking(True)
        send_start(self._socket, start, channel, log, namespace)
        self._socket.setblocking(False)

    def _hear(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, MESSAGE, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            data, fds = b"", []
        if not data:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._told.forsaken()
            return
        match json.loads(data):
            case {"started": str(name), "pid": int(said)}:
                pid = self._pid_of(said, fds[0])
                os.close(fds[0])
                if pid is not None:
                    self._told.started(name, pid)
            case {"exited": str(name), "status": int(status)}:
                self._told.exited(name, os.waitstatus_to_exitcode(status))
