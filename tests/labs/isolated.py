"""Running a command where something is missing: user namespaces, tools, disk.

Each is a small Python program in a process of its own, because there is no way back out of
a namespace.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab_client import COMMAND, LIMIT_S, environment

NO_USER_NAMESPACES = """
import os, sys
from pathlib import Path
from lab.runtime.syscalls import CLONE_NEWUSER, unshare

uid, gid = os.geteuid(), os.getegid()
unshare(CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
# An ordinary user in there, whatever this process was outside.
Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")
Path("/proc/sys/user/max_user_namespaces").write_text("0")
os.execv(sys.argv[1], sys.argv[1:])
"""

OWN_MOUNTS = """
import ctypes, os, sys
from pathlib import Path
from lab.runtime.syscalls import CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC, mount, unshare

uid, gid = os.geteuid(), os.getegid()
unshare(CLONE_NEWNS | (CLONE_NEWUSER if uid else 0))
if uid:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
mount("none", "/", "", MS_REC | MS_PRIVATE)
mount("tmpfs", "/run", "tmpfs", 0)
for target, options in (word.split("|") for word in sys.argv[1].split()):
    os.makedirs(target, 0o700, exist_ok=True)
    assert ctypes.CDLL(None).mount(b"tmpfs", target.encode(), b"tmpfs", 0, options.encode()) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""


def _run(program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment("", **variables) | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )


def without_user_namespaces(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return _run(NO_USER_NAMESPACES, *COMMAND, *words, XDG_RUNTIME_DIR=str(folder))


def with_small_disk(options: str, *words: str) -> subprocess.CompletedProcess[str]:
    """``options`` of the tmpfs under the run folder, such as ``size=4k``."""
    return _run(OWN_MOUNTS, f"/run/mseelab|mode=0700,{options}", *COMMAND, *words)


def without_tools(*words: str) -> subprocess.CompletedProcess[str]:
    """No nft: the folder it is in is empty."""
    return _run(OWN_MOUNTS, "/run/mseelab|mode=0700 /usr/sbin|size=4k", *COMMAND, *words, PATH="/usr/sbin")
