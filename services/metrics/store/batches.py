"""Writes a batch's ledgers, clocks and counts."""

from __future__ import annotations

from psycopg import sql

from infra.arrays import texts
from infra.partitioner import partition_of
from infra.postgres import Connection
from services.metrics.domain.tally import Tally
from services.metrics.store.rows import Changes, clock_rows, counted_rows, ledger_rows, stage_count_rows
from services.metrics.store.tables import (
    DEAD_LETTERS,
    LEDGER,
    REJECTIONS,
    SLA_CLOCKS,
    STAGE_COUNTS,
    arrays_of,
    upsert,
)

# As bytes, because psycopg composes a composed statement anew each time it is executed.
_PUT_LEADS = (
    sql.SQL("with ledgers as ({}), clocks as ({}) {}")
    .format(
        upsert("ledger", LEDGER, 1),
        upsert("sla_clocks", SLA_CLOCKS, 4),
        upsert("stage_counts", STAGE_COUNTS, 4, adds=True),
    )
    .as_bytes()
)
_ADD_REJECTIONS = upsert("rejections", REJECTIONS, 4, adds=True).as_bytes()
_ADD_DEAD_LETTERS = upsert("dead_letters", DEAD_LETTERS, 5, adds=True).as_bytes()
_DELETE_LEADS = b"delete from ledger where lead_id = any(%b::text[])"  # and, by their foreign key, their clocks


async def write_batch(connection: Connection, tally: Tally, changes: Changes, partitions: int) -> None:
    """Writes what a batch changed, in the caller's transaction: leads in one round trip, counts in one a table."""
    await _write_leads(connection, changes)

    def place(key: str) -> int:
        return partition_of(key.encode(), partitions)

    if rows := counted_rows(tally.rejections, place):
        await connection.execute(_ADD_REJECTIONS, arrays_of(REJECTIONS, rows))
    if rows := counted_rows(tally.dead, place):
        await connection.execute(_ADD_DEAD_LETTERS, arrays_of(DEAD_LETTERS, rows))


async def _write_leads(connection: Connection, changes: Changes) -> None:
    if gone := [lead for lead, change in changes.items() if change.after is None]:
        await connection.execute(_DELETE_LEADS, (texts(gone),))
    ledgers, clocks, counts = ledger_rows(changes), clock_rows(changes), stage_count_rows(changes)
    if ledgers or clocks or counts:
        arrays = arrays_of(LEDGER, ledgers) + arrays_of(SLA_CLOCKS, clocks) + arrays_of(STAGE_COUNTS, counts)
        await connection.execute(_PUT_LEADS, arrays)
