"""YAML text to a Document, with bounds on everything a file could blow up.

PyYAML's parser is used for its events only. Its composer and constructor recurse with the
document's depth, let a later duplicate key win in silence and resolve plain text by YAML 1.1;
this module keeps a stack of its own, reports duplicates and resolves by YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from lab.model.constants import MAX_DEPTH, MAX_VALUES
from lab.model.document import Document, Key, Mapping, Node, Scalar, Sequence, Value
from lab.model.problem import FileError, Loc, Problem
from lab.model.scalars import resolve
from lab.model.syntax import syntax_problem, text_problem

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Noted:
    """A problem whose path has to wait until the tree, and with it every name, is there."""

    loc: Loc
    place: tuple[int, int]
    what: str
    hint: str


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet, and the key that waits for its value."""

    node: Sequence | Mapping
    anchor: str | None
    key: Key | None = None
    dropped: bool = False
    """The waiting key cannot be used; its value is read and forgotten."""


def read_document(text: str, source: str, noun: str = "topology") -> tuple[Document, list[Problem]]:
    """The document, and what is wrong in it that leaves a document nevertheless.

    ``noun``: what the file should be, for the hints. Raises FileError when there is none.
    """
    unreadable = text_problem(text, source)
    if unreadable:
        raise FileError([unreadable])
    builder = _Builder(source, noun)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.handle(event)
    except yaml.MarkedYAMLError as error:
        raise FileError([*builder.problems, syntax_problem(error, text, source)]) from None
    except yaml.YAMLError as error:
        raise FileError([Problem(source, f"not valid YAML: {error}")]) from None
    return builder.finish()


