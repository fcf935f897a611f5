"""Which rows a batch writes: those that differ from what stands there."""

from __future__ import annotations

from runtime.stage import Change
from schemas.base import Event
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger
from services.metrics.store.rows import clock_rows, ledger_rows, stage_count_rows
from services.metrics.store.tables import LEDGER, SLA_CLOCKS
from tests.unit.metrics import ledger_events as e


def folded(before: Ledger | None, *events: Event) -> Ledger | None:
    for event in events:
        before = fold(before, event) or before
    return before


def test_a_new_lead_is_a_row_with_all_of_its_columns() -> None:
    changes = {"a": Change(3, None, folded(None, e.captured(), e.scored(), e.assigned()))}
    (row,) = ledger_rows(changes)
    assert dict(zip(LEDGER, row, strict=True)) == {
        "lead_id": "a", "partition": 3, "mode": "live", "channel": "web_form", "source": "pricing",
        "first_band": "hot", "band": "hot", "qualification": "mql", "team": "emea", "rep": "kim",
        "captured_at": e.at(0), "enriched_at": None, "scored_at": e.at(0.2), "mql_at": e.at(0.2),
        "assigned_at": e.at(0.3),
        "accepted_at": None, "touched_at": None, "contacted_at": None, "meeting_at": None, "sql_at": None,
        "opportunity_at": None, "won_at": None, "lost_at": None, "value": None, "currency": None,
        "submissions": 1, "signals": 0, "touches": 0, "escalations": 0,
    }  # fmt: skip
    clocks = [dict(zip(SLA_CLOCKS, clock, strict=True)) for clock in clock_rows(changes)]
    assert {(clock["lead_id"], clock["sla"], clock["status"]) for clock in clocks} == {
        ("a", "owned", "open"),
        ("a", "contacted", "open"),
    }


def test_a_clock_that_was_settled_is_the_only_row() -> None:
    before = folded(None, e.captured(), e.scored(), e.assigned())
    changes = {"a": Change(0, before, folded(before, e.met("owned", 0.3)))}
    assert ledger_rows(changes) == []
    clocks = [dict(zip(SLA_CLOCKS, row, strict=True)) for row in clock_rows(changes)]
    assert [(clock["sla"], clock["status"]) for clock in clocks] == [("owned", "met")]
    assert stage_count_rows(changes) == []


def test_a_signal_is_a_row_of_the_ledger_and_nothing_else() -> None:
    before = folded(None, e.captured(), e.assigned())
    changes = {"a": Change(0, before, folded(before, e.signal()))}
    assert len(ledger_rows(changes)) == 1
    assert (clock_rows(changes), stage_count_rows(changes)) == ([], [])


def test_what_leads_have_in_common_is_counted_in_one_row() -> None:
    ledger = folded(None, e.captured())
    changes = {"a": Change(0, None, ledger), "b": Change(0, None, ledger), "c": Change(1, ledger, None)}
    assert stage_count_rows(changes) == [
        (0, "captured", "web_form", "unknown", 2),
        (1, "captured", "web_form", "unknown", -1),
    ]
