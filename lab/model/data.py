"""Azure's published tables: the YAML files in lab/data, each read when it is first asked for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lab.model.reader import LOADER

DATA = Path(__file__).parents[1] / "data"


@cache
def table(name: str) -> Any:
    """What ``lab/data/NAME.yaml`` holds; not to be changed by whoever asks."""
    return yaml.load((DATA / f"{name}.yaml").read_text(encoding="utf-8"), Loader=LOADER)
