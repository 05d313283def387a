"""The list of rules is whole, every rule is kept somewhere, and what proves it exists."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from lab.model.checks import RULES
from lab.model.limits import Limits
from lab.model.rule_catalogue import ENTRIES, OBSERVED, STATIC_PROOF, Where, limit_entries, names
from lab.model.rules_page import rules_page, sources, statement, url

ROOT = Path(__file__).parents[3]

PUBLISHED = {
    "A-1", "A-2", "A-3", "A-4", "A-5", "A-6",
    "B-1", "B-2", "B-3", "B-4", "B-5", "B-6", "B-7", "B-8",
    "C-1",
}  # fmt: skip
"""Azure's rules about circuits, peerings and gateways, by their numbers here."""
OURS = {"C-12", "C-18", "C-24", "C-40", "D-10", "D-22", "D-23", "D-33", "D-36", "D-37"}
"""Rules about Azure's side that no page has to say."""
IN_TWO_PLACES = {"A-5"}
"""Networks are counted by validate, prefixes by the running lab."""


def test_every_published_rule_is_in_the_list() -> None:
    assert names() >= PUBLISHED
    assert {name for name in names() if int(name[2:]) < 10} == PUBLISHED


def test_a_name_is_one_rules() -> None:
    listed = [entry.name for entry in ENTRIES]
    assert len(set(listed)) == len(listed)
    assert {rule.name for rule in RULES} & set(listed) == IN_TWO_PLACES


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_rule_is_kept_and_proven_or_says_why_not(entry: object) -> None:
    (found,) = (one for one in ENTRIES if one is entry)
    assert found.says.endswith(".")
    assert found.how
    assert bool(found.proofs) == (found.where is not Where.NOWHERE)


PROOFS = sorted({STATIC_PROOF, *(proof for entry in ENTRIES for proof in entry.proofs)})


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("proof", PROOFS)
def test_a_proof_exists(proof: str) -> None:
    path, _, test = proof.partition("::")
    assert (ROOT / path).is_file()
    if test:
        assert test.startswith("test_")
        assert test in functions_in(ROOT / path)
    else:
        assert path.startswith("scenarios/")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_static_rule_is_a_sentence_with_its_source(rule: object) -> None:
    (found,) = (one for one in RULES if one is rule)
    said = statement(found)
    assert said[0].isupper()
    assert said.endswith(".")
    assert "(" not in said
    assert bool(sources(found)) or found.name[0] in "NE" or found.name in {*OURS, "A-11"}


def test_sources_are_public_pages() -> None:
    named = {entry.source for entry in ENTRIES} - {OBSERVED} | {
        source for rule in RULES for source in sources(rule).split(", ") if source
    }
    assert all(url(source).startswith("https://") for source in named)
    assert url("RFC 4271") == "https://www.rfc-editor.org/rfc/rfc4271"
    assert url("expressroute/metro") == "https://learn.microsoft.com/azure/expressroute/metro"
    assert url("training/modules/x") == "https://learn.microsoft.com/training/modules/x"
    assert url("MicrosoftDocs/azure-docs#5") == "https://github.com/MicrosoftDocs/azure-docs/pull/5"


def test_every_limit_is_listed_once_with_a_rule_that_keeps_it() -> None:
    listed = list(limit_entries())
    shown = [field for limit in listed for field in limit.fields]
    assert sorted(shown) == sorted(field.name for field in fields(Limits))
    assert {rule for limit in listed for rule in limit.rules} <= names()
    assert [limit.what for limit in listed if not limit.value or not limit.rules] == []


def test_the_page_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(ROOT / "docs" / "rules.md", rules_page())
