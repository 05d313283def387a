"""The pages people read: complete, current, and every snippet is what it says.

Conventions of docs/topology.md: a heading ends with the object's place in the file in code type
(``### Zones: `on_premises.zones```); under it stand a table of properties with their defaults and
a snippet, which is a part of the reference topology or an addition to it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lab.cli import VERBS, cli
from lab.model.checks import RULES
from lab.model.document import IDENTITIES
from lab.model.load import parse_topology
from lab.model.properties import annotations_in
from lab.model.reader import read_document
from lab.model.topology import Topology
from lab.plan.compile import compile_topology
from lab.plan.types import Plan

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TOPOLOGY_PAGE = ROOT / "docs" / "topology.md"
PAGES = [pytest.param(page, id=page.name) for page in (README, *sorted((ROOT / "docs").glob("*.md")))]
REFERENCE = ROOT / "scenarios" / "topologies" / "expressroute-vpn.yaml"

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
NODE_PART = re.compile(r"[a-z][a-z0-9-]*([/:][a-z][a-z0-9-]*)+")
"""``msee1/private``, ``pe1:to-msee1``, ``ce1/core:er100``."""
ROOT_OBJECT = "topology"
"""What the page calls the object that is the whole file."""


@dataclass(frozen=True)
class Section:
    """From one heading to the next; ``place`` is empty for sections about no object."""

    place: str
    text: str

    @property
    def snippets(self) -> list[str]:
        return blocks(self.text, "yaml")

    def properties(self) -> list[tuple[str, list[str]]]:
        """Properties, as dotted paths from the file's root, and the cells beside each."""
        prefix = "" if self.place == ROOT_OBJECT else f"{self.place}."
        return [(prefix + row[0].strip("`"), row[1:]) for row in table(self.text, "property")]


def blocks(text: str, language: str) -> list[str]:
    return [content for info, content in FENCED.findall(text) if info == language]


def table(text: str, first_heading: str) -> list[list[str]]:
    """The rows of all tables whose first column has that heading."""
    rows: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            inside = False
        elif cells[0] == first_heading:
            inside = True
        elif inside and not cells[0].startswith("---"):
            rows.append(cells)
    return rows


