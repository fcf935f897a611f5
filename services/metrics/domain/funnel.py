"""How the counts of funnel stages change when a lead's ledger does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from services.metrics.domain.ledger import STAGES, Ledger

StageCount = tuple[str, str, str]
"""Stage, channel, band."""

UNKNOWN = "unknown"

_TIMES = tuple(f"{stage}_at" for stage in STAGES)
_times: Callable[[Ledger], tuple[datetime | None, ...]] = attrgetter(*_TIMES)
_counted_by: Callable[[Ledger], tuple[Any, ...]] = attrgetter("mode", "channel", "band", *_TIMES)


def stages_reached(ledger: Ledger | None) -> frozenset[StageCount]:
    """Names the stages that count this lead, under its channel and latest band. Shadow leads count nowhere."""
    if ledger is None or ledger.mode == "shadow" or ledger.captured_at is None:
        return frozenset()
    channel, band = ledger.channel or UNKNOWN, ledger.band or UNKNOWN
    return frozenset(
        [
            (stage, channel, band)
            for stage, at in zip(STAGES, _times(ledger), strict=True)
            if at is not None and (stage != "lost" or ledger.won_at is None)  # lost first, won in the end
        ]
    )


def stage_count_changes(before: Ledger | None, after: Ledger | None) -> Mapping[StageCount, int]:
    """Says what to add to each count, negative where the lead left it; empty where nothing moved."""
    if before is not None and after is not None and _counted_by(before) == _counted_by(after):
        return {}
    old, new = stages_reached(before), stages_reached(after)
    return dict.fromkeys(new - old, 1) | dict.fromkeys(old - new, -1)
