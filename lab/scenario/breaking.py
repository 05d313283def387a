"""What a scenario breaks: each fault fits the plan, and is mended by the name it was given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.fault.places import MisfitError
from lab.model.problem import Finding, Loc
from lab.model.properties import closest
from lab.plan.types import Plan
from lab.scenario.kinds.base import Action, Expectation
from lab.scenario.kinds.fault import ApplyFault, ClearFault

Placed = Iterable[tuple[Loc, Expectation | Action]]
"""What steps hold, in order, each with its place."""


def misfits(kinds: Placed, plan: Plan) -> Iterator[Finding]:
    """Faults of what the plan does not have."""
    for loc, what in kinds:
        if isinstance(what, ApplyFault):
            try:
                list(what.what.effects(plan))
            except MisfitError as error:
                yield Finding((*loc, what.kind, error.parameter), error.what, error.hint)


def strays(kinds: Placed) -> Iterator[Finding]:
    """Names that are given twice, or mended without having been broken."""
    applied: dict[str, ApplyFault] = {}
    for loc, what in kinds:
        if isinstance(what, ApplyFault) and what.lasts:
            name = what.name or what.kind
            same = [each for each in applied.values() if each.what == what.what]
            if same:
                yield Finding(loc, f"{what.what.sentence()}: that is so already at this step")
            elif name in applied:
                yield Finding(
                    loc, f"a fault {name} holds already at this step", "give this one a name of its own"
                )
            applied[name] = what
        elif isinstance(what, ClearFault) and applied.pop(what.fault, None) is None:
            near = closest(what.fault, applied)
            meant = f", did you mean {near!r}?" if near else ""
            hint = f"faults that hold at this step: {', '.join(applied) or 'none'}"
            yield Finding((*loc, "fault"), f"no fault {what.fault!r} holds at this step{meant}", hint)
