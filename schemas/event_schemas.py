"""The JSON Schema (draft 2020-12) of every event, made from its struct.

It describes what a reader accepts: fields with a default may be missing, fields it does not know are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from schemas.base import Blob, Event
from schemas.events.outcomes import NEEDS_REASON
from schemas.topics import TOPICS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ALWAYS_WRITTEN = ("specversion", "type")
"""Attributes that CloudEvents requires, and that our models fill in by themselves."""

_BASE64 = r"^[A-Za-z0-9+/_-]*={0,2}$"
_AMOUNT = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"

_ACROSS_FIELDS: Mapping[str, dict[str, Any]] = {
    "Outcome": {
        "if": {"properties": {"outcome": {"enum": sorted(NEEDS_REASON)}}},
        "then": {"required": ["reason"], "properties": {"reason": {"type": "string", "minLength": 1}}},
    }
}
"""What holds of several fields of a struct at once."""

Schema = dict[str, Any]


class EventType(NamedTuple):
    """One type of event, with where it belongs."""

    name: str
    """The CloudEvents `type`, such as `leadstream.lead.captured.v1`."""
    model: type[Event]
    topic: Topic


@cache
def event_types() -> Mapping[str, EventType]:
    """Every event type of the stream, by name, in the order of the topics."""
    return {found.name: found for found in _types()}


def _types() -> Iterator[EventType]:
    for topic in TOPICS:
        for model in topic.events:
            for name in model.TYPES:
                yield EventType(name, model, topic)


def schema_of(event: EventType) -> Schema:
    """The JSON Schema of one event type. `$id` is what its events carry as `dataschema`."""
    (root,), components = msgspec.json.schema_components(
        [event.model], schema_hook=_bytes, ref_template="#/$defs/{name}"
    )
    made = components.pop(event.model.__name__) if root.get("$ref") else root
    made["properties"]["type"] = {"const": event.name, "type": "string"}
    made["required"] = [*_ALWAYS_WRITTEN, *(name for name in made["required"] if name not in _ALWAYS_WRITTEN)]
    head = {"$schema": DIALECT, "$id": f"leadstream:{event.name}"}
    definitions = {name: _completed(name, components[name]) for name in sorted(components)}
    return {**head, **_completed("", made), "$defs": definitions}


def _bytes(kind: type) -> Schema:
    if kind is not Blob:
        raise NotImplementedError(f"no schema of {kind.__name__} is known")
    return {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}


def _completed(name: str, schema: Schema) -> Schema:
    """With what msgspec does not say of a type: how bytes and amounts are written, and what holds of two fields."""
    walked = _walked(schema)
    assert isinstance(walked, dict)
    return {**walked, **_ACROSS_FIELDS.get(name, {})}


def _walked(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_walked(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _walked(value) for key, value in schema.items()}
    if made.get("format") == "decimal":
        return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _AMOUNT}]}
    if set(made.get("enum", ())) and "type" not in made and all(isinstance(each, str) for each in made["enum"]):
        made["type"] = "string"
    return _flattened(made)


def _flattened(made: Schema) -> Schema:
    """An alternative that is itself one of alternatives stands among them."""
    if "prefixItems" in made:
        made.pop("items", None)  # how many there are says enough
    if len(made.get("enum", ())) == 1:
        made["const"] = made.pop("enum")[0]
    if "anyOf" in made:
        made["anyOf"] = [
            inner for each in made["anyOf"] for inner in (each["anyOf"] if set(each) == {"anyOf"} else [each])
        ]
    return made
