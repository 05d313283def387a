"""Doing something in a child process, because it changes the process that does it.

Joining a namespace is such a thing: there is no way back into a user namespace one has left
(user_namespaces(7)). The child's answer comes back as JSON, with descriptors if it has any.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from lab.errors import BackendError, LabError, from_json, to_json

MOST_DESCRIPTORS = 64
PIECE = 1 << 18


def in_child(work: Callable[[], Any]) -> Any:
    """What ``work`` returns. A LabError of the child is raised here."""
    answer, _ = in_child_with_fds(lambda: (work(), ()))
    return answer


def in_child_with_fds(work: Callable[[], tuple[Any, tuple[int, ...]]]) -> tuple[Any, list[int]]:
    """The same for work that also returns descriptors, which are then ours."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _work_and_end(work, theirs)
    theirs.close()
    with ours:
        data, fds = _receive(ours)
    os.waitpid(child, 0)
    if not data:
        raise BackendError("a helper process ended without a word", hint="its last words may be above")
    message = json.loads(data)
    if "error" in message:
        raise from_json(message)
    return message["answer"], fds


def _work_and_end(work: Callable[[], tuple[Any, tuple[int, ...]]], sock: socket.socket) -> NoReturn:
    """A bug's traceback goes to standard error, and the parent is left without an answer."""
    status = 1
    try:
        message, fds = _answered(work)
        data = json.dumps(message).encode()
        sent = socket.send_fds(sock, [data[:1]], list(fds))
        sock.sendall(data[sent:])
        status = 0
    except KeyboardInterrupt:
        pass
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _answered(work: Callable[[], tuple[Any, tuple[int, ...]]]) -> tuple[dict[str, Any], tuple[int, ...]]:
    try:
        answer, fds = work()
    except LabError as error:
        return to_json(error), ()
    return {"answer": answer}, fds


def _receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """All until the child closes its end."""
    data, fds = bytearray(), list[int]()
    while True:
        piece, more, _, _ = socket.recv_fds(sock, PIECE, MOST_DESCRIPTORS)
        fds += more
        if not piece:
            return bytes(data), fds
        data += piece
