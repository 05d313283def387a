"""Whether the engine has the images that this checkout's labs run in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import docker

from lab.errors import BackendError
from lab.runtime.docker import recipes
from lab.runtime.docker.engine import Engine
from lab.runtime.docker.recipes import RECIPES, Recipe

BASE = recipes.BASE.reference
EXABGP = recipes.EXABGP.reference
STRONGSWAN = recipes.STRONGSWAN.reference

INPUTS = "mseelab.inputs"
"""The label that holds the digest of what an image was built from."""

HINT = "`make images` builds what is missing or of other inputs"


class State(Enum):
    READY = "ready"
    MISSING = "missing"
    OTHER = "of another version"
    """Of that name, and not built from what this checkout has."""


@dataclass(frozen=True)
class Image:
    """``size``: bytes, with what it shares with others; 0 of one that is missing."""

    reference: str
    state: State
    size: int = 0


def judge(reference: str, digest: str, attributes: dict[str, Any] | None) -> Image:
    """``attributes``: as the engine describes the image of that name; None where there is none."""
    if attributes is None:
        return Image(reference, State.MISSING)
    labels = attributes["Config"].get("Labels") or {}
    state = State.READY if labels.get(INPUTS) == digest else State.OTHER
    return Image(reference, state, attributes["Size"])


def look(engine: Engine, recipe: Recipe) -> Image:
    """What the engine has of it. Raises BackendError."""
    with engine.told(f"looking for the image {recipe.reference}"):
        try:
            attributes = engine.client.images.get(recipe.reference).attrs
        except docker.errors.ImageNotFound:
            attributes = None
    return judge(recipe.reference, recipes.digest(recipe), attributes)


def require(engine: Engine) -> None:
    """Raises BackendError unless every image is there and of this checkout."""
    problem = lacking([look(engine, recipe) for recipe in RECIPES])
    if problem is not None:
        raise problem


def lacking(images: list[Image]) -> BackendError | None:
    """What is wrong with them, in one sentence; None where nothing is."""
    wrong = [image for image in images if image.state is not State.READY]
    if not wrong:
        return None
    told = ", ".join(f"{image.reference} is {image.state.value}" for image in wrong)
    return BackendError(f"the engine lacks images of this version: {told}", hint=HINT)
