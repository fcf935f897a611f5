"""Makes rows of what a batch changed: those that differ from what stands in the tables, no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from runtime.stage import Change
from services.metrics.domain.funnel import stage_count_changes
from services.metrics.domain.ledger import Ledger, SlaClock
from services.metrics.store.tables import LEDGER, SLA_CLOCKS

Changes = Mapping[str, Change[Ledger]]
"""Lead → its ledger before and after a batch."""
Row = tuple[Any, ...]
"""A row's values, in the order of its table's columns."""

_shown: Callable[[Ledger], Row] = attrgetter(*(name for name in LEDGER if name not in ("lead_id", "partition")))
_clock: Callable[[SlaClock], Row] = attrgetter(*(name for name in SLA_CLOCKS if name != "lead_id"))


def ledger_rows(changes: Changes) -> list[Row]:
    """Makes the rows of `ledger`; a change that only the state remembers, such as of a clock, makes none."""
    return [
        (lead, change.partition, *_shown(change.after))
        for lead, change in sorted(changes.items())
        if change.after is not None and (change.before is None or _shown(change.before) != _shown(change.after))
    ]


def clock_rows(changes: Changes) -> list[Row]:
    """Makes the rows of `sla_clocks`."""
    return [(lead, *_clock(clock)) for lead, change in sorted(changes.items()) for clock in _changed_clocks(change)]


def _changed_clocks(change: Change[Ledger]) -> Sequence[SlaClock]:
    after = change.after.clocks if change.after else ()
    before = change.before.clocks if change.before else ()
    return () if after is before else [clock for clock in after if clock not in before]


def stage_count_rows(changes: Changes) -> list[Row]:
    """Makes the rows of `stage_counts`: what is added to each count, negative where leads have left it."""
    counts: dict[Row, int] = {}
    for change in changes.values():
        for key, leads in stage_count_changes(change.before, change.after).items():
            place = (change.partition, *key)
            counts[place] = counts.get(place, 0) + leads
    return [(*place, leads) for place, leads in sorted(counts.items()) if leads]


def counted_rows(counts: Mapping[Any, int], partition_of: Callable[[str], int]) -> list[Row]:
    """Makes rows of counts whose first part is a record's key: by its partition, which only its owner writes."""
    merged: Counter[Row] = Counter()
    for counted, count in counts.items():
        merged[partition_of(counted.key), *counted[1:]] += count
    return [(*place, count) for place, count in sorted(merged.items())]
