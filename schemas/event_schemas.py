"""The JSON Schema (draft 2020-12) of every event, made from its pydantic model.

It describes what a reader accepts: fields with a default may be missing, fields it does not know are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from schemas.base import Event, without_nul
from schemas.topics import TOPICS, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ALWAYS_WRITTEN = ("specversion", "type")
"""Attributes that CloudEvents requires, and that our models fill in by themselves."""

_BASE64 = r"^[A-Za-z0-9+/_-]*={0,2}$"
_NO_NUL = r"^[^\u0000]*$"

Schema = dict[str, Any]


class EventType(NamedTuple):
    """One type of event, with where it belongs."""

    name: str
    """The CloudEvents `type`, such as `leadstream.lead.captured.v1`."""
    model: type[Event]
    topic: Topic


class _EventSchema(GenerateJsonSchema):
    """Adds what pydantic checks but does not say, and leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:  # noqa: ARG002  # pydantic's signature
        return {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        said = super().function_after_schema(schema)
        return {**said, "pattern": _NO_NUL} if schema["function"]["function"] is without_nul else said


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
    made = event.model.model_json_schema(schema_generator=_EventSchema)
    made["properties"]["type"] = {"const": event.name, "type": "string"}
    made["required"] = [*_ALWAYS_WRITTEN, *(name for name in made["required"] if name not in _ALWAYS_WRITTEN)]
    head = {"$schema": DIALECT, "$id": f"leadstream:{event.name}"}
    definitions = made.pop("$defs")
    return {**head, **made, "$defs": definitions}
