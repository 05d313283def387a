"""Building the images that are missing or not of this checkout.

Half-built layers are images without a name, and the engine keeps them: what a build leaves behind,
whether it failed or replaced an older image, is removed again.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import docker

from lab.errors import BackendError
from lab.runtime.docker import debian, problems, recipes
from lab.runtime.docker.engine import Engine
from lab.runtime.docker.images import INPUTS, Image, State, look
from lab.runtime.docker.recipes import LABEL, RECIPES, Recipe

LAST_WORDS = 200
"""Lines of a build that are kept for when it fails."""

Say = Callable[[str], None]


def build(engine: Engine, say: Say, *, fresh: bool = False) -> list[Image]:
    """Every image as this checkout wants it; ``fresh``: also those that are, with the newest of Debian's
    packages. Raises BackendError, and leaves nothing half-built."""
    engine.require_docker()
    with _alone(), _cleaned(engine):
        for recipe in RECIPES:
            state = look(engine, recipe).state
            if fresh or state is not State.READY:
                say(f"building {recipe.reference}" + (f": it is {state.value}" if not fresh else ""))
                _build(engine, recipe, _upon(engine, recipe, say, fresh=fresh), fresh=fresh)
    return [look(engine, recipe) for recipe in RECIPES]


def _upon(engine: Engine, recipe: Recipe, say: Say, *, fresh: bool) -> dict[str, str]:
    """What the build is told to begin with."""
    if recipe.parent is not None:
        return {"BASE": recipe.parent.reference}
    return {"DEBIAN": debian.provide(engine, say, fresh=fresh)}


def _build(engine: Engine, recipe: Recipe, arguments: dict[str, str], *, fresh: bool) -> None:
    action = f"building {recipe.reference}"
    said: deque[str] = deque(maxlen=LAST_WORDS)
    ended_badly = False
    with engine.told(action):
        events = engine.client.api.build(
            fileobj=archive(recipes.context(recipe)),
            custom_context=True,
            tag=recipe.reference,
            buildargs=arguments,
            labels={
                INPUTS: recipes.digest(recipe),
                "org.opencontainers.image.version": recipes.version(),
            },
            network_mode="host",
            nocache=fresh,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            said += (event.get("stream", "") + event.get("error", "")).splitlines()
            ended_badly = "error" in event  # which is an event of its own, the last one
    if ended_badly:
        raise problems.failed(action, said, engine.facts.root_dir)


def archive(files: dict[str, bytes]) -> io.BytesIO:
    """A build's context: the same bytes for the same files, whoever made them and when."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time of this checkout; the next one finds everything built."""
    folder = os.open(recipes.CONTAINERS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def _cleaned(engine: Engine) -> Iterator[None]:
    """Nameless images of ours that are there afterwards and were not before are removed."""
    before = _nameless(engine)
    try:
        yield
    finally:
        with contextlib.suppress(BackendError):  # the engine is gone, and that has been said
            for image in _nameless(engine) - before:
                with contextlib.suppress(docker.errors.APIError):  # a container still runs in the older one
                    engine.client.api.remove_image(image)


def _nameless(engine: Engine) -> set[str]:
    with engine.told("looking for images"):
        found: list[dict[str, Any]] = engine.client.api.images(filters={"dangling": True, "label": LABEL})
    return {image["Id"] for image in found}
