"""The JSON schema of scenario files, for editors: docs/scenario.schema.json.

Patches are completed from the topology's own schema: what an object is there, it may be here in
parts, every part may be null, and a list of named entries may be a mapping by their names.
"""

from __future__ import annotations

from typing import Any

from lab.model.document import IDENTITIES
from lab.model.schema import schema_of
from lab.model.topology import Topology
from lab.scenario.scenario import Scenario
from lab.scenario.step import KINDS

Schema = dict[str, Any]

STEP = "lab__scenario__step__Step"
NULL: Schema = {"type": "null"}


def scenario_schema() -> Schema:
    """The schema as a JSON value."""
    schema = schema_of(Scenario, "mseelab scenario")
    definitions: Schema = schema["$defs"]
    topology = schema_of(Topology, "topology")
    parts = topology.pop("$defs") | {"Topology": topology}
    _one_kind(definitions[STEP])
    for name, part in parts.items():
        definitions[f"{name}Patch"] = _patch_of(part, parts)
    for place in (schema, definitions[STEP]):
        for name in ("patch", "change"):
            if name in place["properties"]:
                said = place["properties"][name]["description"]
                place["properties"][name] = {"$ref": "#/$defs/TopologyPatch", "description": said}
    return schema


def _one_kind(step: Schema) -> None:
    """A sentence and one kind, which is not null."""
    for name in KINDS:
        kind = step["properties"][name]
        reference, _ = kind.pop("anyOf")
        del kind["default"]
        kind |= reference
    step |= {"minProperties": 2, "maxProperties": 2}


def _patch_of(part: Schema, parts: Schema) -> Schema:
    """A part of the topology's schema as a patch may write it."""
    if "properties" not in part:
        return part
    properties = {name: _or_null(_renamed(each, parts)) for name, each in part["properties"].items()}
    kept = {key: part[key] for key in ("type", "description", "additionalProperties") if key in part}
    return kept | {"properties": properties}


def _renamed(schema: Any, parts: Schema) -> Any:
    """The schema with the patches of what it refers to."""
    if isinstance(schema, list):
        return [_renamed(each, parts) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        kept = {key: value for key, value in schema.items() if key != "default"}
        return kept | {"$ref": f"{schema['$ref']}Patch"}
    found = {key: _renamed(value, parts) for key, value in schema.items() if key != "default"}
    entry = _entry_of(schema, parts)
    if entry is None:
        return found
    by_name = {"type": "object", "additionalProperties": _or_null({"$ref": f"#/$defs/{entry}Patch"})}
    said = {key: found.pop(key) for key in ("title", "description") if key in found}
    return said | {"anyOf": [by_name, found]}


def _entry_of(schema: Schema, parts: Schema) -> str | None:
    """For a list of named entries, what they are."""
    items = schema.get("items", {})
    name: str = items.get("$ref", "").rpartition("/")[2] if isinstance(items, dict) else ""
    named = any(each in parts.get(name, {}).get("properties", {}) for each in IDENTITIES)
    return name if named else None


def _or_null(schema: Schema) -> Schema:
    """Nullable, if it is not already; what it says of itself stays outside."""
    choices = schema.get("anyOf", [])
    if NULL in choices:
        return schema
    said = {key: schema[key] for key in ("title", "description") if key in schema}
    bare = {key: value for key, value in schema.items() if key not in said}
    return said | {"anyOf": [*(choices or [bare]), NULL]}
