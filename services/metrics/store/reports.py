"""Reads what the API is asked for: the funnel, the SLAs, one lead."""

from __future__ import annotations

from psycopg import sql
from psycopg.rows import dict_row

from infra.postgres import Connection
from services.metrics.domain.ledger import STAGES
from services.metrics.domain.reports import (
    SLA_BY,
    FunnelBy,
    Report,
    Row,
    SlaBy,
    Span,
    funnel_report,
    sla_report,
)
from services.metrics.store.tables import LEDGER, SLA_CLOCKS

NONE = "(none)"
"""Shown for leads without the thing that is grouped by, such as a rep."""

_FUNNEL = sql.SQL(
    "select coalesce({by}, {none}) as key, {counts} from ledger where captured_at is not null"
    " and (%(start)s::timestamptz is null or captured_at >= %(start)s)"
    " and (%(end)s::timestamptz is null or captured_at < %(end)s)"
    " and mode = any(%(modes)s) group by 1 order by captured desc, 1"
)

_WON = sql.SQL(
    "select coalesce({by}, {none}) as key, coalesce(currency, {none}) as currency, sum(value) as value"
    " from ledger where won_at is not null and value is not null"
    " and (%(start)s::timestamptz is null or captured_at >= %(start)s)"
    " and (%(end)s::timestamptz is null or captured_at < %(end)s)"
    " and mode = any(%(modes)s) group by 1, 2 order by 1, 2"
)

# A clock's own seconds when it was kept; when it was broken, the time until it happened after all.
_SLA = sql.SQL(
    "with clocks as ("
    " select c.sla, coalesce(c.{by}, {none}) as key, c.status, case when c.status = 'met' then c.seconds else"
    "  extract(epoch from case c.sla when 'owned' then l.assigned_at else l.contacted_at end - c.started_at)"
    " end as seconds"
    " from sla_clocks c join ledger l using (lead_id)"
    " where (%(start)s::timestamptz is null or c.captured_at >= %(start)s)"
    " and (%(end)s::timestamptz is null or c.captured_at < %(end)s)"
    " and c.status <> 'cancelled')"
    " select sla, key,"
    " count(*) filter (where status = 'met') as met,"
    " count(*) filter (where status = 'breached') as breached,"
    " count(*) filter (where status = 'open') as open,"
    " percentile_cont(0.5) within group (order by seconds) filter (where seconds >= 0) as median_seconds,"
    " percentile_cont(0.9) within group (order by seconds) filter (where seconds >= 0) as p90_seconds"
    " from clocks group by sla, key order by sla desc, count(*) desc, key"
).format
_SLA_COLUMNS = {by: _SLA(by=sql.Identifier(by), none=sql.Literal(NONE)) for by in SLA_BY}


def _stage_count(stage: str) -> sql.Composable:
    reached = sql.Identifier(f"{stage}_at")
    # Lost first and won in the end is won.
    open_only = sql.SQL(" filter (where won_at is null)") if stage == "lost" else sql.SQL("")
    return sql.SQL("count({}){} as {}").format(reached, open_only, sql.Identifier(stage))


async def funnel(connection: Connection, by: FunnelBy, span: Span) -> Report:
    """Counts the leads captured in `span` and how many of them have reached each stage, in total and by `by`."""
    names = {"by": sql.Identifier(by), "none": sql.Literal(NONE)}
    counts = sql.SQL(", ").join(map(_stage_count, STAGES))
    rows = await _rows(connection, _FUNNEL.format(**names, counts=counts), span)
    return funnel_report(by, span, rows, await _rows(connection, _WON.format(**names), span))


async def sla(connection: Connection, by: SlaBy, span: Span) -> Report:
    """Counts SLA deadlines of submissions captured in `span`: kept, broken, running, and how many seconds it took."""
    return sla_report(by, span, await _rows(connection, _SLA_COLUMNS[by], span))


async def lead(connection: Connection, lead_id: str) -> Report | None:
    """Reads one lead's ledger row with its SLA clocks; None for a lead never seen."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        names = sql.SQL(", ").join(map(sql.Identifier, LEDGER))
        await cursor.execute(sql.SQL("select {} from ledger where lead_id = %s").format(names), (lead_id,))
        row = await cursor.fetchone()
        if row is None:
            return None
        names = sql.SQL(", ").join(sql.Identifier(name) for name in SLA_CLOCKS if name != "lead_id")
        await cursor.execute(
            sql.SQL("select {} from sla_clocks where lead_id = %s order by started_at, sla").format(names), (lead_id,)
        )
        return {**row, "clocks": await cursor.fetchall()}


async def _rows(connection: Connection, statement: sql.Composed, span: Span) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, {"start": span.start, "end": span.end, "modes": list(span.modes)})
        return await cursor.fetchall()
