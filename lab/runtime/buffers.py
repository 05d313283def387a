"""Room for packets whose receiver has to wait for a processor: of a busy host, most lose some otherwise."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from lab.errors import BackendError
from lab.runtime import syscalls

SO_RCVBUFFORCE = 33


def enlarge(sock: socket.socket, size: int) -> None:
    """Bytes that may wait in a socket, the kernel's own for each packet included. Root may exceed the limit
    that net.core.rmem_max sets others (socket(7))."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def enlarge_of(pid: int, port: int, size: int) -> None:
    """The same for what another process receives by UDP and IPv4 at a port. Raises BackendError."""
    try:
        with closing(_Process(pid)) as process:
            for sock in process.receiving_at(port):
                with sock:
                    enlarge(sock, size)
    except OSError as error:
        raise BackendError(f"process {pid}: its receive buffer stays as it is: {error.strerror}") from error


class _Process:
    """Another one, whose sockets we may reach. All of its methods raise OSError when it has ended."""

    def __init__(self, pid: int) -> None:
        self._pidfd = os.pidfd_open(pid)
        self._folder = Path(f"/proc/{pid}")

    def close(self) -> None:
        os.close(self._pidfd)

    def receiving_at(self, port: int) -> Iterator[socket.socket]:
        """Its sockets, as descriptors of ours that the caller closes."""
        wanted = {f"socket:[{inode}]" for inode in self._inodes(port)}
        for entry in (self._folder / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                if str(entry.readlink()) in wanted:
                    yield socket.socket(fileno=syscalls.pidfd_getfd(self._pidfd, int(entry.name)))

    def _inodes(self, port: int) -> set[str]:
        """Of all sockets in its network namespace that have that port (proc(5), /proc/net/udp)."""
        lines = (self._folder / "net" / "udp").read_text().splitlines()[1:]
        rows = [line.split() for line in lines]
        return {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port}
