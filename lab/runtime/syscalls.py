"""The few Linux calls Python 3.11 lacks: unshare, setns, mount, prctl, pidfd_getfd (their man pages).

Each raises OSError with the errno and what was tried.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x2, 0x4, 0x8
MS_REC, MS_PRIVATE = 0x4000, 0x40000

PR_SET_NAME, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 15, 23, 24, 38

SYS_PIDFD_GETFD = 438
"""On every architecture."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(fd, kind), f"setns({kind:#x})")


def mount(source: str, target: str, filesystem: str, flags: int) -> None:
    _check(
        _libc.mount(source.encode(), target.encode(), filesystem.encode(), flags, None),
        f"mount {filesystem or source} on {target}",
    )


def set_process_name(name: str) -> None:
    """What ``ps`` shows in its COMM column; the kernel keeps 15 characters."""
    _check(_libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0), "prctl(PR_SET_NAME)")


def bound(capabilities: int) -> None:
    """Whatever this process executes from now on has these capabilities at most (capabilities(7)), and
    gains none by a file it executes."""
    for number in range(64):
        if capabilities >> number & 1 or _libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) != 1:
            continue
        _check(_libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), f"prctl(PR_CAPBSET_DROP, {number})")
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def pidfd_getfd(pidfd: int, fd: int) -> int:
    """A descriptor of ours for what another process has open; whoever might trace it may have that."""
    ours: int = _libc.syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
    _check(ours, f"pidfd_getfd({fd})")
    return ours
