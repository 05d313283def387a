"""The images of this checkout as a file, for an engine that runs where the one that has them does not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lab.errors import BackendError
from lab.runtime.docker.engine import connect
from lab.runtime.docker.images import require
from lab.runtime.docker.recipes import RECIPES


@contextmanager
def images_for(file: Path, say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """``saved()``: whether they are in the file now, which is gone in the end; if not, ``say`` hears why."""

    def saved() -> bool:
        try:
            _save(file)
        except BackendError as error:
            say(f"nothing is tested in containers there: {error.message}")
            return False
        return True

    try:
        yield saved
    finally:
        file.unlink(missing_ok=True)


def _save(file: Path) -> None:
    """By the engine's own command, which writes once what images share. Raises BackendError."""
    with closing(connect()) as engine:
        engine.require()
        require(engine)
        address = engine.address
    file.parent.mkdir(exist_ok=True)
    done = subprocess.run(
        ["docker", "save", "--output", file, *(recipe.reference for recipe in RECIPES)],
        env=os.environ | {"DOCKER_HOST": address},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackendError(f"the images were not saved: {done.stderr.strip()}")
