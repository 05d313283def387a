"""What the model says about itself: an object's properties and their descriptions.

Descriptions are the texts under the properties, read from the source on demand; see
``lab.model.fields.Described``.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lab.model.problem import Loc

Model = type[BaseModel]


def model_at(loc: Loc, root: Model) -> Model | None:
    """The kind of object at ``loc`` in a file that is a ``root``; None where there is none."""
    model: Model | None = root
    for step in loc:
        if isinstance(step, str):
            field = model.model_fields.get(step) if model else None
            model = _model_in(field.annotation) if field else None
    return model


def form_at(loc: Loc, root: Model) -> str | None:
    """How the value at ``loc`` is written, if its type says so."""
    names = [step for step in loc if isinstance(step, str)]
    model = model_at(tuple(names[:-1]), root)
    field = model.model_fields.get(names[-1]) if model else None
    inner = annotations_in(field.annotation) if field else ()
    said = (one.description for one in (field, *inner) if isinstance(one, FieldInfo))
    return next((text for text in said if text), None)


def annotations_in(annotation: Any) -> Iterator[Any]:
    """A type and the types it is made of."""
    yield annotation
    for inner in get_args(annotation):
        yield from annotations_in(inner)


def _model_in(annotation: Any) -> Model | None:
    for inner in annotations_in(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return None


def properties_of(model: Model | None) -> dict[str, str]:
    """Property names with their descriptions, in order."""
    if model is None:
        return {}
    said = descriptions(model)
    return {name: said.get(name) or field.description or "" for name, field in model.model_fields.items()}


@cache
def descriptions(model: Model) -> dict[str, str]:
    """The texts under the properties of ``model``, its bases' too."""
    said: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            said |= _descriptions_in(base.__module__).get(base.__name__, {})
    return said


@cache
def _descriptions_in(module: str) -> dict[str, dict[str, str]]:
    """Of every class of a module; empty where there is no source (a frozen program)."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    return {node.name: dict(_described(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _described(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, after in zip(node.body, node.body[1:], strict=False):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that was probably meant."""
    known = list(names)
    by_lower = {one.lower(): one for one in known}
    if len(known) > 1000:
        return by_lower.get(name.lower())
    matches = difflib.get_close_matches(name[:100].lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None
