"""Writes a batch's ledgers, clocks and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from psycopg import sql

from infra.partitioner import partition_of
from infra.postgres import Connection
from runtime.stage import Change
from services.metrics.domain.funnel import stage_count_changes
from services.metrics.domain.ledger import Ledger, SlaClock
from services.metrics.domain.tally import Tally
from services.metrics.store.tables import (
    DEAD_LETTERS,
    LEDGER,
    REJECTIONS,
    SLA_CLOCKS,
    STAGE_COUNTS,
    Columns,
    upsert,
)

_PUT_LEDGER = upsert("ledger", LEDGER, 1)
_PUT_CLOCKS = upsert("sla_clocks", SLA_CLOCKS, 4)
_ADD_REJECTIONS = upsert("rejections", REJECTIONS, 4, adds=True)
_ADD_DEAD_LETTERS = upsert("dead_letters", DEAD_LETTERS, 5, adds=True)
_ADD_STAGE_COUNTS = upsert("stage_counts", STAGE_COUNTS, 4, adds=True)


async def write_batch(
    connection: Connection, tally: Tally, changes: Mapping[str, Change[Ledger]], partitions: int
) -> None:
    """Writes a batch's ledgers, clocks and counts with one statement a table, in the caller's transaction."""

    def place(key: str) -> int:
        return partition_of(key.encode(), partitions)

    gone = [lead for lead, change in changes.items() if change.after is None]
    if gone:
        await connection.execute("delete from ledger where lead_id = any(%s)", (gone,))
    await _put(connection, _PUT_LEDGER, LEDGER, ledger_rows(changes))
    await _put(connection, _PUT_CLOCKS, SLA_CLOCKS, clock_rows(changes))
    await _put(connection, _ADD_STAGE_COUNTS, STAGE_COUNTS, stage_count_rows(changes))
    await _put(connection, _ADD_REJECTIONS, REJECTIONS, _placed(tally.rejections, place))
    await _put(connection, _ADD_DEAD_LETTERS, DEAD_LETTERS, _placed(tally.dead, place))


async def _put(
    connection: Connection, statement: sql.Composed, columns: Columns, rows: Sequence[Sequence[Any]]
) -> None:
    if rows:
        values = [list(column) for column in zip(*rows, strict=True)]
        assert len(values) == len(columns)
        await connection.execute(statement, values)


def ledger_rows(changes: Mapping[str, Change[Ledger]]) -> list[list[Any]]:
    names = [name for name in LEDGER if name not in ("lead_id", "partition")]
    return [
        [lead, change.partition, *(getattr(change.after, name) for name in names)]
        for lead, change in sorted(changes.items())
        if change.after is not None
    ]


def clock_rows(changes: Mapping[str, Change[Ledger]]) -> list[list[Any]]:
    names = [name for name in SLA_CLOCKS if name != "lead_id"]
    return [
        [lead, *(getattr(clock, name) for name in names)]
        for lead, change in sorted(changes.items())
        for clock in _changed_clocks(change)
    ]


def _changed_clocks(change: Change[Ledger]) -> Iterable[SlaClock]:
    known = {clock.key: clock for clock in change.before.clocks} if change.before else {}
    after = change.after.clocks if change.after else ()
    return (clock for clock in after if known.get(clock.key) != clock)


def stage_count_rows(changes: Mapping[str, Change[Ledger]]) -> list[tuple[Any, ...]]:
    counts: Counter[tuple[Any, ...]] = Counter()
    for change in changes.values():
        for key, by in stage_count_changes(change.before, change.after).items():
            counts[change.partition, *key] += by
    return [(*key, by) for key, by in sorted(counts.items()) if by]


def _placed(counts: Mapping[Any, int], place: Callable[[str], int]) -> list[tuple[Any, ...]]:
    """Counts by partition instead of by key, so that only the partition's owner writes a row."""
    merged: Counter[tuple[Any, ...]] = Counter()
    for key, count in counts.items():
        merged[place(key.key), *key[1:]] += count
    return [(*key, count) for key, count in sorted(merged.items())]
