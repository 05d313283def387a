"""The JSON schema of topology files, for editors: docs/topology.schema.json.

Generated from the model (draft 2020-12), with the texts under the properties as descriptions.
A schema cannot say what the rules say; ``mseelab validate`` does.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from lab.model.properties import Model, annotations_in, descriptions
from lab.model.topology import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def topology_schema() -> dict[str, Any]:
    """The schema as a JSON value."""
    return schema_of(Topology, "mseelab topology")


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as it is kept in docs/."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_of(root: Model, title: str) -> dict[str, Any]:
    """The schema of files that hold a ``root``, with every text there is about a property."""
    schema = root.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    for model in _models(root):
        _describe(schema if model is root else definitions[_name_in(definitions, model)], model)
    return {"$schema": DIALECT, **schema, "title": title}


def _name_in(definitions: dict[str, Any], model: Model) -> str:
    """Pydantic puts the module before the name of two classes that have the same."""
    name = model.__name__
    return name if name in definitions else f"{model.__module__}.{name}".replace(".", "__")


def _models(model: Model) -> list[Model]:
    """The model and all that it is made of."""
    found = [model]
    for each in found:
        for field in each.model_fields.values():
            for inner in annotations_in(field.annotation):
                if isinstance(inner, type) and issubclass(inner, BaseModel) and inner not in found:
                    found.append(inner)
    return found


def _describe(schema: dict[str, Any], model: Model) -> None:
    said = descriptions(model)
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    for name, property_ in schema["properties"].items():
        if name in said:
            property_["description"] = said[name]
