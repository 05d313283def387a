"""Room in another process's socket, as its kernel gives it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.errors import BackendError
from lab.runtime import buffers

SIZE = 150_000
"""Less than any kernel's limit for those without root."""
RECEIVER = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind(("127.0.0.1", 0))
    print(sock.getsockname()[1], flush=True)
    sys.stdin.readline()
    print(sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF), flush=True)
"""


@contextmanager
def receiver() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that receives at a port, and tells how much room it has when it is written to."""
    words = [sys.executable, "-c", RECEIVER]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


def _descriptors() -> int:
    """How many of ours are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(("other_port", "room"), [(0, 2 * SIZE), (1, 2 * 4096)])
def test_another_process_gets_room_where_it_receives(other_port: int, room: int) -> None:
    """The kernel doubles what it is asked for (socket(7))."""
    with receiver() as (process, port):
        open_before = _descriptors()
        buffers.enlarge_of(process.pid, port ^ other_port, SIZE)
        assert _descriptors() == open_before
        said, _ = process.communicate("how much?\n", timeout=20)
    assert int(said) == room


def test_one_that_has_ended_is_an_error() -> None:
    with receiver() as (process, port):
        process.communicate("and good bye\n", timeout=20)
    with pytest.raises(BackendError, match=f"process {process.pid}: its receive buffer stays as it is"):
        buffers.enlarge_of(process.pid, port, SIZE)


def test_ones_own_sockets_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        buffers.enlarge(sock, SIZE)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * SIZE
