"""A document into what its file describes, and pydantic's errors into our words.

The document goes through JSON in strict mode: a quoted number is no number, ``yes`` is no
boolean and 1 is no address, which is what the JSON schema says too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lab.model.document import SECRETS, Document, Scalar, Sequence
from lab.model.fields import PATTERN_HINTS
from lab.model.problem import Finding, Loc, Problem, TopologyError, quoted
from lab.model.properties import Model, closest, form_at, model_at, properties_of
from lab.model.topology import Topology

M = TypeVar("M", bound=BaseModel)
Words = tuple[str, str | None]
UUID_FORM = "hexadecimal digits in groups of 8-4-4-4-12"


def topology_of(document: Document) -> Topology:
    """The Topology; TopologyError with every problem of shape when it is none."""
    topology, problems = model_of(document, Topology)
    if topology is None:
        raise TopologyError(problems)
    return topology


def model_of(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """The value of that kind; or None, and every problem of shape."""
    try:
        return model.model_validate_json(json.dumps(document.plain()), strict=True), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    misspelt = {(*detail["loc"][:-1], _meant(detail, model)) for detail in details}
    return None, [
        _problem(detail, document, model) for detail in details if not _is_echo(detail, document, misspelt)
    ]


def _is_echo(detail: ErrorDetails, document: Document, misspelt: set[Loc | tuple[Any, ...]]) -> bool:
    """True for what another error causes: a property is missing because it is misspelt, a list
    is too short because its entries are wrong."""
    if detail["type"] == "missing":
        return detail["loc"] in misspelt
    if detail["type"] == "too_short":
        node = document.at(detail["loc"])
        return isinstance(node, Sequence) and len(node.items) >= int(detail["ctx"]["min_length"])
    return False


def _meant(detail: ErrorDetails, root: Model) -> str | None:
    """For an unknown property, the one that was probably meant."""
    if detail["type"] != "extra_forbidden":
        return None
    allowed = properties_of(model_at(detail["loc"][:-1], root))
    return closest(_snake(str(detail["loc"][-1])), allowed)


def _problem(detail: ErrorDetails, document: Document, root: Model) -> Problem:
    loc: Loc = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return document.problem_at_key(_unknown(loc, _meant(detail, root), root))
    if not SECRETS.isdisjoint(loc):
        return document.problem(Finding(loc, *_secret_words(detail)))
    translate = _WORDS.get(detail["type"], _untranslated)
    node = document.at(loc)
    text = node.text if isinstance(node, Scalar) else ""
    return document.problem(Finding(loc, *translate(_Case(detail, loc, text, root))))


def _unknown(loc: Loc, near: str | None, root: Model) -> Finding:
    allowed = properties_of(model_at(loc[:-1], root))
    what = "unknown property" + (f", did you mean {near!r}?" if near else "")
    return Finding(loc, what, "allowed here: " + ", ".join(allowed) if allowed else None)


def _snake(name: str) -> str:
    """vlanId, as ARM writes it, is vlan_id here."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _secret_words(detail: ErrorDetails) -> Words:
    """Nothing of the value, whatever is wrong with it."""
    if detail["type"] == "missing":
        return "missing", None
    if detail["type"].startswith("uuid"):
        return "must be a UUID", UUID_FORM
    return "must be text", "put it in quotes"


class _Case:
    """One error of pydantic's, with what the messages need."""

    def __init__(self, detail: ErrorDetails, loc: Loc, text: str, root: Model) -> None:
        self.loc = loc
        self.root = root
        self.value: Any = detail["input"]
        self.text = text
        self.context: Mapping[str, Any] = detail.get("ctx", {})
        self.message = detail["msg"]

    @property
    def shown(self) -> str:
        """The value, for the words 'not ...'."""
        if isinstance(self.value, bool):
            return f"the boolean {str(self.value).lower()}"
        if isinstance(self.value, int | float):
            return f"the number {self.text[:60]}"
        if isinstance(self.value, str):
            return quoted(self.value)
        return "a list" if isinstance(self.value, list) else "a mapping" if self.value else "empty"


