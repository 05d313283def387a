"""The catalogue as others show it: `mseelab fault list`, and docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from lab.fault.catalogue import KINDS, FaultKind, FaultSpec
from lab.model.properties import annotations_in, descriptions


def entries() -> list[dict[str, Any]]:
    """Each kind with what it is and its parameters, ready for JSON."""
    return [
        {"kind": kind, "emulates": _said(model), "parameters": list(_parameters(model))}
        for kind, model in zip(KINDS, map(_model, KINDS), strict=True)
    ]


def _model(kind: str) -> type[FaultKind]:
    for inner in annotations_in(FaultSpec.model_fields[kind].annotation):
        if isinstance(inner, type) and issubclass(inner, FaultKind):
            return inner
    raise AssertionError(f"{kind} is no fault")


def _said(model: type[FaultKind]) -> str:
    return " ".join((model.__doc__ or "").split()).removesuffix(".")


def _parameters(model: type[FaultKind]) -> Iterator[dict[str, Any]]:
    said = descriptions(model)
    for name, field in model.model_fields.items():
        inner = list(annotations_in(field.annotation))
        enums = [each for each in inner if isinstance(each, type) and issubclass(each, Enum)]
        choices = [member.value for enum in enums for member in enum]
        yield {
            "name": name,
            "required": field.is_required(),
            "choices": choices or (["true", "false"] if bool in inner else []),
            "description": said.get(name) or field.description or "",
        }
