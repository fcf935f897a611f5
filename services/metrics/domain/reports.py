"""Reports as the API gives them, made of counted rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from schemas.base import Mode
from services.metrics.domain.ledger import STAGES

Report = dict[str, Any]
Row = dict[str, Any]
"""One row of a query, by column."""

FunnelBy = Literal["channel", "band", "team", "rep", "source"]
SlaBy = Literal["band", "team", "rep", "channel"]
FUNNEL_BY: tuple[FunnelBy, ...] = get_args(FunnelBy)
SLA_BY: tuple[SlaBy, ...] = get_args(SlaBy)


@dataclass(frozen=True, slots=True)
class Span:
    """Which leads a report is about: captured in [start, end), in one of `modes`."""

    start: datetime | None = None
    end: datetime | None = None
    modes: tuple[Mode, ...] = ("live", "history")


def funnel_report(by: FunnelBy, span: Span, rows: Sequence[Row], won: Sequence[Row]) -> Report:
    """Makes the funnel's report.

    Args:
        by: what the leads are grouped by.
        span: which leads were counted.
        rows: per group its `key` and the leads that have reached each stage, a column a stage.
        won: per group and currency the `value` of what was won: columns `key`, `currency`, `value`.
    """
    total = {stage: sum(row[stage] for row in rows) for stage in STAGES}
    return {
        "by": by,
        **_echo(span),
        "total": {"stages": _stages(total), "won_value": _by_currency(won)},
        "groups": [
            {
                "key": row["key"],
                "stages": _stages(row),
                "won_value": _by_currency(each for each in won if each["key"] == row["key"]),
            }
            for row in rows
        ],
    }


def sla_report(by: SlaBy, span: Span, rows: Sequence[Row]) -> Report:
    """Makes the report of the deadlines: each row with the share that was kept of those that were decided."""
    kept = [{**row, "kept": _share(row["met"], row["met"] + row["breached"])} for row in rows]
    return {"by": by, **_echo(span), "rows": kept}


def _stages(counts: Mapping[str, int]) -> list[Report]:
    """Adds what share of the captured, and of the stage before, each count is."""
    stages: list[Report] = []
    previous: int | None = None
    for stage in STAGES:
        leads = counts[stage]
        stages.append(
            {
                "stage": stage,
                "leads": leads,
                "of_captured": _share(leads, counts["captured"]),
                "of_previous": None if stage == "lost" else _share(leads, previous),
            }
        )
        previous = leads
    return stages


def _by_currency(rows: Iterable[Row]) -> dict[str, float]:
    """Adds up deal values per currency, never across currencies."""
    values: dict[str, float] = {}
    for row in rows:
        values[row["currency"]] = values.get(row["currency"], 0.0) + float(row["value"])
    return values


def _share(part: int, whole: int | None) -> float | None:
    return round(part / whole, 4) if whole else None


def _echo(span: Span) -> Report:
    return {"from": span.start, "to": span.end}
