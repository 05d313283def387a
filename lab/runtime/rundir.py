"""The folder of a running lab: what a person may need, and the lock that says it runs.

``$XDG_RUNTIME_DIR/mseelab/NAME`` (``/run/mseelab/NAME`` for root). The supervisor holds an
exclusive flock on the folder itself for as long as it lives (lab.runtime.claims).
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import BackendError, InputError

CONTROL_SOCKET = "control.sock"
EVENTS = "events.jsonl"
TOPOLOGY = "topology.yaml"
LOGS = "logs"

LONGEST_NAME = 255
"""NAME_MAX (limits.h)."""


def base_folder() -> Path:
    """Where this user's labs live; made when missing. Raises BackendError."""
    folder = _base_candidate()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise BackendError(
            f"cannot use {folder} for running labs: {error.strerror}",
            hint="set XDG_RUNTIME_DIR to a folder of your own",
        ) from error
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise BackendError(
            f"{folder} belongs to somebody else or others may write to it",
            hint="set XDG_RUNTIME_DIR to a folder of your own",
        )
    return folder


def _base_candidate() -> Path:
    uid = os.geteuid()
    given = os.environ.get("XDG_RUNTIME_DIR")
    if uid == 0:
        return Path("/run/mseelab")
    if given:
        return Path(given) / "mseelab"
    session = Path("/run/user") / str(uid)
    return session / "mseelab" if os.access(session, os.W_OK) else Path(f"/tmp/mseelab-{uid}")


class RunFolder:
    """One lab's folder, by path; ``lock`` is held by whoever claimed it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def control_socket(self) -> Path:
        return self.path / CONTROL_SOCKET

    @property
    def events(self) -> Path:
        return self.path / EVENTS

    @property
    def topology(self) -> Path:
        return self.path / TOPOLOGY

    @property
    def logs(self) -> Path:
        return self.path / LOGS

    def tunnel(self, end: str) -> Path:
        """The folder of the charon of a tunnel's end, by ``TunnelEnd.own_namespace``."""
        return self.path / "tunnels" / end.replace("/", ".")

    def log(self, name: str) -> Path:
        """The log of a daemon; a VRF's slash becomes a dot."""
        return self.logs / (name.replace("/", ".") + ".log")

    def keep_topology(self, path: Path) -> None:
        """A copy of what the lab is made from, in the place of the one before; it may hold keys.
        Raises BackendError."""
        copy = self.topology.with_suffix(".new")
        try:
            with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(path.read_bytes())
            copy.replace(self.topology)
        except OSError as error:
            raise BackendError(f"cannot write {self.topology}: {error.strerror}") from error

    def clear(self) -> None:
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def is_claimed(self) -> bool:
        """Whether a supervisor lives behind it."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False


def folder_of(name: str) -> RunFolder:
    """Raises InputError for what cannot name a lab."""
    if name in ("", ".", "..") or "/" in name or len(name) > LONGEST_NAME:
        raise InputError(f"{name!r} cannot name a lab", hint="`mseelab list` shows what runs")
    return RunFolder(base_folder() / name)


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for ``path`` that fits a Unix socket address (108 octets, unix(7))."""
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)
