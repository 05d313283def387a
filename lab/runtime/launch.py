"""Starting a supervisor, from the command line's side.

The supervisor is forked before the topology is even read, so that it isolates itself and
imports what it needs while the topology is compiled on the other core. Until it is given
its orders it owns nothing; when this process ends early, it ends too.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import BackendError
from lab.plan.types import Plan
from lab.runtime.names import AUTO
from lab.timing import LAB_END, Budget

MESSAGE = 1 << 26


@dataclass(frozen=True)
class Orders:
    """What the supervisor needs to know beyond the plan; descriptors travel beside it."""

    plan: Plan
    folder: Path
    started_at: float
    """When the user asked, on the monotonic clock (seconds)."""
    convergence: Budget
    dataplane: str = AUTO
    """Which one carries IPsec tunnels; by name, a host that cannot is an error."""
    lasting: bool = True
    """Whether the lab lives on without the process that asked for it, or ends when that lets go of it."""


@dataclass(frozen=True)
class Progress:
    """One step done; or, as a ``warning``, that the lab will lack something."""

    text: str
    warning: bool = False


@dataclass(frozen=True)
class Ready:
    """The lab has converged. ``seconds`` since the user asked."""

    seconds: float
    facts: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The lab could not be brought up; nothing of it is left."""

    message: str
    hint: str | None = None


class Launch:
    """A supervisor that has been forked and waits for its orders."""

    def __init__(self, backend: str) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        child = os.fork()
        if child == 0:
            self._socket.close()
            _become_supervisor(theirs, backend)
        theirs.close()
        self._child = child
        self._reader = self._socket.makefile("rb")
        self._pidfd: int | None = None

    def await_isolation(self) -> None:
        """Until the supervisor lives in its namespaces. Raises BackendError if it cannot."""
        self._pidfd = self._open_pidfd()

    def begin(self, orders: Orders, lock: int) -> None:
        """Hand over the orders and the lock of the run folder."""
        data = pickle.dumps(orders)
        try:
            socket.send_fds(self._socket, [len(data).to_bytes(8, "big")], [lock])
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise _gone() from None

    def wait(self, on_progress: Callable[[Progress], None]) -> Ready:
        """Until the lab has converged; it is still to be let go of. Raises BackendError when it has not."""
        while True:
            message = self._receive()
            match message:
                case Progress():
                    on_progress(message)
                case Ready():
                    return message
                case Failed(text, hint):
                    self.abandon()
                    raise BackendError(text, hint=hint)

    def abandon(self) -> None:
        """End the supervisor and wait until the kernel has taken all of it away."""
        if self._reader.closed:
            return
        if self._pidfd is None:
            with contextlib.suppress(BackendError):
                self.await_isolation()
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            select.select([self._pidfd], [], [], LAB_END.seconds)
        self.let_go()

    def let_go(self) -> None:
        """Of the supervisor, which is dead, or lives on if its orders say so."""
        self._reader.close()
        self._socket.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _open_pidfd(self) -> int | None:
        message = self._receive()
        os.waitpid(self._child, 0)
        if isinstance(message, Failed):
            raise BackendError(message.message, hint=message.hint)
        try:
            return os.pidfd_open(message)
        except ProcessLookupError:
            return None

    def _receive(self) -> Any:
        try:
            return pickle.load(self._reader)
        except (EOFError, ConnectionResetError):
            raise _gone() from None


def _gone() -> BackendError:
    return BackendError(
        "the supervisor ended without a word", hint="was it killed? the kernel's log may tell"
    )


def _become_supervisor(sock: socket.socket, backend: str) -> None:
    """In the first child: isolate, fork the init of the lab, name it to the parent, end."""
    status = 1
    try:
        os.setsid()
        _let_go_of_everything_but(sock.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from lab.runtime.isolation import isolate_for

        rootless = isolate_for(backend)
        pid = os.fork()
        if pid == 0:
            _be_supervisor(sock, backend, rootless=rootless)
        sock.sendall(pickle.dumps(pid))
        status = 0
    except BackendError as error:
        sock.sendall(pickle.dumps(Failed(error.message, error.hint)))
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sock.sendall(pickle.dumps(own_fault()))
    finally:
        os._exit(status)


def own_fault() -> Failed:
    """The exception being handled is a bug of ours; say all there is."""
    return Failed(
        "a fault of mseelab itself:\n" + traceback.format_exc(),
        hint="please report it with the topology file",
    )


def _let_go_of_everything_but(kept: int) -> None:
    """What this process inherited, the terminal or a pipe to it among it, must not stay open
    for as long as the lab lives."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for fd in [int(entry) for entry in os.listdir("/proc/self/fd")]:  # noqa: PTH208
        if fd > 2 and fd != kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def _be_supervisor(sock: socket.socket, backend: str, *, rootless: bool) -> None:
    status = 1
    try:
        from lab.runtime.supervisor import supervise

        supervise(sock, backend, rootless=rootless)
        status = 0
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        with contextlib.suppress(OSError):
            sock.sendall(pickle.dumps(own_fault()))
    finally:
        os._exit(status)


def receive_orders(sock: socket.socket) -> tuple[Orders, int] | None:
    """The supervisor's half of ``begin``: orders and lock; None when nobody asks any more."""
    header, fds, _, _ = socket.recv_fds(sock, 8, 1)
    if len(header) < 8:
        return None
    length = int.from_bytes(header, "big")
    data = bytearray()
    while len(data) < length:
        piece = sock.recv(min(length - len(data), MESSAGE))
        if not piece:
            return None
        data += piece
    orders = pickle.loads(bytes(data))
    assert isinstance(orders, Orders)
    return orders, fds[0]
