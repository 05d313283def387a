"""Reports word for word, in tests/golden/reports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.probe.stream import Direction, Gap, Passage, Stream, StreamReport, Tally
from lab.scenario import report_json, report_junit, report_text
from lab.scenario.result import Outcome, ScenarioResult, StepResult, totals
from lab.scenario.runner import Verdict

GOLDEN = Path(__file__).parents[2] / "golden" / "reports"
BEGAN = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)

Golden = Callable[[Path, str], None]

HELD = StepResult(
    1,
    "session",
    "Both sessions are up.",
    Outcome.PASSED,
    0.012,
    "ce1/core",
    claim="the session of ce1/core with msee1/private is established",
    seen="established",
)
DONE = StepResult(
    2,
    "originate",
    "Announce one more.",
    Outcome.PASSED,
    0.25,
    "ce1/core",
    did="ce1/core announces 10.9.0.0/24",
)
FALSE = StepResult(
    3,
    "route",
    "The <prefix> arrives & stays.",
    Outcome.FAILED,
    54.21,
    "msee1/private",
    claim="msee1/private has 10.9.0.0/24 with AS path 65010, best",
    seen="10.9.0.0/24 from ce1/core: AS path 65011\n10.9.0.0/24 from ce2/core: AS path 65012",
    waited="27 s (hold time 10 s, restart 5 s, connect retry 2 s, margin 10 s)",
    broken_link="ce1/core has 10.9.0.0/24 and does not advertise it: \x1b[31mno\x1b[0m",
    later="nor 27 s later",
)
THERE = StepResult(
    3,
    "no_route",
    "It stays away.",
    Outcome.FAILED,
    27.5,
    "core1",
    claim="core1 has no route to 10.9.0.0/24, for 3 s (keepalive)",
    seen="10.9.0.0/24 from ce1/core: AS path 65011",
    waited="27 s (hold time 10 s, restart 5 s, connect retry 2 s, margin 10 s)",
    broken_link="core1, from ce1/core: accepted by import policy accept-all: accept-all",
    later="nor 27 s later",
)
NOT_RUN = StepResult(4, "no_route", "It goes.", Outcome.NOT_RUN)
BROKEN = StepResult(
    1,
    "no_route",
    "Nothing arrives.",
    Outcome.ERROR,
    1.5,
    "ce9",
    error="ce9 is not a node of this lab",
    hint="there are: ce1, ce2",
)

PASSED = ScenarioResult(
    name="all-well",
    description="All is well.",
    file="scenarios/advertisement/all-well.yaml",
    topology="expressroute-vpn",
    lab="all-well-7",
    seconds=1.9,
    up_seconds=0.8,
    steps=(HELD, DONE),
)
FAILED = ScenarioResult(
    name="one-false",
    description="One is not.",
    file="scenarios/filtering/one-false.yaml",
    topology="expressroute-vpn",
    lab="one-false-7",
    seconds=56.1,
    up_seconds=0.9,
    steps=(HELD, DONE, FALSE, NOT_RUN),
)
ERROR = ScenarioResult("lost", "", "lost.yaml", "./own.yaml", "lost-7", 2.25, 0.75, (BROKEN,))
NO_LAB = ScenarioResult(
    name="no-lab",
    description="Nothing comes up.",
    file="scenarios/limits/no-lab.yaml",
    topology="hub-spoke",
    lab="no-lab-7",
    seconds=60.5,
    up_seconds=None,
    steps=(),
    error="the lab did not converge in 60 s (--timeout):\n  ce1 - msee1: ARP: 10.0.0.1 does not answer",
    hint="a slow machine may need `--timeout SECONDS`",
)
INTERRUPTED = StepResult(
    1,
    "interruption",
    "They talk again.",
    Outcome.PASSED,
    8.9,
    claim="talk flows there, interrupted for at most hold",
    seen="forward: interrupted for 8.42 s on 4 of 8 ports, from 0.02 s after the last action, "
    "1684 of 4400 packets lost\nat most 13 s: hold time 10 s, reaction 3 s",
)
THROUGH: dict[Direction, Passage] = {
    "forward": Passage(Tally(8000, 6316, 1684, 2, 3, Gap(1012.52, 8.42, 421)), 8, 4, None),
    "return": Passage(Tally(7990, 7790, 200), 8, 8, 1018.75),
}
FLOWING = ScenarioResult(
    name="flowing",
    description="",
    file="scenarios/failover/flowing.yaml",
    topology="expressroute-vpn",
    lab="flowing-7",
    seconds=20.5,
    up_seconds=0.8,
    steps=(INTERRUPTED,),
    flows=(
        StreamReport(
            Stream("talk", "app1", ip_address("10.2.0.4")), 1000.0, 1012.5, 1020.0, THROUGH, THROUGH
        ),
    ),
)
SKIPPED = ScenarioResult(
    name="not-here",
    description="Tunnels are needed.",
    file="scenarios/tunnels/not-here.yaml",
    topology="expressroute-vpn",
    lab="not-here-7",
    seconds=1.2,
    up_seconds=0.7,
    steps=(),
    skipped="no IPsec tunnels: /dev/net/tun is not open to you",
)
ALL = (PASSED, FAILED, ERROR, NO_LAB, FLOWING, SKIPPED)
TOOK = 120.75


def test_text(golden: Golden) -> None:
    texts = [report_text.scenario_text(result) for result in ALL]
    texts.append(report_text.scenario_text(replace(FAILED, name="one-too-many", steps=(HELD, DONE, THERE))))
    golden(GOLDEN / "report.txt", "\n".join([*texts, "", report_text.summary(ALL, TOOK), ""]))


def test_json(golden: Golden) -> None:
    golden(GOLDEN / "report.json", json.dumps(report_json.report(ALL, TOOK), indent=2) + "\n")


def test_junit(golden: Golden) -> None:
    golden(GOLDEN / "junit.xml", report_junit.report(ALL, TOOK, BEGAN))


def test_what_is_told_step_by_step_is_the_whole() -> None:
    for result in ALL:
        lines = [report_text.heading(result.name, result.description)]
        if result.up_seconds is not None:
            lines.append(report_text.up_line(result.topology, result.up_seconds))
        for step in result.steps:
            lines += report_text.step_lines(step)
        lines += report_text.closing_lines(result)
        assert "\n".join(lines) == report_text.scenario_text(result)


def test_json_has_every_field_of_a_result() -> None:
    report = report_json.report(ALL, TOOK)
    (scenario, *_), (step, *_) = report["scenarios"], report["scenarios"][1]["steps"]
    assert {field.name for field in fields(ScenarioResult)} <= scenario.keys()
    assert {field.name for field in fields(StepResult)} <= step.keys()
    assert [each["outcome"] for each in report["scenarios"]] == [
        "passed",
        "failed",
        "error",
        "error",
        "passed",
        "skipped",
    ]


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(report_junit.report(ALL, TOOK, BEGAN))
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "1", "2")
    assert suite.get("skipped") == "1"
    found = [(case.get("name"), [each.tag for each in case]) for case in suite]
    assert found == [
        ("all-well", ["system-out"]),
        ("one-false", ["failure"]),
        ("lost", ["error"]),
        ("no-lab", ["error"]),
        ("flowing", ["system-out"]),
        ("not-here", ["skipped"]),
    ]


def test_a_failure_in_junit_is_the_whole_text() -> None:
    root = ElementTree.fromstring(report_junit.report([FAILED], TOOK, BEGAN))
    (failure,) = root.iter("failure")
    assert failure.text == re.sub("\x1b", "?", report_text.scenario_text(FAILED))
    assert failure.get("message") == "step 3: The <prefix> arrives & stays."


@pytest.mark.parametrize("text", ["\x00\x1b[0m", "\ud800", "\ufffe", "]]>", "<a b='\"'>&amp;"])
def test_junit_is_xml_whatever_a_file_says(text: str) -> None:
    said = replace(FALSE, say=text, seen=text)
    xml = report_junit.report([replace(FAILED, name=text, steps=(said,))], TOOK, BEGAN)
    ElementTree.fromstring(xml)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 0),
        ([PASSED], 0),
        ([PASSED, FAILED], 1),
        ([FAILED, ERROR], 3),
        ([NO_LAB, PASSED], 3),
        ([SKIPPED], 0),
        ([SKIPPED, FAILED], 1),
    ],
)
def test_an_error_wins_over_a_failure_and_a_failure_over_a_pass(
    results: list[ScenarioResult], code: int
) -> None:
    assert totals(results).exit_code == code


@pytest.mark.parametrize(("step", "label"), [(FALSE, "broken link"), (THERE, "because")])
def test_no_link_is_broken_where_something_is_there_after_all(step: StepResult, label: str) -> None:
    assert step.broken_link is not None
    texts = [
        "\n".join(report_text.step_lines(step)),
        report_text.verdict_text(
            Verdict(
                False,
                "it is so",
                "seen",
                waited="1 s",
                broken_link=step.broken_link,
                absence=step.absence,
            )
        ),
    ]
    for text in texts:
        assert f"\n    {label:<11}  {step.broken_link}" in text
        assert ("broken link" in text) is (label == "broken link")


def test_words_are_painted_by_what_they_say_and_nothing_else_is() -> None:
    painted: list[tuple[str, Outcome]] = []

    def paint(word: str, outcome: Outcome) -> str:
        painted.append((word.strip(), outcome))
        return word

    report_text.scenario_text(FAILED, paint)
    assert painted == [("ok", Outcome.PASSED), ("ok", Outcome.PASSED), ("FAIL", Outcome.FAILED)]
