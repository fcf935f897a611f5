"""Reads the runtime's tables from outside: how far each service is, what waits, how its schema is.

Nothing in here changes anything, and no service uses it: it is for operators and for the demo.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from psycopg import sql

from infra.postgres import Connection
from infra.settings import Settings

# -- positions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FenceView:
    """How far a service is in one partition number of all its topics.

    Attributes:
        offsets: topic → next offset to read.
        seen: `topic|producer` → highest sequence read, see `runtime.sequence.seen_key`.
    """

    offsets: Mapping[str, int]
    seen: Mapping[str, int]


Fences = Mapping[int, FenceView]
"""A service's fences, by partition number."""


async def read_fences(connection: Connection, settings: Settings, services: Iterable[str]) -> dict[str, Fences]:
    """Reads how far each service is. A service whose schema is not there is left out."""
    fences: dict[str, Fences] = {}
    for service in services:
        rows = await _rows(connection, settings.schema_of(service), "fence", "select partition, offsets, seen from {}")
        if rows is not None:
            fences[service] = {number: FenceView(offsets, seen) for number, offsets, seen in rows}
    return fences


# -- one service's schema ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SchemaState:
    """How one service's part of the database is.

    Attributes:
        role: whether the service's role exists.
        schema: whether its schema exists.
        applied: migration → SHA-256 it had when it was applied.
        foreign: other services' schemas that its role can use.
        paused: whether an operator paused it.
    """

    role: bool
    schema: bool
    applied: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    paused: bool = False


async def read_schema(connection: Connection, settings: Settings, service: str, others: Iterable[str]) -> SchemaState:
    """Reads the state of a service's schema; `others` are the services that it must not see."""
    role, schema = settings.role_of(service), settings.schema_of(service)
    has_role = await _value(connection, b"select exists(select from pg_roles where rolname = %s)", role)
    has_schema = await _value(connection, b"select exists(select from pg_namespace where nspname = %s)", schema)
    foreign = (
        await _value(
            connection,
            b"select coalesce(array_agg(nspname::text order by nspname), '{}') from pg_namespace"
            b" where nspname = any(%s) and has_schema_privilege(%s, oid, 'usage')",
            [settings.schema_of(other) for other in others],
            role,
        )
        if has_role
        else []
    )
    applied = dict(await _rows(connection, schema, "migrations", "select name, sha256 from {}") or ())
    control = dict(await _rows(connection, schema, "control", "select key, value from {}") or ())
    return SchemaState(has_role, has_schema, applied, tuple(foreign), control.get("paused") == "true")


async def _value(connection: Connection, query: bytes, *values: Any) -> Any:
    row = await (await connection.execute(query, values)).fetchone()
    assert row is not None
    return row[0]


async def _rows(connection: Connection, schema: str, table: str, query: str) -> list[Any] | None:
    """Reads a table's rows; None where it does not exist yet."""
    exists = b"select exists(select from pg_tables where schemaname = %s and tablename = %s)"
    if not await _value(connection, exists, schema, table):
        return None
    composed = sql.SQL(query).format(sql.Identifier(schema, table))
    return await (await connection.execute(composed)).fetchall()


# -- what all services have done and have still to do ------------------------------------------------------------------

Queue = Literal["intake", "timers", "effects"]
"""A table of work that waits; the services that have none of it are not asked."""

ProgressRow = tuple[str, str, str, str, int, datetime | None]
"""(service, what, key, partition, count, due), where `what` is one of

- `numbered`: `count` events of topic `key` have a sequence number,
- `read`: `count` numbered events of topic `key` have been read,
- `offset`: `count` is the next offset of topic `key` and `partition` to be read,
- `waiting`: `count` rows wait in the queue `key`,
- `timer`: a timer of the kind `key` is set for `due`.
"""

_NUMBERED = sql.SQL(
    "select {service}, 'numbered', key, '', sum(value::bigint), null::timestamptz"
    " from {schema}.fence, jsonb_each_text(heads) group by key"
    " union all select {service}, 'read', split_part(key, '|', 1), '', sum(value::bigint), null"
    " from {schema}.fence, jsonb_each_text(seen) group by 3"
)
_OFFSETS = sql.SQL(
    "select {service}, 'offset', key, partition::text, value::bigint, null"
    " from {schema}.fence, jsonb_each_text(offsets)"
)
_QUEUES: Mapping[Queue, sql.SQL] = {
    "intake": sql.SQL("select {service}, 'waiting', 'intake', '', count(*), null from {schema}.intake"),
    "timers": sql.SQL(
        "select * from (select {service}, 'timer', split_part(name, ':', 1), '', 0::bigint, due"
        " from {schema}.timers order by due limit {timers}) as soonest"
    ),
    "effects": sql.SQL("select {service}, 'waiting', 'effects', '', count(*), null from {schema}.effects"),
}


def progress_query(
    settings: Settings, queues: Mapping[str, Collection[Queue]], *, timers: int, offsets: bool
) -> sql.Composed:
    """Composes one statement over all services: it sees a single state of the database. Its rows are `ProgressRow`s.

    Args:
        settings: name the schemas.
        queues: service → the queues that it has.
        timers: how many of the coming timers of each service are wanted.
        offsets: whether offsets are wanted too.
    """
    parts = []
    for service, tables in queues.items():
        names = {
            "service": sql.Literal(service),
            "schema": sql.Identifier(settings.schema_of(service)),
            "timers": sql.Literal(timers),
        }
        wanted = [_NUMBERED, *([_OFFSETS] if offsets else []), *(_QUEUES[table] for table in tables)]
        parts += [each.format(**names) for each in wanted]
    return sql.SQL(" union all ").join(parts)
