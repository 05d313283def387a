"""A process that has ExaBGP and the agent imported and forks one speaker per request.

Importing costs a quarter of a second of processor time, a fork three milliseconds; and what
was imported before the fork is shared memory. The zygote is forked by the supervisor before
it does anything else, so the import runs beside the wiring on the second core. In a container it is
started as a program, serves the one speaker there, and outlives it.

It is told in pickles and answers in JSON: it trusts the supervisor, and not the other way round.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from lab.bgp.speaker import SpeakerConfig
from lab.runtime import syscalls

MESSAGE = 1 << 16


@dataclass(frozen=True)
class Start:
    """Fork a speaker. Its channel and log travel as descriptors beside it, and its namespace unless the
    zygote is in there."""

    name: str
    config: SpeakerConfig
    exabgp_configuration: str


@dataclass(frozen=True)
class StartFile:
    """A ``Start`` in a file whose descriptor comes along, before those the ``Start`` needs: a
    speaker may have more to say than one message of a socket holds."""


@dataclass(frozen=True)
class LogTo:
    """Write standard output and error to the descriptor that comes along."""


def started(name: str, pid: int) -> bytes:
    """A descriptor of the process travels beside it (pidfd_open(2)), because its pid is the zygote's
    name for it."""
    return json.dumps({"started": name, "pid": pid}).encode()


def exited(name: str, status: int) -> bytes:
    """``status`` as of waitpid; decode with os.waitstatus_to_exitcode."""
    return json.dumps({"exited": name, "status": status}).encode()


def fork_zygote() -> tuple[int, socket.socket]:
    """Returns the zygote's pid and our end of the socket to it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    try:
        # Descriptor 2 is a log's before long; what Python has, a test's capture say, may be closed.
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        serve(theirs)
    finally:
        os._exit(1)


def serve(sock: socket.socket) -> NoReturn:
    """Be a zygote until the other end of the socket is gone."""
    status = 1
    try:
        syscalls.set_process_name("mseelab-zygote")
        _Zygote(sock).serve()
        status = 0
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def send_start(
    sock: socket.socket, start: Start, channel: int, log: int, namespace: int | None = None
) -> None:
    inside = () if namespace is None else (namespace,)
    with os.fdopen(os.memfd_create("start"), "w+b") as file:
        pickle.dump(start, file)
        file.seek(0)
        socket.send_fds(sock, [pickle.dumps(StartFile())], [file.fileno(), channel, log, *inside])


def send_log(sock: socket.socket, log: int) -> None:
    socket.send_fds(sock, [pickle.dumps(LogTo())], [log])


class _Zygote:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._names: dict[int, str] = {}

    def serve(self) -> None:
        wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _import_everything()
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(wakeup_read, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == wakeup_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wakeup_read, 4096)
                    self._reap()
                elif not self._serve_request():
                    return

    def _serve_request(self) -> bool:
        data, fds, _, _ = socket.recv_fds(self._socket, MESSAGE, 4)
        if not data:
            return False
        request: Any = pickle.loads(data)
        match request:
            case StartFile():
                with os.fdopen(fds[0], "rb") as file:
                    self._start(pickle.load(file), fds[1:])
            case LogTo():
                os.dup2(fds[0], 1)
                os.dup2(fds[0], 2)
                os.close(fds[0])
        return True

    def _start(self, start: Start, fds: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self._socket.close()
            _run(start, *fds)
        for fd in fds:
            os.close(fd)
        self._names[pid] = start.name
        pidfd = os.pidfd_open(pid)
        socket.send_fds(self._socket, [started(start.name, pid)], [pidfd])
        os.close(pidfd)

    def _reap(self) -> None:
        while self._names:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._socket.send(exited(self._names.pop(pid), status))


def _import_everything() -> None:
    from lab.agent import speaker  # noqa: F401  what every fork shares
    from lab.agent.bridge import prepare_exabgp

    prepare_exabgp()
    gc.collect()
    gc.freeze()


def _run(start: Start, channel: int, log: int, namespace: int | None = None) -> None:
    """The speaker's process; never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if namespace is not None:
            syscalls.setns(namespace, syscalls.CLONE_NEWNET)
        syscalls.set_process_name("bgp-" + start.name)
        from lab.agent.speaker import run_speaker

        status = run_speaker(start.config, start.exabgp_configuration, socket.socket(fileno=channel))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _main(path: str) -> NoReturn:
    """In a container: serve whoever listens at ``path``."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(path)
    serve(sock)


if __name__ == "__main__":
    # Under its own name, so that what a pickle calls lab.runtime.zygote.Start is the same class.
    from lab.runtime import zygote

    zygote._main(sys.argv[1])
