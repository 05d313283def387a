"""Turning a process into the init of its own user, mount, network and PID namespaces.

user_namespaces(7), pid_namespaces(7): when that init ends, for whatever reason, the kernel
ends every process inside and with the last of them every namespace, interface and rule.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lab.errors import BackendError
from lab.runtime import syscalls
from lab.runtime.names import DOCKER

USER_NAMESPACE_HINT = (
    "user namespaces may be switched off: see `sysctl user.max_user_namespaces"
    " kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns`, or run as root"
)
ROOT_HINT = "root lacks CAP_SYS_ADMIN here; is this a container?"


def isolate_for(backend: str) -> bool:
    """Leave the host's namespaces as far as the back end can do without them; as ``isolate``."""
    if backend == DOCKER:
        _isolate_beside_engine()
        return False
    return isolate()


def _isolate_beside_engine() -> None:
    """The engine's processes are to be seen, so the PID namespace stays the host's, and /proc with it."""
    if os.geteuid() != 0:
        raise BackendError(
            "wiring containers takes root: their namespaces belong to the host",
            hint="run it as root, or with --backend netns, which needs no root at all",
        )
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET)
    except OSError as error:
        raise _refused("namespaces", error, ROOT_HINT) from error
    syscalls.mount("none", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)


def isolate() -> bool:
    """Leave the host's namespaces; the next fork is the init of the new PID namespace.

    Returns whether this is rootless: the process is then root only in a user namespace of
    its own. Raises BackendError when the kernel says no.
    """
    rootless = os.geteuid() != 0
    kinds = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWPID
    uid, gid = os.geteuid(), os.getegid()
    try:
        syscalls.unshare(kinds | (syscalls.CLONE_NEWUSER if rootless else 0))
        if rootless:
            _map_to_root(uid, gid)
    except OSError as error:
        what, hint = ("a user namespace", USER_NAMESPACE_HINT) if rootless else ("namespaces", ROOT_HINT)
        raise _refused(what, error, hint) from error
    return rootless


def _refused(what: str, error: OSError, hint: str) -> BackendError:
    return BackendError(f"the kernel refuses {what}: {os.strerror(error.errno or 0)}", hint=hint)


def _map_to_root(uid: int, gid: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def own_mounts() -> None:
    """Inside: no mount of ours reaches the host, and /proc shows our own processes.

    Some containers forbid a new /proc; the host's then stays, which serves for all but `ps`.
    """
    syscalls.mount("none", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    try:
        syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES):
            raise


def run_isolated(body: Callable[[], Any]) -> Any:
    """What ``body`` returns as the init of namespaces of its own; it has to fit into JSON.

    For short work in a scratch world: when it returns, the kernel takes all of it away.
    Raises BackendError as ``isolate`` does, or with the traceback of the body.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _isolated(body, write)
    os.close(write)
    with os.fdopen(read) as stream:
        said = stream.read()
    os.waitpid(child, 0)
    answer = json.loads(said or '{"error": "the isolated process ended without a word", "hint": null}')
    if "error" in answer:
        raise BackendError(answer["error"], hint=answer["hint"])
    return answer["value"]


def _isolated(body: Callable[[], Any], write: int) -> NoReturn:
    """The body runs in a second child, the init of the PID namespace."""
    answer: dict[str, Any]
    try:
        isolate()
        if (init := os.fork()) != 0:
            os.close(write)
            os.waitpid(init, 0)
            os._exit(0)
        own_mounts()
        answer = {"value": body()}
    except BackendError as error:
        answer = {"error": error.message, "hint": error.hint}
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        answer = {"error": traceback.format_exc(), "hint": None}
    with os.fdopen(write, "w") as stream:
        stream.write(json.dumps(answer))
    os._exit(0)
