"""What is kept of a ledger: few bytes, and what an earlier release wrote can be read."""

from __future__ import annotations

from decimal import Decimal

import orjson

from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger, SlaClock
from tests.unit.metrics import ledger_events as e

EARLIER = (
    b'{"lead_id":"lead-1","mode":"live","captured_at":"2026-03-02T09:00:00Z","first_submission":"s1",'
    b'"channel":"web_form","source":"pricing","enriched_at":"2026-03-02T09:00:00.100000Z",'
    b'"scored_at":"2026-03-02T09:00:00.200000Z","mql_at":"2026-03-02T09:00:00.200000Z","first_band":"hot",'
    b'"band":"hot","qualification":"mql","assigned_at":"2026-03-02T09:00:00.300000Z","accepted_at":null,"team":"emea",'
    b'"rep":"kim","escalations":0,"clocks":[{"sla":"contacted","submission_id":"s1","channel":"web_form",'
    b'"captured_at":"2026-03-02T09:00:00Z","started_at":"2026-03-02T09:00:00Z","deadline":"2026-03-02T09:05:00Z",'
    b'"status":"open","band":"hot","team":"emea","rep":"kim","seconds":null},{"sla":"owned","submission_id":"s1",'
    b'"channel":"web_form","captured_at":"2026-03-02T09:00:00Z","started_at":"2026-03-02T09:00:00Z",'
    b'"deadline":"2026-03-02T09:01:00Z","status":"met","band":"hot","team":"emea","rep":"kim","seconds":0.3}],'
    b'"touched_at":null,"contacted_at":null,"meeting_at":null,"sql_at":null,"opportunity_at":null,"won_at":null,'
    b'"lost_at":null,"value":null,"currency":null,"value_won":false,"submissions":1,"signals":0,"touches":0,'
    b'"seen_submissions":["29c7b2fb2ce2"],"seen_signals":[],"seen_touches":[]}'
)
"""As releases wrote it that wrote every field."""


def young() -> Ledger:
    """The ledger of a lead that was captured, scored and given to somebody."""
    ledger: Ledger | None = None
    for event in (e.captured(), e.enriched(), e.scored(), e.assigned(), e.met("owned", 0.3)):
        ledger = fold(ledger, event)
    assert ledger is not None
    return ledger


def test_what_an_earlier_release_wrote_is_the_same_ledger() -> None:
    mark = young().seen_submissions
    assert Ledger.from_json(EARLIER).replace(seen_submissions=mark) == young()


def test_what_is_at_its_default_is_not_written() -> None:
    assert orjson.loads(Ledger().to_json()) == {}
    written = orjson.loads(young().to_json())
    assert not {None, 0} & {value for value in written.values() if not isinstance(value, list | dict)}
    assert len(young().to_json()) < 0.75 * len(EARLIER)


def test_what_looks_like_nothing_is_kept() -> None:
    clock = young().clocks[0].replace(seconds=0.0)
    assert SlaClock.from_json(clock.to_json()) == clock
    given_away = young().replace(value=Decimal(0), currency="EUR")
    assert Ledger.from_json(given_away.to_json()) == given_away


def test_an_event_that_tells_nothing_new_leaves_the_ledger_as_it_is() -> None:
    ledger = young()
    for event in (e.enriched(50), e.scored(50), e.touch(20, status="planned"), e.met("owned", 0.3)):
        assert fold(ledger, event) is ledger
    assert fold(ledger, e.scored(50, "warm")) is not ledger
