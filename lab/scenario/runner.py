"""Running steps: what to do is done once, what to expect is looked at until it holds.

No I/O but the RunningLab's, and time only through a Clock, so that waiting is tested without
any. A step that has passed is never looked at again; a claim that fails is looked at for as long
again, to tell a lab that is slow from one that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.errors import LabError
from lab.scenario.kinds.base import Absence, Action, Expectation, Sight
from lab.scenario.result import Outcome, StepResult
from lab.scenario.running import RunningLab
from lab.scenario.step import Step
from lab.scenario.waits import waits_of
from lab.scenario.words import listed, seconds
from lab.timing import Backoff, Budget, Clock


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an expectation. ``waited``, ``broken_link`` and ``later`` are for one that
    failed."""

    holds: bool
    claim: str
    seen: str
    waited: str | None = None
    broken_link: str | None = None
    later: str | None = None
    absence: bool = False


class Runner:
    """Does and expects, on one running lab."""

    def __init__(self, lab: RunningLab, clock: Clock | None = None, *, patience: float = 1.0) -> None:
        self._lab = lab
        self._patience = patience
        self._clock = clock or Clock()

    def run(self, steps: Iterable[Step]) -> Iterator[StepResult]:
        """The result of each step as it ends. After one that did not pass, the others are not run."""
        stopped = False
        for number, step in enumerate(steps, 1):
            if stopped:
                yield StepResult(number, step.kind, step.say, Outcome.NOT_RUN)
                continue
            result = self._step(number, step)
            stopped = result.outcome is not Outcome.PASSED
            yield result

    def expect(self, expectation: Expectation) -> Verdict:
        """Look until it holds, within the lab's own times. Raises LabError."""
        waits = waits_of(self._lab.plan, self._patience)
        limit = waits.until(expectation)
        met, sight = self._look_until(expectation, limit, holds=True)
        if met and isinstance(expectation, Absence):
            return self._stays(expectation, waits.holding(expectation.holds_for))
        verdict = Verdict(met, expectation.claim(), sight.seen, absence=expectation.absence)
        if met:
            return verdict
        broken_link = self._broken_link(expectation)
        if sight.final:
            return replace(verdict, broken_link=broken_link)
        return replace(
            verdict,
            waited=f"{seconds(limit.seconds)} ({limit.name})",
            broken_link=broken_link,
            later=self._later(expectation, limit),
        )

    def do(self, action: Action) -> str:
        """Do it, and let the lab take it in; what was done, in words. Raises LabError."""
        self._lab.mark_flows()
        did = action.do(self._lab)
        if action.settles:
            self._settle()
        return did

    def change(self, patch: Mapping[str, Any]) -> str:
        """Bring the lab to its patched topology; what changed, in words. Raises LabError."""
        self._lab.mark_flows()
        did = self._lab.change(patch)
        self._settle()
        return listed(did, nothing="nothing changed")

    # One step.

    def _step(self, number: int, step: Step) -> StepResult:
        started = self._clock.now()
        blank = StepResult(number, step.kind, step.say, Outcome.PASSED, node=_place(step.what))
        try:
            result = self._ran(blank, step)
        except LabError as error:
            result = replace(blank, outcome=Outcome.ERROR, error=error.message, hint=error.hint)
        return replace(result, seconds=self._clock.now() - started)

    def _ran(self, blank: StepResult, step: Step) -> StepResult:
        match step.what:
            case Expectation() as expectation:
                verdict = self.expect(expectation)
                return replace(
                    blank,
                    outcome=Outcome.PASSED if verdict.holds else Outcome.FAILED,
                    claim=verdict.claim,
                    seen=verdict.seen,
                    waited=verdict.waited,
                    broken_link=verdict.broken_link,
                    later=verdict.later,
                )
            case Action() as action:
                return replace(blank, did=self.do(action))
            case patch:
                return replace(blank, did=self.change(patch))

    # Looking.

    def _look_until(self, expectation: Expectation, budget: Budget, *, holds: bool) -> tuple[bool, Sight]:
        """Look until it does, or does not, or never will; whether that came to be, and the last sight."""
        deadline = self._clock.now() + budget.seconds
        backoff = Backoff()
        while True:
            sight = expectation.look(self._lab)
            if sight.holds is holds or sight.final:
                return sight.holds is holds, sight
            remaining = deadline - self._clock.now()
            if remaining <= 0:
                return False, sight
            self._clock.sleep(min(backoff.next(), remaining))

    def _stays(self, absence: Absence, budget: Budget) -> Verdict:
        """It holds now; does it go on?"""
        started = self._clock.now()
        broken, sight = self._look_until(absence, budget, holds=False)
        claim = f"{absence.claim()}, for {seconds(budget.seconds)} ({budget.name})"
        if not broken:
            return Verdict(True, claim, sight.seen, absence=True)
        held = seconds(self._clock.now() - started)
        return Verdict(
            False,
            claim,
            sight.seen,
            waited=f"it held for {held}, then no more",
            broken_link=self._broken_link(absence),
            absence=True,
        )

    def _later(self, expectation: Expectation, budget: Budget) -> str:
        """Whether the claim would have held with more patience, as much again: that tells a slow lab
        from a wrong one."""
        started = self._clock.now()
        try:
            met, _ = self._look_until(expectation, budget, holds=True)
        except LabError as error:
            return f"nobody knows: {error.message}"
        waited = seconds(self._clock.now() - started)
        return f"it held {waited} later" if met else f"nor {waited} later"

    def _broken_link(self, expectation: Expectation) -> str | None:
        try:
            return expectation.broken_link(self._lab)
        except LabError as error:
            return f"could not be found: {error.message}"

    def _settle(self) -> None:
        """Until nothing is under way any more, so that the next look does not see the past.

        A lab that never comes to rest, because a session comes and goes, is looked at anyway.
        """
        budget = waits_of(self._lab.plan).settle
        deadline = self._clock.now() + budget.seconds
        backoff = Backoff()
        while not self._lab.settled() and self._clock.now() < deadline:
            self._clock.sleep(backoff.next())


def _place(what: Any) -> str | None:
    """The namespace a person would look at."""
    interface = getattr(what, "interface", None)
    if interface is not None:
        return str(interface).partition(":")[0]
    return getattr(what, "node", None) or getattr(what, "source", None)
