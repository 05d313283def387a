"""Results for programs: one JSON document, every field of ``lab.scenario.result`` in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lab.scenario.result import ScenarioResult, StepResult, totals


def report(results: Sequence[ScenarioResult], seconds: float) -> dict[str, Any]:
    """Ready for ``json``; durations are seconds, rounded to milliseconds."""
    return {
        "seconds": round(seconds, 3),
        **asdict(totals(results)),
        "scenarios": [_scenario(result) for result in results],
    }


def _scenario(result: ScenarioResult) -> dict[str, Any]:
    fields = asdict(result)
    up = result.up_seconds
    fields["outcome"] = result.outcome.value
    fields["seconds"] = round(result.seconds, 3)
    fields["up_seconds"] = None if up is None else round(up, 3)
    fields["steps"] = [_step(step) for step in result.steps]
    return fields


def _step(step: StepResult) -> dict[str, Any]:
    return asdict(step) | {"outcome": step.outcome.value, "seconds": round(step.seconds, 3)}
