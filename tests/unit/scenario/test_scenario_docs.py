"""docs/scenarios.md: every property of every kind with its default, and snippets that load.

Conventions of the page: a heading names its kinds in code type (``## Routes: `route`, `no_route```);
under it stand a table of their properties and a snippet of steps on the reference topology.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from scenario_builders import HERE, ROOT, SESSION, scenario_text

from lab.model.properties import annotations_in
from lab.model.reader import read_document
from lab.model.shape import model_of
from lab.scenario.check import POSITIVES, RULES
from lab.scenario.kinds.base import LabTimer
from lab.scenario.load import load_scenario, parse_scenario
from lab.scenario.scenario import MAX_STEPS, Scenario
from lab.scenario.stage import ScenarioError
from lab.scenario.step import KINDS, Step

PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_ORDER = {"S-10", "S-11"}
"""Rules that a snippet may break, being a part of a file."""


@dataclass(frozen=True)
class Section:
    names: tuple[str, ...]
    """The kinds it is about."""
    text: str

    @property
    def snippets(self) -> list[str]:
        return [content for language, content in BLOCK.findall(self.text) if language == "yaml"]

    def rows(self, heading: str = "property") -> list[list[str]]:
        """The cells of its tables whose first column has that heading."""
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in self.text.splitlines()]
        starts = [number for number, cells in enumerate(lines) if cells[:1] == [heading]]
        found = []
        for start in starts:
            for cells in lines[start + 2 :]:
                if not cells:
                    break
                found.append(cells)
        return found


def sections() -> Iterator[Section]:
    for piece in re.split(r"^(?=#+ )", PAGE, flags=re.MULTILINE):
        heading, _, text = piece.partition("\n")
        yield Section(tuple(CODE.findall(heading)), text)


ABOUT_KINDS = [section for section in sections() if set(section.names) & set(KINDS)]
SNIPPETS = [snippet for section in sections() for snippet in section.snippets]


def model_of_kind(kind: str) -> type[BaseModel] | None:
    """Nothing for ``change``, whose properties are the topology's."""
    return model_in(Step.model_fields[kind].annotation)


def model_in(annotation: Any) -> type[BaseModel] | None:
    models = (
        each for each in annotations_in(annotation) if isinstance(each, type) and issubclass(each, BaseModel)
    )
    return next(models, None)


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None:
            yield prefix + name, field
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def properties_of(section: Section) -> dict[str, FieldInfo]:
    models = [model for kind in section.names if (model := model_of_kind(kind))]
    return {name: field for model in models for name, field in leaves(model)}


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    if field.default in ((), "", {}):
        return "empty"
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return f"`{json.dumps(value).strip(chr(34))}`"


def choices(field: FieldInfo) -> set[str]:
    found: set[str] = set()
    for inner in annotations_in(field.annotation):
        if get_origin(inner) is Literal:
            found |= set(map(str, get_args(inner)))
        elif isinstance(inner, type) and issubclass(inner, Enum):
            found |= {str(member.value) for member in inner}
    return found


def test_every_kind_has_its_section() -> None:
    assert sorted(kind for section in ABOUT_KINDS for kind in section.names) == sorted(KINDS)


@pytest.mark.parametrize("section", [pytest.param(each, id=each.names[0]) for each in ABOUT_KINDS])
def test_every_property_is_there_with_its_default_and_its_values(section: Section) -> None:
    rows = {cells[0].strip("`"): cells[1:] for cells in section.rows()}
    known = properties_of(section)
    assert set(rows) == set(known)
    for name, field in known.items():
        default, meaning = rows[name]
        assert default == default_of(field), name
        assert choices(field) <= set(CODE.findall(meaning)), name


@pytest.mark.parametrize("section", [pytest.param(each, id=each.names[0]) for each in ABOUT_KINDS])
def test_a_property_of_one_kind_says_of_which(section: Section) -> None:
    for cells in section.rows():
        name = cells[0].strip("`").partition(".")[0]
        having = [kind for kind in section.names if (m := model_of_kind(kind)) and name in m.model_fields]
        only = f"`{having[0]}` only" in cells[2]
        shared = len(having) == len(section.names)
        assert only or shared or section.names == ("route", "no_route"), cells[0]
        assert not (only and shared), cells[0]


def test_the_files_own_properties_are_there() -> None:
    (section,) = [each for each in sections() if each.names == ("scenario",)]
    rows = {cells[0].strip("`"): cells[1] for cells in section.rows()}
    assert rows == {name: default_of(field) for name, field in Scenario.model_fields.items()}
    assert f"1 to {MAX_STEPS} of them" in section.text


def test_absences_and_what_they_come_after() -> None:
    (section,) = [each for each in sections() if each.rows("absence")]
    table = {cells[0].strip("`"): tuple(CODE.findall(cells[1])) for cells in section.rows("absence")}
    assert table == POSITIVES
    assert {timer.value for timer in LabTimer} <= set(CODE.findall(section.text))


def test_every_kind_has_its_class_in_python() -> None:
    (section,) = [each for each in sections() if each.rows("kind")]
    table = {cells[0].strip("`"): cells[1:] for cells in section.rows("kind")}
    assert table == {
        kind: [f"`{model.__name__}`", f"`{model.__module__}`"]
        if (model := model_of_kind(kind))
        else ["none: `lab.change(PATCH)`", ""]
        for kind in KINDS
    }


def test_every_rule_is_named_and_no_other() -> None:
    assert set(re.findall(r"\bS-\d+\b", PAGE)) == {name for name, _ in RULES}


def as_file(snippet: str) -> str:
    """A whole scenario with the snippet in it."""
    if snippet.startswith("name:"):
        return snippet
    if snippet.startswith("patch:"):
        return scenario_text(SESSION).replace("patch: {}\n", snippet)
    return scenario_text().replace("steps:\n", "steps:\n" + re.sub(r"^", "  ", snippet, flags=re.MULTILINE))


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_is_valid(snippet: str) -> None:
    found = []
    try:
        parse_scenario(as_file(snippet), HERE)
    except ScenarioError as error:
        found = [str(problem) for problem in error.problems if problem.rule not in IN_ORDER]
    assert found == []


@pytest.mark.parametrize("section", [pytest.param(each, id=each.names[0]) for each in ABOUT_KINDS])
def test_every_property_is_shown(section: Section) -> None:
    shown: set[str] = set()
    for snippet in section.snippets:
        document, _ = read_document(as_file(snippet), "snippet")
        scenario, problems = model_of(document, Scenario)
        assert scenario is not None, problems
        for step in scenario.steps:
            if isinstance(step.what, BaseModel):
                shown |= set(paths(step.what))
    optional = {"source_address", "weight"}
    assert set(properties_of(section)) - shown <= optional


def paths(value: BaseModel, prefix: str = "") -> Iterator[str]:
    """The properties that are given."""
    for name in value.model_fields_set:
        inner = getattr(value, name)
        if isinstance(inner, BaseModel):
            yield from paths(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_the_first_example_is_a_whole_file() -> None:
    assert SNIPPETS[0].startswith("name:")
    assert parse_scenario(SNIPPETS[0], HERE).scenario.steps[0].kind == "session"


def test_the_python_of_the_page_is_python() -> None:
    codes = [content for language, content in BLOCK.findall(PAGE) if language == "python"]
    assert codes
    for code in codes:
        exec(compile(code, "docs/scenarios.md", "exec"), {})


def test_shipped_scenarios_are_where_the_page_says() -> None:
    assert load_scenario(ROOT / "scenarios" / "filtering" / "no-route-filter.yaml")
