"""Packets that keep flowing while the lab changes, and for how long they did not get through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator

from lab.model.addresses import wrong
from lab.model.fields import Address, NodeName
from lab.model.problem import quoted
from lab.plan.types import Plan
from lab.probe.stream import DIRECTIONS, MOST_PORTS, PORTS, Direction, Passage, Stream, StreamReport
from lab.scenario.bounds import Cause, at_least, at_most
from lab.scenario.flow_words import passage_words
from lab.scenario.kinds.base import Action, Expectation, NamespaceName, Sight
from lab.scenario.kinds.traffic import Port, Size
from lab.scenario.running import RunningLab
from lab.scenario.words import counted, seconds


def _parse_bound(value: Any) -> tuple[Cause, ...]:
    """One, or a list of them."""
    return tuple(map(_parse_cause, value if isinstance(value, list | tuple) and value else [value]))


def _parse_cause(value: Any) -> Cause:
    try:
        return Cause(value)
    except ValueError:
        names = [cause.value for cause in Cause]
        raise wrong(f"{quoted(str(value))} is no bound", f"one or several of {', '.join(names)}") from None


Bound = Annotated[
    tuple[Cause, ...],
    PlainValidator(
        _parse_bound, json_schema_input_type=Cause | Annotated[tuple[Cause, ...], Field(min_length=1)]
    ),
]
"""What has to happen first, one after the other."""


class StartFlow(Action):
    """UDP packets at a steady pace, both ways, until the scenario ends."""

    name: NodeName
    """What later steps and the report call it."""
    source: NamespaceName
    destination: Address
    """An address that one node of the lab has."""
    source_address: Address | None = None
    """Another one of the source's than its kernel would choose."""
    port: Port | None = None
    """The destination's; without it one that nothing else uses."""
    ports: Annotated[int, Field(ge=1, le=MOST_PORTS)] = PORTS
    """As many source ports, each a flow of its own, so that all branches of a way carry some."""
    size: Size | None = None
    """Of the whole IP packet, in bytes. Nothing is fragmented."""

    def do(self, lab: RunningLab) -> str:
        stream = Stream(
            self.name,
            self.source,
            self.destination,
            source_address=self.source_address,
            port=self.port,
            ports=self.ports,
            size=self.size,
        )
        lab.start_flow(stream)
        how = f"every {stream.pace * 1000:g} ms by {counted(self.ports, 'port')}"
        return f"{self.source} and {self.destination} send to each other {how}"


class Interruption(Expectation):
    """A flow gets through again, and what the last action did to it was within bounds.

    What counts is what was done last, by whichever step. Without any action since it began, that is
    its beginning.
    """

    of_tunnels: ClassVar[bool] = True

    flow: NodeName
    """Its name."""
    direction: Literal["forward", "return", "both"] = "both"
    """Each of `both` is held to the bounds by itself."""
    at_most: Bound | None = None
    """The longest interruption, by what has to happen before traffic takes another way."""
    at_least: Bound | None = None
    """The same from below: so that something was interrupted at all, and not noticed at once."""
    lost_at_most: Annotated[int, Field(ge=0)] | None = None
    """Packets."""

    def claim(self) -> str:
        return f"{self.flow} flows{self._way()}, interrupted {' and '.join(self._bounds())}"

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.flow(self.flow), lab.plan)

    def judge(self, report: StreamReport, plan: Plan) -> Sight:
        """A bound from above that is broken stays broken; from below, more may come."""
        passages = {direction: report.recent[direction] for direction in self._directions()}
        flows = all(one.silent_since is None and one.tally.arrived > 0 for one in passages.values())
        short = all(self._is_short(one, plan) for one in passages.values())
        long = all(self._is_long(one, plan) for one in passages.values())
        seen = [_words(report, direction, one) for direction, one in passages.items()]
        return Sight(
            flows and short and long,
            "\n".join([*seen, *self._derived(plan)]),
            final=flows and not short,
        )

    def broken_link(self, lab: RunningLab) -> str | None:
        """Nothing is broken any more where packets pass again."""
        report = lab.flow(self.flow)
        silent = any(report.recent[each].silent_since is not None for each in self._directions())
        return lab.trace(report.stream.flow) if silent else None

    def _directions(self) -> tuple[Direction, ...]:
        return DIRECTIONS if self.direction == "both" else (self.direction,)

    def _is_short(self, passage: Passage, plan: Plan) -> bool:
        in_time = self.at_most is None or _longest(passage) <= at_most(plan, self.at_most).seconds
        return in_time and (self.lost_at_most is None or passage.tally.lost <= self.lost_at_most)

    def _is_long(self, passage: Passage, plan: Plan) -> bool:
        return self.at_least is None or _longest(passage) >= at_least(plan, self.at_least).seconds

    # Words.

    def _way(self) -> str:
        return {"both": " both ways", "forward": " there", "return": " back"}[self.direction]

    def _bounds(self) -> Iterator[str]:
        if self.at_least is not None:
            yield f"for at least {_sum(self.at_least)}"
        if self.at_most is not None:
            yield f"for at most {_sum(self.at_most)}"
        if self.lost_at_most is not None:
            yield f"with at most {counted(self.lost_at_most, 'packet')} lost"

    def _derived(self, plan: Plan) -> Iterator[str]:
        if self.at_least is not None:
            least = at_least(plan, self.at_least)
            yield f"at least {seconds(least.seconds)}: {least.name}"
        if self.at_most is not None:
            most = at_most(plan, self.at_most)
            yield f"at most {seconds(most.seconds)}: {most.name}"


def _longest(passage: Passage) -> float:
    return passage.tally.longest.seconds if passage.tally.longest else 0.0


def _sum(causes: tuple[Cause, ...]) -> str:
    return " + ".join(cause.value for cause in causes)


def _words(report: StreamReport, direction: Direction, passage: Passage) -> str:
    words = f"{direction}: {passage_words(passage, report.at, report.marked, 'the last action')}"
    refused = report.refused.get(direction)
    return words if refused is None else f"{words}; could not be sent: {refused}"
