"""docs/rules.md: every rule and limit, made of ``lab.model.rule_catalogue`` (``make docs``)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from lab.model.checks import RULES, Rule
from lab.model.rule_catalogue import ENTRIES, OBSERVED, STATIC_PROOF, Where, limit_entries

_AT_CREATION = ", ".join(rule.name for rule in RULES if rule.at_creation)
_HEAD = f"""\
# Rules

<!-- Made by `make docs`; what to change is `lab/model/rule_catalogue.py` and the rules' docstrings. -->

What Azure refuses, what it does and what follows from that for a topology, and where the lab keeps
it. Letters: N names and references, A circuits, B peerings, C virtual networks, gateways and
connections, D site-to-site VPN, E the customer's side. Numbers below 10 are Azure's own rules; from
10 on they are about a topology making sense, from 50 on they are statements beside the rules of
`validate`.

## Kept by `mseelab validate`

A breach is an error with its file, line and column, and the rule's name. Where the last column says
yes, a topology may waive the rule for a drill: `waived_rules: [A-5]` makes its breaches warnings, and
the lab is built all the same. Of A-5 and A-6 that is the part below; the running lab still drops a
session with too many prefixes.

What holds at the moment a connection is made ({_AT_CREATION}) is not asked again of a connection that a
running lab has: `apply` and a scenario's `change` may outgrow it.

The proof of each is its cases, which a test asks for, in
`{STATIC_PROOF}`
or, for rules that are broken together only, in the test after it. Those that can be waived are in
`tests/unit/model/test_model_waivers.py::test_a_waived_rule_warns_and_leaves_a_lab_that_can_be_built`
too.
"""
_RUNNING = """\
## Kept by the running lab

What only shows when sessions are up and packets pass. A proof is a test or a scenario
(`mseelab test`).
"""
_NOWHERE = """\
## Not kept

What the lab does not do, and why.
"""
_LIMITS = """\
## Limits

The values are in `lab/data`, few in `lab/model/constants.py`, each with its source.
"""
_PAGE = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)+")
_SOURCE = re.compile(rf"{_PAGE.pattern}|RFC \d+|MicrosoftDocs/azure-docs#\d+")
_BRACKETS = re.compile(r"\s*\(([^()]*)\)")


def rules_page() -> str:
    """The page as it is kept in docs/."""
    static = [_static(rule) for rule in RULES] + [
        _row(entry.name, entry.says, _links(entry.source), entry.how)
        for entry in ENTRIES
        if entry.where is Where.STATIC
    ]
    parts = [
        _HEAD + _table(("rule", "what it says", "source", "may be waived"), sorted(static, key=_order)),
        _RUNNING + _table(("rule", "what it says", "source", "how", "proof"), _entries(Where.RUNNING)),
        _NOWHERE + _table(("rule", "what it says", "source", "why"), _entries(Where.NOWHERE)),
        _LIMITS + _table(("limit", "value", "rule"), _limits()),
    ]
    return "\n".join(parts)


def statement(rule: Rule) -> str:
    """The first sentence of the rule's docstring, without its source."""
    text = " ".join((rule.check.__doc__ or "").split())
    bare = _BRACKETS.sub(lambda found: "" if _SOURCE.search(found.group(1)) else found.group(), text)
    return bare.partition(". ")[0].rstrip(".") + "."


def sources(rule: Rule) -> str:
    """The pages its docstring names; nothing for a rule that is the lab's own."""
    text = " ".join((rule.check.__doc__ or "").split())
    found = [source for inner in _BRACKETS.findall(text) for source in _SOURCE.findall(inner)]
    return ", ".join(dict.fromkeys(found))


def url(source: str) -> str:
    """Where a source can be read."""
    if source.startswith("RFC "):
        return f"https://www.rfc-editor.org/rfc/rfc{source.removeprefix('RFC ')}"
    if "#" in source:
        repository, _, number = source.partition("#")
        return f"https://github.com/{repository}/pull/{number}"
    below = "" if source.startswith("training/") else "azure/"
    return f"https://learn.microsoft.com/{below}{source}"


def _static(rule: Rule) -> str:
    said = _links(sources(rule)) or "ours"
    return _row(rule.name, statement(rule), said, "yes" if rule.waivable else "no")


def _entries(where: Where) -> Iterator[str]:
    for entry in ENTRIES:
        if entry.where is where:
            proofs = [" <br> ".join(f"`{proof}`" for proof in entry.proofs)] if entry.proofs else []
            yield _row(entry.name, entry.says, _links(entry.source), entry.how, *proofs)


def _limits() -> Iterator[str]:
    for limit in limit_entries():
        yield _row(limit.what, limit.value, ", ".join(limit.rules))


def _links(named: str) -> str:
    """Pages by their last path element."""
    if named == OBSERVED:
        return "observed, promised by nobody"
    return ", ".join(f"[{source.rpartition('/')[2]}]({url(source)})" for source in _SOURCE.findall(named))


def _order(row: str) -> tuple[int, int]:
    letter, _, number = row.split()[1].partition("-")
    return "NABCDE".index(letter), int(number)


def _table(headings: tuple[str, ...], rows: Iterable[str]) -> str:
    return "\n".join(["", _row(*headings), _row(*["---"] * len(headings)), *rows, ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(rules_page())
