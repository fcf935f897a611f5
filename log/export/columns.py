"""The columns of an export: the envelope, the data as JSON, and every scalar of the data by its path.

They come from the event models, not from what happens to be in the log, so two exports of a topic always fit
together; a column that a newer version adds comes after those that were there.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pyarrow as pa

from log.personal import without_personal
from schemas.base import Event, Record, declared_data
from schemas.events import EventDead
from schemas.topics import Topic

PERSON = frozenset({"person"})
PERSONAL: Mapping[type[Event], frozenset[str]] = {EventDead: PERSON | {"detail"}}
"""Fields of an event's data that have no column when nothing personal is wanted; `person` in all others."""

MOMENT = pa.timestamp("us", tz="UTC")
_SCALARS: Mapping[Any, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    Decimal: pa.float64(),
    datetime: MOMENT,
}


@dataclass(frozen=True)
class Exported:
    """One event with where it stands in the log."""

    event: Event
    original: Mapping[str, Any]
    """Gives the event as it was written, with fields that we don't know."""
    topic: str
    partition: int
    offset: int
    written_at: datetime


@dataclass(frozen=True)
class Column:
    """One column and how its value is found."""

    name: str
    kind: pa.DataType
    value: Callable[[Exported], Any]


def columns_of(topic: Topic, *, personal: bool = True) -> tuple[Column, ...]:
    """Gives the columns of a topic's export."""
    return (*_envelope(personal=personal), *_flattened(topic, personal=personal))


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """Gives the columns as a Parquet schema."""
    return pa.schema([pa.field(column.name, column.kind) for column in columns])


def visible(exported: Exported, *, personal: bool) -> Mapping[str, Any]:
    """Gives the event as it was written, with what is personal emptied unless that is wanted."""
    return exported.original if personal else without_personal(exported.original)


def _envelope(*, personal: bool) -> tuple[Column, ...]:
    text, number = pa.string(), pa.int64()

    def data(exported: Exported) -> str:
        return orjson.dumps(visible(exported, personal=personal)["data"]).decode()

    return (
        Column("topic", text, lambda exported: exported.topic),
        Column("partition", number, lambda exported: exported.partition),
        Column("offset", number, lambda exported: exported.offset),
        Column("written_at", MOMENT, lambda exported: exported.written_at),
        Column("id", text, lambda exported: exported.event.id),
        Column("source", text, lambda exported: exported.event.source),
        Column("type", text, lambda exported: exported.event.type),
        Column("lead_id", text, lambda exported: exported.event.subject),
        Column("time", MOMENT, lambda exported: exported.event.time),
        Column("mode", text, lambda exported: exported.event.mode),
        Column("policy", text, lambda exported: exported.event.policy),
        Column("traceparent", text, lambda exported: exported.event.traceparent),
        Column("data", text, data),
    )


def _flattened(topic: Topic, *, personal: bool) -> list[Column]:
    """Names `data.origin.channel` `data_origin_channel`; a scalar that two events have in common is one column."""
    kinds: dict[tuple[str, ...], pa.DataType] = {}
    for event in topic.events:
        hidden = frozenset[str]() if personal else PERSONAL.get(event, PERSON)
        for path, kind in _scalars(declared_data(event)):
            if path[0] not in hidden:
                kinds[path] = kind if kinds.get(path, kind) == kind else pa.string()
    return [
        Column("_".join(("data", *path)), kind, partial(_value, path=path, as_text=kind == pa.string()))
        for path, kind in kinds.items()
    ]


def _scalars(annotation: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], pa.DataType]]:
    """Lists the scalars under a type, by their path. Lists, mappings and bytes stay in the JSON."""
    kind = _without_none(annotation)
    if isinstance(kind, type) and issubclass(kind, Record):
        for name, annotation_of in get_type_hints(kind, include_extras=True).items():
            yield from _scalars(annotation_of, (*path, name))
    elif get_origin(kind) is Literal:
        yield path, pa.string()
    elif kind in _SCALARS:
        yield path, _SCALARS[kind]


def _without_none(annotation: Any) -> Any:
    """Gives `X` for `X | None`; annotations such as lengths are peeled off."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return _without_none(rest[0]) if len(rest) == 1 else None
    return annotation


def _value(exported: Exported, path: tuple[str, ...], *, as_text: bool) -> Any:
    found: Any = exported.event.data
    for name in path:
        found = getattr(found, name, None)
        if found is None:
            return None
    if isinstance(found, Decimal):
        return float(found)
    return str(found) if as_text else found
