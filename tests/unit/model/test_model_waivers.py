"""Rules waived by name: what they find becomes a warning, and the lab is built."""

from __future__ import annotations

import json
from typing import Any

import pytest
from model_builders import REFERENCE, changed
from test_model_rules import CASES, SEVERAL

from lab.model.checks import RULES
from lab.model.load import Loaded, examined
from lab.model.problem import Severity, TopologyError
from lab.model.reader import read_document
from lab.plan.compile import compile_topology

WAIVABLE = {rule.name for rule in RULES if rule.waivable}
FAR_AWAY = {"virtual_networks.0.location": "West Europe"}
PEER = "connections.conn-corp.peer"


def loaded(data: dict[str, Any]) -> Loaded:
    return examined(*read_document(json.dumps(data, indent=1), "test.yaml"))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [pytest.param(case[0], case[1], id=f"{case[0]}-{case[2]}") for case in CASES if case[0] in WAIVABLE],
)
def test_a_waived_rule_warns_and_leaves_a_lab_that_can_be_built(rule: str, changes: dict[str, Any]) -> None:
    """Whatever else the case needs is as the rule's own test has it: no other rule is broken."""
    found = loaded(changed(changes | {"waived_rules": [rule]}))
    assert {(problem.rule, problem.severity) for problem in found.warnings} == {(rule, Severity.WARNING)}
    assert compile_topology(found.topology).nodes


def test_every_waivable_rule_can_be_broken_alone_or_with_others_that_are_waived_too() -> None:
    alone = {case[0] for case in CASES}
    together = {rule: changed(changes) for rule, changes, _ in SEVERAL if rule in WAIVABLE - alone}
    for rule, data in together.items():
        with pytest.raises(TopologyError) as raised:
            loaded(data)
        others = {problem.rule for problem in raised.value.problems}
        if others <= WAIVABLE:
            found = loaded(data | {"waived_rules": sorted(map(str, others))})
            assert rule in {problem.rule for problem in found.warnings}
            assert compile_topology(found.topology).nodes
    assert alone | set(together) >= WAIVABLE


def test_a_warning_says_that_its_rule_is_waived() -> None:
    (warning,) = loaded(changed(FAR_AWAY | {"waived_rules": ["A-4"]})).warnings
    place, _, rest = str(warning).partition(": ")
    assert place == f"test.yaml:{warning.line}:{warning.column}"
    assert rest.startswith(f"warning: {PEER}: vnet-corp is in West Europe")
    assert "[RULE A-4 waived]\n  hint: " in rest


def test_other_rules_are_kept() -> None:
    with pytest.raises(TopologyError) as raised:
        loaded(changed(FAR_AWAY | {"waived_rules": ["A-4"], "connections.0.peer": "er-tacoma"}))
    assert [(problem.rule, problem.is_warning) for problem in raised.value.problems] == [
        ("N-12", False),
        (None, True),
    ]


def test_an_error_is_told_with_the_warnings_around_it_in_the_order_of_the_file() -> None:
    with pytest.raises(TopologyError) as raised:
        loaded(changed(FAR_AWAY | {"waived_rules": ["A-4"], "virtual_machines.0.subnet": "none"}))
    lines = str(raised.value).splitlines()
    assert [line for line in lines if "[RULE A-4 waived]" in line and ": warning: " in line]
    assert [line for line in lines if "[RULE N-12]" in line and ": warning: " not in line]
    assert [problem.line for problem in raised.value.problems] == sorted(
        problem.line for problem in raised.value.problems
    )


def test_a_waiver_that_waives_nothing_is_a_warning_at_its_place() -> None:
    found = loaded(changed(FAR_AWAY | {"waived_rules": ["C-1", "A-4"]}))
    idle, used = found.warnings if found.warnings[0].rule is None else found.warnings[::-1]
    assert (idle.path, idle.what) == ("waived_rules[0]", "C-1 waives nothing here")
    assert used.rule == "A-4"


@pytest.mark.parametrize(("waived", "what"), [
    ("A-50", "'A-50' is no rule, did you mean A-5?"),
    ("a-4", "'a-4' is no rule, did you mean A-4?"),
    ("everything", "'everything' is no rule"),
    ("C-20", "C-20 cannot be waived"),
])  # fmt: skip
def test_what_cannot_be_waived_is_an_error(waived: str, what: str) -> None:
    with pytest.raises(TopologyError) as raised:
        loaded(REFERENCE | {"waived_rules": [waived]})
    (problem,) = raised.value.problems
    assert (problem.rule, problem.path, problem.what) == ("N-14", "waived_rules[0]", what)


def test_without_waivers_there_are_no_warnings() -> None:
    assert loaded(REFERENCE).warnings == ()
