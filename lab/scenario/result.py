"""What came of a scenario: values, complete enough for every report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lab.errors import BackendError, ExpectationError
from lab.probe.stream import StreamReport


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"
    """The lab ran, and the claim was false."""
    ERROR = "error"
    """The lab, or this host, did not do what it was told."""
    NOT_RUN = "not-run"
    """A step before it did not pass."""
    SKIPPED = "skipped"
    """A scenario that this host has not got what it takes for."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step. ``number`` counts from 1; ``kind`` is the step's property, such as ``no_route``.

    An expectation has ``claim`` and what was ``seen`` last; one that failed also has ``waited``
    (how long, and why so long), ``broken_link`` when one was found, and ``later``: whether it
    would have held a little later. An action has ``did``. ``error`` and ``hint`` are the lab's.
    ``node`` is where to look.
    """

    number: int
    kind: str
    say: str
    outcome: Outcome
    seconds: float = 0.0
    node: str | None = None
    claim: str | None = None
    seen: str | None = None
    waited: str | None = None
    broken_link: str | None = None
    later: str | None = None
    did: str | None = None
    error: str | None = None
    hint: str | None = None

    @property
    def absence(self) -> bool:
        """Whether it claims that something is not there."""
        return self.kind.startswith("no_")


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario. ``lab`` is the name of the lab it ran on; ``up_seconds`` None: the lab did not
    come up, ``error`` says why. ``flows``: what came of those that its steps began. ``skipped``: what
    this host lacks, so that no step was run."""

    name: str
    description: str
    file: str
    topology: str
    lab: str
    seconds: float
    up_seconds: float | None
    steps: tuple[StepResult, ...]
    flows: tuple[StreamReport, ...] = ()
    error: str | None = None
    hint: str | None = None
    skipped: str | None = None

    @property
    def outcome(self) -> Outcome:
        if self.skipped is not None:
            return Outcome.SKIPPED
        found = {step.outcome for step in self.steps}
        if self.error is not None or Outcome.ERROR in found:
            return Outcome.ERROR
        return Outcome.FAILED if Outcome.FAILED in found else Outcome.PASSED

    @property
    def stopped_at(self) -> StepResult | None:
        """The step that did not pass."""
        stopping = (Outcome.FAILED, Outcome.ERROR)
        return next((step for step in self.steps if step.outcome in stopping), None)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many scenarios ended in which way."""

    passed: int
    failed: int
    errors: int
    skipped: int

    @property
    def exit_code(self) -> int:
        """A lab that did not work says nothing about the claims, so its code wins. What was skipped
        counts for nothing."""
        if self.errors:
            return BackendError.exit_code
        return ExpectationError.exit_code if self.failed else 0


def totals(results: Sequence[ScenarioResult]) -> Totals:
    outcomes = [result.outcome for result in results]
    counted = (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.SKIPPED)
    return Totals(*(outcomes.count(each) for each in counted))