def _missing(case: _Case) -> Words:
    model = model_at(case.loc[:-1], case.root)
    return "missing", properties_of(model).get(str(case.loc[-1])) or None


def _text(case: _Case) -> Words:
    if isinstance(case.value, bool | int | float):
        return f"must be text, not {case.shown}", f'put it in quotes: "{case.text[:60]}"'
    return f"must be text, not {case.shown}", None


def _whole_number(case: _Case) -> Words:
    digits = case.text.lstrip("+-")
    what = f"must be a whole number, not {case.shown}"
    if digits.isascii() and digits.isdigit():
        return what, "without quotes" if digits[0] != "0" else "without leading zeros and without quotes"
    return what, None


def _boolean(case: _Case) -> Words:
    return f"must be true or false, not {case.shown}", "write true or false without quotes"


def _mapping(case: _Case) -> Words:
    allowed = properties_of(model_at(case.loc, case.root))
    hint = "its properties: " + ", ".join(allowed) if allowed else None
    return f"must be a mapping, not {case.shown}", hint


def _list(case: _Case) -> Words:
    if isinstance(case.value, str):
        return f"must be a list, not {case.shown}", f"put it in brackets: [{case.text[:60]}]"
    return f"must be a list, not {case.shown}", "each entry on a line that begins with '- '"


def _too_few(case: _Case) -> Words:
    least = case.context["min_length"]
    return f"needs at least {_entries(least)}, has {case.context['actual_length']}", None


def _too_many(case: _Case) -> Words:
    return f"takes at most {_entries(case.context['max_length'])}", None


def _entries(count: int) -> str:
    return f"{count} entry" if count == 1 else f"{count} entries"


def _one_of(case: _Case) -> Words:
    """pydantic lists the set as "'a', 'b' or 'c'" and numbers without quotes."""
    values = str(case.context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    near = closest(case.value, values) if isinstance(case.value, str) else None
    hint = f"did you mean {near}?" if near else None
    if near == case.value:
        hint = "without quotes"
    one_of = "must be one of " + ", ".join(values) if len(values) > 1 else f"must be {values[0]}"
    return f"{one_of}; not {case.shown}", hint


def _too_low(case: _Case) -> Words:
    return f"{case.text[:60]} is less than {case.context['ge']}", None


def _too_high(case: _Case) -> Words:
    return f"{case.text[:60]} is more than {case.context['le']}", None


def _pattern(case: _Case) -> Words:
    hint = PATTERN_HINTS.get(case.context["pattern"]) or form_at(case.loc, case.root)
    return f"{quoted(str(case.value))} is not in the right form", hint


def _empty(case: _Case) -> Words:
    return "must not be empty", None


def _uuid(case: _Case) -> Words:
    return f"must be a UUID, not {case.shown}", UUID_FORM


def _ours(case: _Case) -> Words:
    return case.context["what"], case.context["hint"]


def _untranslated(case: _Case) -> Words:
    """A kind of error the model did not have when this was written."""
    return case.message, None


_WORDS: dict[str, Callable[[_Case], Words]] = {
    "missing": _missing,
    "string_type": _text,
    "int_type": _whole_number,
    "int_from_float": _whole_number,
    "int_parsing": _whole_number,
    "bool_type": _boolean,
    "model_type": _mapping,
    "dict_type": _mapping,
    "tuple_type": _list,
    "too_short": _too_few,
    "too_long": _too_many,
    "enum": _one_of,
    "literal_error": _one_of,
    "greater_than_equal": _too_low,
    "less_than_equal": _too_high,
    "string_pattern_mismatch": _pattern,
    "string_too_short": _empty,
    "uuid_type": _uuid,
    "uuid_parsing": _uuid,
    "lab_value": _ours,
}
