"""What counts as contact with a lead is one thing: to deadlines, to the funnel and to sequences."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from policy.contact import CONTACT_OUTCOMES, contact_at, happened_at
from schemas.events import OutcomeKind, OutcomeRecorded, SlaMet, TouchRecorded
from schemas.events.touched import TouchStatus
from services.metrics.domain.fold import fold
from tests.unit.nurture import world as nurture
from tests.unit.route import route_cases as route

LATER = route.MONDAY + timedelta(minutes=2)
"""In time for the deadline of a hot lead."""

TOUCHES = [
    pytest.param(route.touch(LATER, human=human, status=status), id=f"{'human' if human else 'automatic'} {status}")
    for human in (True, False)
    for status in get_args(TouchStatus)
]
OUTCOMES = [pytest.param(route.outcome(kind, LATER), id=kind) for kind in get_args(OutcomeKind)]


@pytest.mark.parametrize("event", OUTCOMES)
def test_outcomes_that_take_a_person_are_contact(event: OutcomeRecorded) -> None:
    nobody_called = ("accepted", "lost", "returned")
    assert contact_at(event) == (None if event.data.outcome in nobody_called else LATER)


@pytest.mark.parametrize("event", TOUCHES)
def test_only_a_touch_that_a_person_made_is_contact(event: TouchRecorded) -> None:
    assert contact_at(event) == (LATER if event.data.human and event.status == "sent" else None)


def test_nothing_happens_after_it_was_recorded() -> None:
    ahead = route.touch(LATER + timedelta(hours=1), at=LATER)
    assert happened_at(ahead) == contact_at(ahead) == LATER
    late = route.outcome("won", LATER, at=LATER + timedelta(days=2))
    assert happened_at(late) == contact_at(late) == LATER


def test_every_contact_outcome_exists() -> None:
    assert set(get_args(OutcomeKind)) > CONTACT_OUTCOMES


@pytest.mark.parametrize("event", [*OUTCOMES, *TOUCHES])
def test_deadlines_the_funnel_and_sequences_agree_on_what_contact_is(event: OutcomeRecorded | TouchRecorded) -> None:
    expected = contact_at(event)

    office = route.Office()
    office.take(route.scored())
    kept = [told.data.at for told in office.take(event) if isinstance(told, SlaMet)]

    ledger = fold(None, event)
    assert ledger is not None

    lead = nurture.World().hear(event)
    stops = lead.state.stops if lead.state else {}

    assert kept == ([expected] if expected else [])
    assert ledger.contacted_at == expected
    assert stops.get("human_touch") == expected
