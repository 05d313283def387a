"""The lab in containers: what the images take, how long `up` and `down` do."""

from __future__ import annotations

import statistics
from typing import Any

from lab.bench.labs import command_seconds
from lab.runtime.docker.engine import connected
from lab.runtime.docker.images import lacking, look
from lab.runtime.docker.recipes import RECIPES

NAME = "bench-containers"
MB = 1_000_000


def image_sizes() -> dict[str, int]:
    """In MB, as the engine counts: with what an image shares with others. Raises BackendError where no
    lab runs in containers."""
    with connected() as engine:
        engine.require()
        images = [look(engine, recipe) for recipe in RECIPES]
    problem = lacking(images)
    if problem is not None:
        raise problem
    return {image.reference.split(":")[0]: round(image.size / MB) for image in images}


def times(topology: str, runs: int) -> dict[str, Any]:
    """The first run is not counted."""
    ups, downs = [], []
    for _ in range(runs + 1):
        try:
            ups.append(command_seconds("up", topology, "-q", "--backend", "docker", "--name", NAME))
        finally:
            downs.append(command_seconds("down", "--name", NAME))
    return {
        "up_s": round(statistics.median(ups[1:]), 3),
        "up_all_s": [round(took, 3) for took in ups[1:]],
        "down_s": round(statistics.median(downs[1:]), 3),
    }
