"""Whose a run folder is: the lab's that holds its lock, and nobody's when its supervisor was killed.

The next ``up`` of that name or ``list`` clears away what such a lab has left.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from lab.errors import BackendError, InputError
from lab.runtime import leftovers
from lab.runtime.rundir import RunFolder, base_folder, folder_of


def claim(name: str) -> tuple[RunFolder, int]:
    """Make (or take over) the folder of a new lab; returns it and the descriptor of its lock.

    Raises InputError when a lab of that name runs, BackendError when the file system says no.
    """
    folder = folder_of(name)
    while True:
        try:
            folder.path.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BackendError(f"cannot make {folder.path}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise InputError(
                f"a lab named {name} is already running",
                hint=f"`mseelab down --name {name}` ends it; `mseelab up --name OTHER` starts a second one",
            ) from None
        if folder.path.exists() and os.fstat(fd).st_ino == folder.path.stat().st_ino:
            _prepare(folder)
            return folder, fd
        os.close(fd)


def _prepare(folder: RunFolder) -> None:
    with suppress(BackendError):  # their labels tell whoever asks that engine next
        leftovers.clear(folder)
    try:
        folder.clear()
        folder.logs.mkdir(mode=0o700)
    except OSError as error:
        folder.remove()
        raise BackendError(f"cannot prepare {folder.path}: {error.strerror}") from error


def running_labs() -> list[RunFolder]:
    """The folders of all labs of this user that run, by name; leftovers are removed."""
    running = []
    for path in sorted(base_folder().iterdir()):
        folder = RunFolder(path)
        if folder.is_claimed():
            running.append(folder)
        else:
            leftovers.discard(folder)
    return running
