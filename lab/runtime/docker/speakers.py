"""Speakers in containers: each has a zygote there, which calls in when its container has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from lab.runtime.docker.containers import SOCKET
from lab.runtime.forks import Forks, Told
from lab.runtime.netns import NetworkNamespace
from lab.runtime.rundir import short_path
from lab.runtime.zygote import Start


@dataclass
class _Waiting:
    """What to start as soon as somebody is there to do it; the descriptors are ours."""

    start: Start
    channel: int
    log: int

    def close(self) -> None:
        os.close(self.channel)
        os.close(self.log)


class ContainerSpeakers:
    """``SpeakerHost``. A speaker is begun once its zygote has called and its namespace is wired."""

    def __init__(self) -> None:
        self._told: Told
        self._listening: dict[str, socket.socket] = {}
        self._called: dict[str, Forks] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._begun: set[str] = set()
        self._closed: set[str] = set()

    def listen(self, namespace: str, folder: Path) -> None:
        """Its container will find a socket in this folder, which it has to itself."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        with short_path(folder / SOCKET) as path:
            sock.bind(path)
        sock.listen(1)
        self._listening[namespace] = sock

    def tell(self, told: Told) -> None:
        self._told = told
        for namespace, sock in self._listening.items():
            sock.setblocking(False)
            asyncio.get_running_loop().add_reader(sock, self._on_call, namespace, sock)

    def start(self, start: Start, namespace: NetworkNamespace, channel: int, log: int) -> None:
        if (before := self._waiting.pop(namespace.name, None)) is not None:
            before.close()
        self._waiting[namespace.name] = _Waiting(start, os.dup(channel), os.dup(log))
        self._begin(namespace.name)

    def close_node(self, namespace: str) -> None:
        """Its container is gone; nothing is begun in the next one before ``open_node``."""
        self._closed.add(namespace)
        if (forks := self._called.pop(namespace, None)) is not None:
            forks.close()
        if namespace in self._begun:
            self._begun.discard(namespace)
            self._told.exited(namespace, -signal.SIGKILL)

    def open_node(self, namespace: str) -> None:
        """It is wired again."""
        self._closed.discard(namespace)
        self._begin(namespace)

    def _on_call(self, namespace: str, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except BlockingIOError:
            return
        if (before := self._called.pop(namespace, None)) is not None:
            before.close()
        self._called[namespace] = forks = Forks(sock, _pid_here)
        forks.tell(_OfOne(self, namespace))
        self._begin(namespace)

    def _begin(self, namespace: str) -> None:
        if namespace in self._closed or namespace not in self._called or namespace not in self._waiting:
            return
        waiting = self._waiting.pop(namespace)
        with contextlib.suppress(ConnectionError):  # it has died, which is told otherwise
            self._called[namespace].start_inside(waiting.start, waiting.channel, waiting.log)
        self._begun.add(namespace)
        waiting.close()

    def started(self, namespace: str, pid: int) -> None:
        self._told.started(namespace, pid)

    def exited(self, namespace: str, code: int) -> None:
        if namespace in self._begun:
            self._begun.discard(namespace)
            self._told.exited(namespace, code)


@dataclass(frozen=True)
class _OfOne:
    """``Told``: what a container's zygote says is believed of its own speaker only."""

    host: ContainerSpeakers
    namespace: str

    def started(self, _name: str, pid: int) -> None:
        self.host.started(self.namespace, pid)

    def exited(self, _name: str, code: int) -> None:
        self.host.exited(self.namespace, code)

    def forsaken(self) -> None:
        """Its container ends with it, and that is seen."""


def _pid_here(_said: int, pidfd: int) -> int | None:
    """Our /proc tells it in our numbers, and -1 when the process is no more (pidfd_open(2),
    proc_pid_fdinfo(5))."""
    told = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    found = re.search(r"^Pid:\s*(-?\d+)$", told, re.MULTILINE)
    pid = int(found[1]) if found else 0
    return pid if pid > 0 else None
