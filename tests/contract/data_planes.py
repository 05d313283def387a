"""Which data planes are here, for their contract tests."""

from __future__ import annotations

import pytest

from lab.runtime.capability import obstacles_here
from lab.runtime.dataplane import DataPlane
from lab.runtime.isolation import run_isolated


def skip_without(plane: DataPlane) -> None:
    obstacle = run_isolated(obstacles_here)[plane.name]
    if obstacle is not None:
        pytest.skip(f"no {plane.name} data plane here: {obstacle}")
