"""Results for people: a line a step, and for one that did not pass all there is to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lab.probe.stream import StreamReport
from lab.scenario.flow_words import passage_words
from lab.scenario.result import Outcome, ScenarioResult, StepResult, totals
from lab.scenario.runner import Verdict
from lab.scenario.words import counted

Paint = Callable[[str, Outcome], str]
"""Colours a word by what it says."""

WORDS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAIL", Outcome.ERROR: "error", Outcome.SKIPPED: "skip"}
WIDTH = max(map(len, WORDS.values()))

INDENT = "    "
FACTS = {
    "claim": "claim",
    "seen": "seen",
    "waited": "waited",
    "broken link": "broken_link",
    "later": "later",
    "error": "error",
    "hint": "hint",
}
"""What is told of a step that did not pass, and the field it stands in."""
FACT_WIDTH = max(map(len, FACTS))
MEASURED = frozenset({"interruption"})
"""Kinds of which it is told what was seen although the claim holds."""
OF_ABSENCES = {"broken link": "because"}
"""What a fact of an absence is called: where something is there after all, no link is broken."""


def unpainted(word: str, _outcome: Outcome) -> str:
    return word


def heading(name: str, description: str) -> str:
    return f"{name}: {description}" if description else name


def up_line(topology: str, seconds: float) -> str:
    return f"  {'up':<{WIDTH}}  {seconds:6.1f} s  {topology}"


def step_lines(step: StepResult, paint: Paint = unpainted) -> Iterator[str]:
    """Nothing for a step that was not run; ``not_run_line`` counts those."""
    if step.outcome is Outcome.NOT_RUN:
        return
    yield _status_line(step.outcome, step.seconds, step.say, paint)
    if step.outcome is not Outcome.PASSED:
        yield from facts(step)
    elif step.kind in MEASURED and step.seen is not None:
        yield from _fact("seen", step.seen)


def closing_lines(result: ScenarioResult, paint: Paint = unpainted) -> Iterator[str]:
    """What is said after a scenario's steps, or in their place: why its lab did not come up, what this
    host lacks, what was not run, what came of flows."""
    if result.skipped is not None:
        yield _status_line(Outcome.SKIPPED, result.seconds, result.skipped, paint)
    if result.error is not None:
        yield _status_line(Outcome.ERROR, result.seconds, f"The lab of {result.topology}.", paint)
        yield from _fact("error", result.error)
        if result.hint:
            yield from _fact("hint", result.hint)
    not_run = sum(step.outcome is Outcome.NOT_RUN for step in result.steps)
    if not_run:
        yield f"  {'-':<{WIDTH}}            {counted(not_run, 'step')} not run"
    for flow in result.flows:
        yield from _flow_lines(flow)


def _flow_lines(report: StreamReport) -> Iterator[str]:
    stream = report.stream
    text = f"{stream.name}: {stream.source} to {stream.destination}, {counted(stream.ports, 'port')}"
    yield f"  {'flow':<{WIDTH}}  {report.at - report.started:6.1f} s  {text}"
    for direction, passage in report.total.items():
        yield from _fact(direction, passage_words(passage, report.at, report.started, "it began"))


def scenario_text(result: ScenarioResult, paint: Paint = unpainted) -> str:
    """A whole scenario, as it would have been told while it ran."""
    lines = [heading(result.name, result.description)]
    if result.up_seconds is not None:
        lines.append(up_line(result.topology, result.up_seconds))
    for step in result.steps:
        lines.extend(step_lines(step, paint))
    return "\n".join([*lines, *closing_lines(result, paint)])


def summary(results: Sequence[ScenarioResult], seconds: float, paint: Paint = unpainted) -> str:
    """Which did not pass and where, and the count of all."""
    lines = []
    for result in results:
        if result.outcome is not Outcome.PASSED:
            word = paint(f"{WORDS[result.outcome]:<{WIDTH}}", result.outcome)
            lines.append(f"{word}  {result.file}, {headline(result)}")
    return "\n".join([*lines, f"{_counts(results, paint)} in {seconds:.1f} s"])


def _counts(results: Sequence[ScenarioResult], paint: Paint) -> str:
    total = totals(results)
    counts = (
        (total.passed, "passed", Outcome.PASSED),
        (total.failed, "failed", Outcome.FAILED),
        (total.errors, "with an error", Outcome.ERROR),
        (total.skipped, "skipped", Outcome.SKIPPED),
    )
    return ", ".join(paint(f"{number} {words}", outcome) for number, words, outcome in counts if number)


def _status_line(outcome: Outcome, seconds: float, text: str, paint: Paint) -> str:
    return f"  {paint(f'{WORDS[outcome]:<{WIDTH}}', outcome)}  {seconds:6.1f} s  {text}"


def verdict_text(verdict: Verdict) -> str:
    """A claim that did not hold, for who has just written it."""
    return "\n".join([f"it is false that {verdict.claim}", *facts(verdict, but="claim")])


def headline(result: ScenarioResult) -> str:
    """Why it did not pass, in one line."""
    if result.skipped is not None:
        return result.skipped
    step = result.stopped_at
    if step is not None:
        return f"step {step.number}: {step.say}"
    return f"its lab: {(result.error or '').partition(chr(10))[0]}"


def facts(source: StepResult | Verdict, *, but: str | None = None) -> Iterator[str]:
    """What is known of a claim that did not hold, or of an error, a line each."""
    for label, field in FACTS.items():
        value = getattr(source, field, None)
        if value is not None and label != but:
            yield from _fact(OF_ABSENCES.get(label, label) if source.absence else label, value)


def _fact(label: str, value: str) -> Iterator[str]:
    first, *others = value.splitlines() or [""]
    yield f"{INDENT}{label:<{FACT_WIDTH}}  {first}"
    for line in others:
        yield f"{INDENT}{'':<{FACT_WIDTH}}  {line}"
