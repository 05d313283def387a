"""What a lab leaves when its supervisor was killed: a folder, and where it had containers, these.

A lab in containers puts the engine's address into its folder before it has the first, and takes it out
after the last. What is a lab's, only the labels of the containers say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from lab.errors import BackendError
from lab.runtime.rundir import RunFolder

ENGINE = "engine"


def note_engine(folder: RunFolder, address: str) -> None:
    (folder.path / ENGINE).write_text(address)


def forget_engine(folder: RunFolder) -> None:
    (folder.path / ENGINE).unlink(missing_ok=True)


def clear(folder: RunFolder) -> None:
    """The containers of a lab that has ended are gone, if it had any. Raises BackendError."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        _sweep((folder.path / ENGINE).read_text(), lambda path: path == str(folder.path))


def discard(folder: RunFolder) -> None:
    """All that is left of a lab that has ended. The folder stays as long as the engine does not answer,
    for whoever looks next."""
    with contextlib.suppress(BackendError):
        clear(folder)
        folder.remove()


def dead(base: Path, path: str) -> bool:
    """Whether the lab in the folder ``path`` below ``base`` has ended."""
    folder = Path(path)
    return folder.parent == base and not RunFolder(folder).is_claimed()


def sweep_all(base: Path) -> None:
    """Containers of labs below this folder that have ended, where an engine answers."""
    with contextlib.suppress(BackendError):
        _sweep(None, lambda path: dead(base, path))


def _sweep(address: str | None, chosen: Callable[[str], bool]) -> None:
    from lab.runtime.docker.engine import connect  # its libraries are for labs in containers only
    from lab.runtime.docker.pods import sweep

    engine = connect(address)
    try:
        sweep(engine, chosen)
    finally:
        engine.close()
