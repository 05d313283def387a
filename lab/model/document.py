"""A YAML document as a tree whose every node knows its file, line and column.

The tree holds no more than JSON can say: mappings with text keys, lists, text, whole numbers,
floats, booleans and null, by the core schema of YAML 1.2 (section 10.3.2). So ``no`` and ``on``
are text, and so is ``12076:51026``, which YAML 1.1 reads as a sexagesimal number.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from lab.model.problem import Finding, Loc, Problem, quoted

Value = str | int | float | bool | None


@dataclass(slots=True)
class Scalar:
    line: int
    column: int
    text: str
    """As it is written, without quotes."""
    value: Value
    size: int = 1
    height: int = 0
    source: str = ""
    """The file it stands in; nodes of one tree may come from several (``lab.scenario.patch``)."""


@dataclass(slots=True)
class Sequence:
    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    size: int = 1
    """Values in it when every alias is written out."""
    height: int = 1
    """Levels of collections in it, itself included."""
    source: str = ""


@dataclass(slots=True)
class Key:
    line: int
    column: int
    text: str
    source: str = ""


@dataclass(slots=True)
class Mapping:
    line: int
    column: int
    entries: dict[str, tuple[Key, Node]] = field(default_factory=dict)
    size: int = 1
    height: int = 1
    source: str = ""


Node = Scalar | Sequence | Mapping

IDENTITIES = ("name", "peering_type")
"""Properties a list entry is called by in a path, the first that it has."""
SECRETS = frozenset({"shared_key", "authorization_key"})
"""Properties of which nothing may be shown: no path leads into them."""
_PLAIN_STEP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,79}\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """The one document of a file."""

    source: str
    root: Node
    _names: dict[int, Counter[str | None]] = field(default_factory=dict, repr=False)
    """How often each name occurs in a list, by the list's id()."""

    def plain(self) -> object:
        """Dictionaries, lists and scalars, without the places."""
        return _plain(self.root)

    def at(self, loc: Loc) -> Node:
        """The node at ``loc``, or the nearest one around it that exists."""
        node = self.root
        for step in loc:
            inner = _child(node, step)
            if inner is None:
                return node
            node = inner
        return node

    def problem(self, finding: Finding) -> Problem:
        """The finding with the place of its value, or of the mapping that lacks it."""
        return self._problem(finding, self.at(finding.loc))

    def problem_at_key(self, finding: Finding) -> Problem:
        """The finding with the place of its property's name."""
        around = self.at(finding.loc[:-1])
        entry = around.entries.get(str(finding.loc[-1])) if isinstance(around, Mapping) else None
        return self._problem(finding, entry[0] if entry else around)

    def _problem(self, finding: Finding, place: Node | Key) -> Problem:
        return Problem(
            source=place.source or self.source,
            line=place.line,
            column=place.column,
            path=self.path(finding.loc),
            what=finding.what,
            hint=finding.hint,
            rule=finding.rule,
            severity=finding.severity,
        )

    def path(self, loc: Loc) -> str:
        """``express_route_circuits.er-seattle.peerings.MicrosoftPeering.vlan_id``.

        A list entry goes by its name when no other entry of the list has the same, else by
        its index in brackets.
        """
        path, node = "", self.root
        for step in loc:
            path += self._step_text(node, step, first=not path)
            inner = _child(node, step)
            node = inner if inner is not None else Scalar(0, 0, "", None)
            if step in SECRETS:
                break
        return path

    def _step_text(self, node: Node, step: str | int, *, first: bool) -> str:
        name = step if isinstance(step, str) else self._name_in(node, step)
        if name is None:
            return f"[{step}]"
        return ("" if first else ".") + (name if _PLAIN_STEP.match(name) else quoted(name))

    def _name_in(self, node: Node, index: int) -> str | None:
        if not isinstance(node, Sequence) or index >= len(node.items):
            return None
        if id(node) not in self._names:
            self._names[id(node)] = Counter(identity(item) for item in node.items)
        name = identity(node.items[index])
        return name if self._names[id(node)][name] == 1 else None


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        entry = node.entries.get(step)
        return entry[1] if entry else None
    if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def identity(node: Node) -> str | None:
    """What a list entry is called, when that is fit to be printed."""
    if not isinstance(node, Mapping):
        return None
    for key in IDENTITIES:
        value = _child(node, key)
        if isinstance(value, Scalar) and isinstance(value.value, str) and _PLAIN_STEP.match(value.text):
            return value.text
    return None


def _plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return node.value