@cache
def sections() -> tuple[Section, ...]:
    found = []
    for piece in re.split(r"^(?=#+ )", TOPOLOGY_PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        heading, _, text = piece.partition("\n")
        named = re.search(r": `([a-z0-9_.]+)`$", heading)
        found.append(Section(named.group(1) if named else "", text))
    return tuple(found)


OBJECTS = [pytest.param(section, id=section.place) for section in sections() if section.place]
SNIPPETS = [
    pytest.param(snippet, id=f"{section.place}-{number}")
    for section in sections()
    for number, snippet in enumerate(section.snippets)
]


# Properties.


def model_in(annotation: Any) -> type[BaseModel] | None:
    for inner in annotations_in(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return None


def leaves(model: type[BaseModel] = Topology, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every property that holds a value and not another object, by its path."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None:
            yield prefix + name, field
        else:
            yield from leaves(inner, f"{prefix}{name}.")


def documented() -> dict[str, list[str]]:
    return dict(row for section in sections() for row in section.properties())


def default_of(field: FieldInfo) -> str:
    """As the page writes it."""
    value = field.default
    if field.is_required():
        return "required"
    if value is None:
        return "none"
    if value in ((), ""):
        return "empty"
    return f"`{json.dumps(value) if isinstance(value, bool) else getattr(value, 'value', value)}`"


def choices(field: FieldInfo) -> set[str]:
    """The values of an enumeration; nothing for other types."""
    found: set[str] = set()
    for inner in annotations_in(field.annotation):
        if get_origin(inner) is Literal:
            found |= set(map(str, get_args(inner)))
        elif isinstance(inner, type) and issubclass(inner, Enum):
            found |= {str(member.value) for member in inner}
    return found


def test_every_property_is_in_the_table_of_its_object() -> None:
    assert set(documented()) == {path for path, _ in leaves()}


def test_no_property_is_there_twice() -> None:
    rows = [path for section in sections() for path, _ in section.properties()]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(("path", "field"), [pytest.param(*leaf, id=leaf[0]) for leaf in leaves()])
def test_defaults_and_choices_are_those_of_the_model(path: str, field: FieldInfo) -> None:
    default, meaning = documented()[path]
    assert default == default_of(field)
    assert choices(field) <= set(CODE.findall(meaning))


def test_every_rule_is_named_and_no_other() -> None:
    named = set(re.findall(r"\b[NABCDE]-\d+\b", TOPOLOGY_PAGE.read_text(encoding="utf-8")))
    assert named == {rule.name for rule in RULES}


# Snippets.


def plain(text: str) -> Any:
    """The data of a YAML text, as the lab reads it."""
    document, problems = read_document(text, "snippet")
    assert problems == []
    return document.plain()


def merged(base: Any, part: Any) -> Any:
    """``part`` over ``base``: mappings by key, lists of named entries by name."""
    if isinstance(base, dict) and isinstance(part, dict):
        return base | {key: merged(base.get(key), value) for key, value in part.items()}
    if isinstance(base, list) and isinstance(part, list) and all(map(identity, part)):
        entries = {identity(entry): entry for entry in base}
        entries |= {identity(entry): merged(entries.get(identity(entry)), entry) for entry in part}
        return list(entries.values())
    return part


def identity(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    return next((entry[key] for key in IDENTITIES if key in entry), None)


@cache
def plan_with(snippet: str) -> Plan:
    """The plan of the reference topology with the snippet in it."""
    data = merged(plain(REFERENCE.read_text(encoding="utf-8")), plain(snippet))
    return compile_topology(parse_topology(json.dumps(data), "snippet"))


def at(data: Any, steps: list[str]) -> list[Any]:
    """Everything at a path, whatever the places in the lists on the way."""
    if isinstance(data, list):
        return [found for entry in data for found in at(entry, steps)]
    if not steps:
        return [data]
    return at(data[steps[0]], steps[1:]) if isinstance(data, dict) and steps[0] in data else []


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_is_valid_and_can_be_built(snippet: str) -> None:
    assert plan_with(snippet).nodes


@pytest.mark.parametrize("section", OBJECTS)
def test_every_object_is_shown(section: Section) -> None:
    steps = [] if section.place == ROOT_OBJECT else section.place.split(".")
    assert any(at(plain(snippet), steps) for snippet in section.snippets)


def test_nodes_and_interfaces_that_are_named_exist() -> None:
    plans = [plan_with(snippet) for section in sections() for snippet in section.snippets]
    known = {namespace.name for plan in plans for namespace in plan.namespaces}
    known |= {f"{each.namespace}:{each.ifname}" for plan in plans for each in plan.sub_interfaces}
    known |= {str(end) for plan in plans for wire in plan.wires for end in (wire.a, wire.b)}
    text = FENCED.sub("", TOPOLOGY_PAGE.read_text(encoding="utf-8"))
    nodes = {name for row in table(text, "node") for name in CODE.findall(row[1])}
    spelt = {code for code in CODE.findall(text) if NODE_PART.fullmatch(code)}
    assert nodes
    assert spelt
    assert nodes | spelt <= known


# All pages.


def code_in(text: str) -> Iterator[str]:
    """What stands in code type: blocks line by line, and spans."""
    for _, content in FENCED.findall(text):
        yield from content.splitlines()
    yield from CODE.findall(FENCED.sub("", text))


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_resolve(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)
    for target in targets:
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), target
        assert not anchor or anchor in slugs(linked), target


@pytest.mark.parametrize("page", PAGES)
def test_named_links_are_defined_and_used(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    defined = set(re.findall(r"^\[([^\]]+)\]: ", text, re.MULTILINE))
    assert defined == set(re.findall(r"\]\[([^\]]+)\]", text))


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist_with_their_options(page: Path) -> None:
    for line in code_in(page.read_text(encoding="utf-8")):
        for verb, rest in re.findall(r"\bmseelab ([a-z]+)([^|#]*)", line):
            assert verb in VERBS, line
            words = shlex.split(rest.partition(" -- ")[0])
            given = {word for word in words if word.startswith("-")}
            assert given <= options_of(verb), line


def options_of(verb: str) -> set[str]:
    """Of the verb and of its sub-commands."""
    with cli.make_context("mseelab", [verb]) as context:
        command = cli.get_command(context, verb)
        assert command is not None
        commands = [command]
        if isinstance(command, click.Group):
            commands += command.commands.values()
        return {option for each in commands for given in each.get_params(context) for option in given.opts}


def test_the_readme_lists_every_verb() -> None:
    rows = table(README.read_text(encoding="utf-8"), "command")
    assert {code.split()[0] for row in rows for code in CODE.findall(row[0])} == set(VERBS)


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_project_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:lab|tests|docs|scenarios)/[\w/.-]+)`", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in code_in(page.read_text(encoding="utf-8")):
        assert set(re.findall(r"^make ([a-z-]+)", line)) <= targets, line
