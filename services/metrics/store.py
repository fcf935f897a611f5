"""The metrics service's rows: written with each batch, read by the API and the gauges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from infra.partitioner import partition_of
from runtime.stage import Change
from services.metrics.domain.funnel import moved
from services.metrics.domain.ledger import Clock, Ledger
from services.metrics.domain.tally import Tally

Connection = psycopg.AsyncConnection[Any]
Columns = Mapping[LiteralString, LiteralString]
"""Column → its Postgres type."""

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
CLOCKS: Columns = {
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


def _upsert(table: LiteralString, columns: Columns, keys: int, *, adds: bool = False) -> sql.Composed:
    """Inserts arrays of values, one array a column; the first `keys` columns are the key.

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
        comma.join(sql.SQL("%s::{}[]").format(sql.SQL(kind)) for kind in columns.values()),
        comma.join(map(sql.Identifier, names[:keys])),
        comma.join(rest),
    )


_PUT_LEDGER = _upsert("ledger", LEDGER, 1)
_PUT_CLOCKS = _upsert("sla_clocks", CLOCKS, 4)
_ADD_REJECTIONS = _upsert("rejections", REJECTIONS, 4, adds=True)
_ADD_DEAD_LETTERS = _upsert("dead_letters", DEAD_LETTERS, 5, adds=True)
_ADD_STAGE_COUNTS = _upsert("stage_counts", STAGE_COUNTS, 4, adds=True)


async def write_batch(
    connection: Connection, tally: Tally, changes: Mapping[str, Change[Ledger]], partitions: int
) -> None:
    """Writes a batch's ledgers, clocks and counts with one statement a table, in the caller's transaction."""

    def place(key: str) -> int:
        return partition_of(key.encode(), partitions)

    gone = [lead for lead, change in changes.items() if change.after is None]
    if gone:
        await connection.execute("delete from ledger where lead_id = any(%s)", (gone,))
    await _put(connection, _PUT_LEDGER, LEDGER, _ledger_rows(changes))
    await _put(connection, _PUT_CLOCKS, CLOCKS, _clock_rows(changes))
    await _put(connection, _ADD_STAGE_COUNTS, STAGE_COUNTS, _moves(changes))
    await _put(connection, _ADD_REJECTIONS, REJECTIONS, _placed(tally.rejections, place))
    await _put(connection, _ADD_DEAD_LETTERS, DEAD_LETTERS, _placed(tally.dead, place))


async def _put(
    connection: Connection, statement: sql.Composed, columns: Columns, rows: Sequence[Sequence[Any]]
) -> None:
    if rows:
        values = [list(column) for column in zip(*rows, strict=True)]
        assert len(values) == len(columns)
        await connection.execute(statement, values)


def _ledger_rows(changes: Mapping[str, Change[Ledger]]) -> list[list[Any]]:
    names = [name for name in LEDGER if name not in ("lead_id", "partition")]
    return [
        [lead, change.partition, *(getattr(change.after, name) for name in names)]
        for lead, change in sorted(changes.items())
        if change.after is not None
    ]


def _clock_rows(changes: Mapping[str, Change[Ledger]]) -> list[list[Any]]:
    names = [name for name in CLOCKS if name != "lead_id"]
    return [
        [lead, *(getattr(clock, name) for name in names)]
        for lead, change in sorted(changes.items())
        for clock in _changed_clocks(change)
    ]


def _changed_clocks(change: Change[Ledger]) -> Iterable[Clock]:
    known = {clock.key: clock for clock in change.before.clocks} if change.before else {}
    after = change.after.clocks if change.after else ()
    return (clock for clock in after if known.get(clock.key) != clock)


def _moves(changes: Mapping[str, Change[Ledger]]) -> list[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for change in changes.values():
        for key, by in moved(change.before, change.after).items():
            counts[change.partition, *key] += by
    return [(*key, by) for key, by in sorted(counts.items()) if by]


def _placed(counts: Mapping[Any, int], place: Callable[[str], int]) -> list[tuple[Any, ...]]:
    """Counts by partition instead of by key, so that only the partition's owner writes a row."""
    merged: Counter[tuple[Any, ...]] = Counter()
    for key, count in counts.items():
        merged[place(key.key), *key[1:]] += count
    return [(*key, count) for key, count in sorted(merged.items())]


async def stage_counts(connection: Connection, partitions: Collection[int]) -> list[tuple[str, str, str, int]]:
    """How many leads of these partitions have reached each stage: (stage, channel, band, leads)."""
    cursor = await connection.execute(
        "select stage, channel, band, sum(leads)::bigint from stage_counts "
        "where partition = any(%s) group by 1, 2, 3 having sum(leads) > 0",
        (sorted(partitions),),
    )
    return await cursor.fetchall()
