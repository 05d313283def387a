"""Results for programs: one JSON document, every field of ``lab.scenario.result`` in it.

``time`` is seconds on the monotonic clock, as in a lab's event log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lab.probe.stream import Passage, StreamReport
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
    fields["flows"] = [_flow(flow) for flow in result.flows]
    return fields


def _step(step: StepResult) -> dict[str, Any]:
    return asdict(step) | {"outcome": step.outcome.value, "seconds": round(step.seconds, 3)}


def _flow(report: StreamReport) -> dict[str, Any]:
    stream = report.stream
    return {
        "name": stream.name,
        "source": stream.source,
        "destination": str(stream.destination),
        "ports": stream.ports,
        "pace": stream.pace,
        "time": round(report.started, 6),
        "seconds": round(report.at - report.started, 3),
        **{direction: _passage(passage) for direction, passage in report.total.items()},
    }


def _passage(passage: Passage) -> dict[str, Any]:
    tally, longest, silent = passage.tally, passage.tally.longest, passage.silent_since
    gap = longest and {
        "time": round(longest.start, 6),
        "seconds": round(longest.seconds, 3),
        "lost": longest.lost,
    }
    return {
        "sent": tally.sent,
        "arrived": tally.arrived,
        "lost": tally.lost,
        "duplicated": tally.duplicated,
        "reordered": tally.reordered,
        "ports_interrupted": passage.interrupted,
        "longest_interruption": gap,
        "silent_since": None if silent is None else round(silent, 6),
    }
