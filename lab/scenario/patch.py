"""A patch over a topology's document, before anything of it is checked.

Mappings merge, null removes, anything else replaces, as in JSON Merge Patch (RFC 7396). Beyond
that RFC, a mapping over a list of named entries is taken by their names: an entry of that name
is merged, an unknown name begins a new entry, null removes one.

Every value keeps the place it was written at. A collection that the patch changes takes the
place of the patch, for what is wrong with it now was right before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import get_origin

from lab.model.document import IDENTITIES, SECRETS, Document, Key, Mapping, Node, Scalar, Sequence
from lab.model.problem import Finding, Loc, Problem
from lab.model.properties import Model, annotations_in, closest, model_at
from lab.model.topology import Topology

MOST_COMPARED = 20
"""Names for which the closest one is looked for; a patch may hold thousands."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An entry that the patch adds to a list, which had ``known`` ones before."""

    loc: tuple[str, ...]
    known: Collection[str]


@dataclass(slots=True)
class Notes:
    """What was noticed while patching; a ``loc`` is the way from the patch's root."""

    findings: list[Finding] = field(default_factory=list)
    begun: dict[str, Begun] = field(default_factory=dict)
    """By the entry's path, as problems of the topology have it."""


def patched(base: Node, patch: Node) -> tuple[Node, Notes]:
    """The topology's tree ``base`` with ``patch`` over it; neither is changed."""
    notes = Notes()
    return _merged(base, patch, _Spot((), Topology), notes), notes


def blamed(problems: Iterable[Problem], notes: Notes) -> tuple[list[Problem], list[Finding]]:
    """The problems of a patched topology, and what is to be said of the patch itself.

    An entry whose name is misspelt is a new one, and an incomplete one: of such an entry only
    the name is spoken of.
    """
    kept, lacking = [], dict[str, list[Problem]]()
    for problem in problems:
        entry = problem.path.rpartition(".")[0]
        if problem.what == "missing" and entry in notes.begun:
            lacking.setdefault(entry, []).append(problem)
        else:
            kept.append(problem)
    misspelt: dict[Loc, Finding] = {}
    for number, (entry, missing) in enumerate(lacking.items()):
        begun = notes.begun[entry]
        if any(around in misspelt for around in _around(begun.loc)):
            continue
        near = closest(str(begun.loc[-1]), begun.known) if number < MOST_COMPARED else None
        if near is None:
            kept += missing
        else:
            names = ", ".join(problem.path.rpartition(".")[2] for problem in missing)
            what = f"there is no entry of that name, did you mean {near!r}?"
            misspelt[begun.loc] = Finding(begun.loc, what, f"a new entry needs {names}")
    other = [each for each in notes.findings if misspelt.keys().isdisjoint(_around(each.loc))]
    return kept, [*misspelt.values(), *other]


def _around(loc: Loc) -> Iterator[Loc]:
    """The place and those that hold it."""
    return (loc[:length] for length in range(len(loc) + 1))


def document_of(patch: object, source: str) -> Document:
    """A patch that was never in a file; values that JSON lacks become their text."""
    return Document(source, _tree(patch, source))


