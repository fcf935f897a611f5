"""The tables' columns, and the statement that writes many rows of one at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import sql

from infra.arrays import Array, bigints, days, ints, nullable_doubles, nullable_moments, nullable_texts

Columns = Mapping[LiteralString, LiteralString]
"""Column → its Postgres type, in the order in which a row's values stand."""

LEDGER: Columns = {
    "lead_id": "text", "partition": "int", "mode": "text", "channel": "text", "source": "text",
    "first_band": "text", "band": "text", "qualification": "text", "team": "text", "rep": "text",
    "captured_at": "timestamptz", "enriched_at": "timestamptz", "scored_at": "timestamptz", "mql_at": "timestamptz",
    "assigned_at": "timestamptz", "accepted_at": "timestamptz", "touched_at": "timestamptz",
    "contacted_at": "timestamptz", "meeting_at": "timestamptz", "sql_at": "timestamptz",
    "opportunity_at": "timestamptz", "won_at": "timestamptz", "lost_at": "timestamptz",
    "value": "numeric", "currency": "text",
    "submissions": "int", "signals": "int", "touches": "int", "escalations": "int",
}  # fmt: skip
SLA_CLOCKS: Columns = {
    "lead_id": "text", "submission_id": "text", "sla": "text", "started_at": "timestamptz", "channel": "text",
    "band": "text", "team": "text", "rep": "text", "captured_at": "timestamptz", "deadline": "timestamptz",
    "status": "text", "seconds": "double precision",
}  # fmt: skip
REJECTIONS: Columns = {"partition": "int", "day": "date", "channel": "text", "reason": "text", "count": "bigint"}
DEAD_LETTERS: Columns = {
    "partition": "int", "day": "date", "service": "text", "step": "text", "reason": "text", "count": "bigint",
}  # fmt: skip
STAGE_COUNTS: Columns = {
    "partition": "int", "stage": "text", "channel": "text", "band": "text", "leads": "bigint",
}  # fmt: skip


def _numerics(values: Iterable[Decimal | None]) -> Array:
    return nullable_texts(None if value is None else str(value) for value in values)


_ARRAYS: Mapping[LiteralString, tuple[LiteralString, Callable[[Iterable[Any]], Array]]] = {
    "text": ("text[]", nullable_texts),
    "int": ("int[]", ints),
    "bigint": ("bigint[]", bigints),
    "timestamptz": ("timestamptz[]", nullable_moments),
    "double precision": ("double precision[]", nullable_doubles),
    "date": ("date[]", days),
    "numeric": (
        "text[]::numeric[]",
        _numerics,
    ),  # its binary form takes longer to make than Postgres takes to read text
}
"""Type of a column → what the parameter is cast to, and what makes it of the column's values."""


def arrays_of(columns: Columns, rows: Sequence[Sequence[Any]]) -> list[Array]:
    """Makes the parameters of `upsert`: one array a column."""
    values: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(columns)
    return [_ARRAYS[kind][1](column) for kind, column in zip(columns.values(), values, strict=True)]


def upsert(table: LiteralString, columns: Columns, keys: int, *, adds: bool = False) -> sql.Composed:
    """Inserts the rows that `arrays_of` has made parameters of; the first `keys` columns are the key.

    A row that is there is overwritten, or, with `adds`, its last column is added to.
    """
    names = list(columns)
    last = sql.Identifier(names[-1])
    rest = (
        [sql.SQL("{0} = {1}.{0} + excluded.{0}").format(last, sql.Identifier(table))]
        if adds
        else [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names[keys:]]
    )
    comma = sql.SQL(", ")
    return sql.SQL("insert into {} ({}) select * from unnest({}) on conflict ({}) do update set {}").format(
        sql.Identifier(table),
        comma.join(map(sql.Identifier, names)),
        comma.join(sql.SQL("%b::{}").format(sql.SQL(_ARRAYS[kind][0])) for kind in columns.values()),
        comma.join(map(sql.Identifier, names[:keys])),
        comma.join(rest),
    )
