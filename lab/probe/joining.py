"""Joining a node of a running lab: the command becomes a child of whoever typed it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import NoReturn

from lab.errors import BackendError, InputError
from lab.runtime import syscalls
from lab.runtime.control import Control

KINDS = {
    "user": syscalls.CLONE_NEWUSER,
    "ipc": syscalls.CLONE_NEWIPC,
    "uts": syscalls.CLONE_NEWUTS,
    "pid": syscalls.CLONE_NEWPID,
    "mnt": syscalls.CLONE_NEWNS,
    "net": syscalls.CLONE_NEWNET,
}


def join(control: Control, namespace: str) -> str:
    """Move this process into the node, to look or send from there; returns the namespace's full name."""
    return _enter(control, "entrance", namespace)


def join_inside(control: Control, namespace: str) -> str:
    """The same for a command of the user's: among the node's processes and files, where it has its own.

    The PID namespace takes effect for children only (pid_namespaces(7)).
    """
    return _enter(control, "inside", namespace)


def _enter(control: Control, way: str, namespace: str) -> str:
    answer, fds = control.ask_with_fds(way, namespace=namespace)
    try:
        for kind, fd in zip(answer["kinds"], fds, strict=True):
            syscalls.setns(fd, KINDS[kind])
        if answer["bounding"] is not None:
            syscalls.bound(answer["bounding"])
    except OSError as error:
        raise BackendError(f"cannot join {answer['namespace']}: {error.strerror}") from error
    finally:
        for fd in fds:
            os.close(fd)
    return str(answer["namespace"])


def run_as_child(body: Callable[[], NoReturn]) -> int:
    """Fork, so that the body is in the node's PID namespace; returns its exit code."""
    pid = os.fork()
    if pid == 0:
        body()
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        signal.signal(signal.SIGINT, previous)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def execute(command: list[str], environment: dict[str, str]) -> int:
    """Run a command in the node that was joined; its exit code, as a shell counts.

    Raises InputError when there is no such command.
    """
    status_read, status_write = os.pipe2(os.O_CLOEXEC)

    def body() -> NoReturn:
        try:
            os.execvpe(command[0], command, environment)
        except OSError as error:
            os.write(status_write, os.strerror(error.errno or 0).encode())
        os._exit(127)

    code = run_as_child(body)
    os.close(status_write)
    with os.fdopen(status_read, "rb") as stream:
        problem = stream.read()
    if problem:
        raise InputError(f"cannot run {command[0]}: {problem.decode()}")
    return code