class _Builder:
    """Events in, a tree out; ``problems`` are those that leave the tree usable."""

    def __init__(self, source: str, noun: str) -> None:
        self.source = source
        self._noun = noun
        self._noted: list[_Noted] = []
        self._root: Node | None = None
        self._documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._document,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceEndEvent: self._end,
            yaml.MappingEndEvent: self._end,
        }

    def handle(self, event: Any) -> None:
        handler = self._handlers.get(type(event))
        if handler:
            handler(event)

    def finish(self) -> tuple[Document, list[Problem]]:
        if self._root is None or (isinstance(self._root, Scalar) and self._root.value is None):
            hint = f"a {self._noun} begins with its name: name: my-lab"
            raise FileError([Problem(self.source, "the file is empty", hint)])
        document = Document(self.source, self._root)
        return document, [self._problem(noted, document.path(noted.loc)) for noted in self._noted]

    @property
    def problems(self) -> list[Problem]:
        """What was found so far, for when there will be no tree."""
        return [self._problem(noted, "") for noted in self._noted]

    def _problem(self, noted: _Noted, path: str) -> Problem:
        return Problem(self.source, noted.what, noted.hint, *noted.place, path)

    # -- events ------------------------------------------------------------------------------

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = f"a {self._noun} is one document: remove the ---"
            self._stop(event, "a second document begins here", hint)

    def _scalar(self, event: Any) -> None:
        line, column = _place(event)
        if event.tag not in (None, "!", _TAG + "str"):
            self._report_tag(event)
        if _CONTROL.search(event.value):
            self._report(event, "a control character in a text", "remove the escape that makes it")
        if self._key_wanted():
            self._take_key(Key(line, column, event.value, self.source))
            if event.anchor:
                self._anchors[event.anchor] = self._scalar_at(event, event.value, event.value)
            return
        value = resolve(event.value) if event.implicit[0] and event.tag != "!" else event.value
        self._attach(self._scalar_at(event, event.value, value), event.anchor)

    def _scalar_at(self, event: Any, text: str, value: Value) -> Scalar:
        return Scalar(*_place(event), text, value, source=self.source)

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        if event.anchor not in self._anchors:
            hint = "a text that begins with * must be quoted; an alias needs an &anchor before it"
            self._report(event, "an alias to an anchor that is not defined before it", hint)
        elif node is None:
            self._stop(event, "an alias inside the value that it stands for", "a value cannot hold itself")
        self._place_value(event, node or self._scalar_at(event, "", None))

    def _place_value(self, event: Any, node: Node) -> None:
        if not self._key_wanted():
            self._check_bounds(event, node)
            self._attach(node, None)
        elif isinstance(node, Scalar):
            self._take_key(Key(*_place(event), node.text, self.source))
        else:
            self._refuse_key(event)
            self._stack[-1].dropped = True

    def _begin(self, event: Any) -> None:
        if self._key_wanted():
            self._refuse_key(event)
        if event.tag not in (None, "!", _TAG + "map", _TAG + "seq"):
            self._report_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            self._stop_depth(event)
        kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
        self._stack.append(_Open(kind(*_place(event), source=self.source), event.anchor))
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self, event: Any) -> None:
        done = self._stack.pop()
        if isinstance(done.node, Mapping) and "<<" in done.node.entries:
            self._merge(done.node)
        parent = self._stack[-1] if self._stack else None
        if parent and isinstance(parent.node, Mapping) and parent.key is None and not parent.dropped:
            parent.dropped = True
            return
        self._check_bounds(event, done.node)
        self._attach(done.node, done.anchor)

    # -- the tree ----------------------------------------------------------------------------

    def _key_wanted(self) -> bool:
        if not self._stack:
            return False
        top = self._stack[-1]
        return isinstance(top.node, Mapping) and top.key is None and not top.dropped

    def _take_key(self, key: Key) -> None:
        top = self._stack[-1]
        assert isinstance(top.node, Mapping)
        if key.text in top.node.entries:
            first = top.node.entries[key.text][0]
            hint = f"the first is in line {first.line}; keep one of them"
            self._note((key.line, key.column), "is here a second time", hint, key.text)
            top.dropped = True
        else:
            top.key = key

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is not None:
            top.node.entries[top.key.text] = (top.key, node)
        top.key, top.dropped = None, False
        top.node.size += node.size
        top.node.height = max(top.node.height, 1 + node.height)

    def _check_bounds(self, event: Any, node: Node) -> None:
        """Aliases make a small file large: what it says written out is bounded, not the file."""
        if sum(open_.node.size for open_ in self._stack) + node.size > MAX_VALUES:
            self._stop(event, f"more than {MAX_VALUES} values, aliases written out", "use fewer aliases")
        if len(self._stack) + node.height > MAX_DEPTH:
            self._stop_depth(event)

    def _merge(self, node: Mapping) -> None:
        """``<<: *defaults`` (yaml.org/type/merge.html): entries that the mapping lacks."""
        key, value = node.entries.pop("<<")
        for source in value.items if isinstance(value, Sequence) else [value]:
            if not isinstance(source, Mapping):
                hint = "write <<: *anchor, the anchor being on a mapping"
                self._note((key.line, key.column), "'<<' must hold a mapping", hint)
                return
            for name, entry in source.entries.items():
                node.entries.setdefault(name, entry)

    # -- problems ----------------------------------------------------------------------------

    def _refuse_key(self, event: Any) -> None:
        self._report(event, "a property's name must be text, not a list or a mapping", "quote it")

    def _report_tag(self, event: Any) -> None:
        hint = f"a {self._noun} needs no tags; a text that begins with ! must be quoted"
        self._report(event, "a YAML tag", hint)

    def _report(self, event: Any, what: str, hint: str) -> None:
        self._note(_place(event), what, hint)

    def _note(self, place: tuple[int, int], what: str, hint: str, *inside: str) -> None:
        around = tuple(step for open_ in self._stack for step in _step(open_))
        self._noted.append(_Noted(around + inside, place, what, hint))

    def _stop(self, event: Any, what: str, hint: str) -> None:
        self._report(event, what, hint)
        raise FileError(self.problems)

    def _stop_depth(self, event: Any) -> None:
        hint = f"no {self._noun} needs so many"
        self._stop(event, f"nested more than {MAX_DEPTH} levels deep", hint)


def _step(open_: _Open) -> Loc:
    """The way from an open collection to the value that is being read."""
    if isinstance(open_.node, Sequence):
        return (len(open_.node.items),)
    return (open_.key.text,) if open_.key else ()


def _place(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