def _tree(value: object, source: str) -> Node:
    if isinstance(value, AnyMapping):
        inner = {str(key): (Key(0, 0, str(key), source), _tree(each, source)) for key, each in value.items()}
        return Mapping(0, 0, inner, source=source)
    if isinstance(value, AnySequence) and not isinstance(value, str):
        return Sequence(0, 0, [_tree(each, source) for each in value], source=source)
    if isinstance(value, Enum):
        return _tree(value.value, source)
    plain = value if value is None or isinstance(value, bool | int | float) else str(value)
    return Scalar(0, 0, str(value), plain, source=source)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where in the patch we are, and what a topology holds there."""

    loc: tuple[str, ...]
    model: Model | None
    name_of_entries: str | None = None
    """For a list of named entries: the property that is the name."""

    def inner(self, step: str) -> _Spot:
        loc = *self.loc, step
        if self.model is None or step not in self.model.model_fields:
            return _Spot(loc, None)
        model = model_at((step,), self.model)
        annotation = self.model.model_fields[step].annotation
        if model is None or not any(get_origin(one) is tuple for one in annotations_in(annotation)):
            return _Spot(loc, model)
        return _Spot(loc, model, next((name for name in IDENTITIES if name in model.model_fields), None))

    def entry(self, name: str) -> _Spot:
        return _Spot((*self.loc, name), self.model)


def _merged(base: Node | None, patch: Node, spot: _Spot, notes: Notes) -> Node:
    if not isinstance(patch, Mapping):
        return patch
    if spot.name_of_entries and (base is None or isinstance(base, Sequence)):
        return _merged_list(base, patch, spot, notes)
    return _merged_mapping(base if isinstance(base, Mapping) else None, patch, spot, notes)


def _merged_mapping(base: Mapping | None, patch: Mapping, spot: _Spot, notes: Notes) -> Mapping:
    if base is not None and not patch.entries:
        return base
    entries = dict(base.entries) if base else {}
    for name, (key, value) in patch.entries.items():
        before = entries.get(name)
        if not _is_null(value):
            after = _merged(before[1] if before else None, value, spot.inner(name), notes)
            entries[name] = before if before and after is before[1] else (key, after)
        elif entries.pop(name, None) is None:
            _note_nothing((*spot.loc, name), entries, notes)
    return Mapping(patch.line, patch.column, entries, source=patch.source)


def _merged_list(base: Sequence | None, patch: Mapping, spot: _Spot, notes: Notes) -> Sequence:
    if base is not None and not patch.entries:
        return base
    items: list[Node | None] = list(base.items) if base else []
    places: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        if called := _name(item, spot):
            places.setdefault(called, []).append(index)
    for name, (key, value) in patch.entries.items():
        found, loc = places.get(name, []), (*spot.loc, name)
        if len(found) > 1:
            hint = "give the whole list, with all its entries"
            notes.findings.append(Finding(loc, f"there are {len(found)} entries of that name", hint))
        elif _is_null(value) and found:
            items[found[0]] = None
        elif _is_null(value):
            _note_nothing(loc, places, notes)
        elif not isinstance(value, Mapping):
            notes.findings.append(Finding(loc, "must be a mapping", "or null, to remove the entry"))
        elif found:
            unnamed = _without_name(value, name, spot, notes)
            items[found[0]] = _merged(items[found[0]], unnamed, spot.entry(name), notes)
        else:
            items.append(_new_entry(key, value, spot, notes))
            notes.begun[".".join(loc)] = Begun(loc, places)
    left = [item for item in items if item is not None]
    return Sequence(patch.line, patch.column, left, source=patch.source)


def _new_entry(key: Key, patch: Mapping, spot: _Spot, notes: Notes) -> Mapping:
    assert spot.name_of_entries is not None
    unnamed = _without_name(patch, key.text, spot, notes)
    made = _merged_mapping(None, unnamed, spot.entry(key.text), notes)
    name = Scalar(key.line, key.column, key.text, key.text, source=key.source)
    return replace(made, entries={spot.name_of_entries: (key, name), **made.entries})


def _without_name(patch: Mapping, name: str, spot: _Spot, notes: Notes) -> Mapping:
    """An entry's name is said by its key; it may be repeated, but not be another one."""
    identity = spot.name_of_entries
    if identity is None or identity not in patch.entries:
        return patch
    if _name(patch, spot) != name:
        hint = "an entry cannot be renamed: remove it with null and write a new one"
        notes.findings.append(Finding((*spot.loc, name, identity), "differs from the entry's key", hint))
    entries = {key: entry for key, entry in patch.entries.items() if key != identity}
    return replace(patch, entries=entries)


def _note_nothing(loc: Loc, known: Iterable[str], notes: Notes) -> None:
    compared = SECRETS.isdisjoint(loc) and len(notes.findings) < MOST_COMPARED
    near = closest(str(loc[-1]), known) if compared else None
    what = "there is nothing of that name to remove" + (f", did you mean {near!r}?" if near else "")
    notes.findings.append(Finding(loc, what, "null removes what is there"))


def _name(item: Node | None, spot: _Spot) -> str:
    """What an entry goes by; nothing for what has no name."""
    if not isinstance(item, Mapping) or spot.name_of_entries not in item.entries:
        return ""
    value = item.entries[spot.name_of_entries][1]
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
