"""Counts of funnel stages follow the ledgers exactly, whatever happens to a lead."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Event
from services.metrics.domain.fold import fold
from services.metrics.domain.funnel import StageCount, stage_count_changes, stages_reached
from services.metrics.domain.ledger import Ledger
from tests.unit.metrics import ledger_events as e

STORY: list[Event] = [
    e.captured(0),
    e.captured(-60, "s0", "chat"),
    e.scored(1, "cool", "nurture"),
    e.scored(2, "hot"),
    e.assigned(3),
    e.touch(4),
    e.outcome("lost", 5),
    e.outcome("won", 6),
    e.outcome("meeting", 7),
]


def test_a_lead_counts_under_its_channel_and_latest_band() -> None:
    ledger = fold(fold(None, e.captured()), e.scored(1, "warm", "nurture"))
    assert stages_reached(ledger) == {("captured", "web_form", "warm"), ("scored", "web_form", "warm")}


def test_a_change_of_band_moves_the_lead() -> None:
    before = fold(fold(None, e.captured()), e.scored(1, "warm", "nurture"))
    assert before is not None
    after = fold(before, e.scored(2, "hot", "mql"))
    assert stage_count_changes(before, after) == {
        ("captured", "web_form", "warm"): -1,
        ("scored", "web_form", "warm"): -1,
        ("captured", "web_form", "hot"): 1,
        ("scored", "web_form", "hot"): 1,
        ("mql", "web_form", "hot"): 1,
    }


def test_a_lost_lead_that_is_won_after_all_is_not_lost() -> None:
    lost = fold(fold(None, e.captured()), e.outcome("lost", 5))
    won = fold(lost, e.outcome("won", 9))
    counts = {
        ("lost", "web_form", "unknown"): -1,
        ("contacted", "web_form", "unknown"): 1,
        ("won", "web_form", "unknown"): 1,
    }
    assert stage_count_changes(lost, won) == counts


def test_an_erased_lead_leaves_every_count() -> None:
    ledger = fold(fold(None, e.captured()), e.assigned())
    assert sum(stage_count_changes(ledger, None).values()) == -2


def test_a_lead_tried_out_in_the_shadow_counts_nowhere() -> None:
    assert not stages_reached(fold(None, e.captured(mode="shadow")))


@given(st.permutations(STORY))
def test_moves_add_up_to_where_the_lead_is(events: list[Event]) -> None:
    counts: Counter[StageCount] = Counter()
    ledger: Ledger | None = None
    for event in events:
        after = fold(ledger, event)
        counts.update(stage_count_changes(ledger, after))
        ledger = after
    assert {key: count for key, count in counts.items() if count} == dict.fromkeys(stages_reached(ledger), 1)
