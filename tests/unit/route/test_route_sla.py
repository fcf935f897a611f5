"""Service levels: deadlines, whether they were kept, and what follows when they were not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import LeadAssigned, LeadEscalated, LeadReassigned, LeadRecycled, SlaBreached, SlaMet
from tests.unit.route.route_cases import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    ROUTING,
    Office,
    all_of,
    kinds,
    only,
    origin,
    outcome,
    policy_of,
    scored,
    touch,
)

DEADLINE = MONDAY + 5 * MINUTE
RECYCLING = {"untouched_for": "3d", "pool": "us", "at_most": 1}


def owned(**more: Any) -> Office:
    """An office whose one hot lead has just been given to Anna."""
    office = Office(policy_of(**more))
    office.take(scored())
    return office


def contacted(events: list[Any]) -> list[tuple[str, datetime]]:
    return [
        (type(event).__name__, event.data.at)
        for event in events
        if isinstance(event, SlaMet | SlaBreached) and event.data.sla == "contacted"
    ]


# ── deadlines ──


def deadlines(at: datetime, band: str) -> tuple[datetime, datetime, bool]:
    found = only(LeadAssigned, Office().take(scored(at, band))).data.deadlines
    return found.owned_by, found.contacted_by, found.business_hours


def test_a_hot_lead_in_office_hours_has_minutes() -> None:
    assert deadlines(MONDAY, "hot") == (MONDAY + MINUTE, DEADLINE, False)


def test_a_hot_lead_at_night_has_the_night_limits_and_the_clock_runs() -> None:
    night = MONDAY + 12 * HOUR
    assert deadlines(night, "hot") == (night + 5 * MINUTE, night + 2 * HOUR, False)


def test_a_warm_lead_waits_for_the_morning() -> None:
    tuesday = datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert deadlines(MONDAY + 12 * HOUR, "warm") == (tuesday + 15 * MINUTE, tuesday + 30 * MINUTE, True)


def test_business_hours_are_the_owners_own() -> None:
    office = Office()
    found = only(LeadAssigned, office.take(scored(band="warm", country="US"))).data
    assert (found.rep, found.deadlines.contacted_by) == ("uma", datetime(2026, 3, 2, 14, 30, tzinfo=UTC))
    assert found.deadlines.owned_by == MONDAY + 15 * MINUTE


def test_an_owner_on_leave_for_years_does_not_stop_the_clock() -> None:
    away = {"holidays": ["2026-01-01..2031-01-01"]}
    found = only(LeadAssigned, Office(policy_of(rules=[], reps={"maria": away})).take(scored(band="warm"))).data
    assert (found.rep, found.deadlines.contacted_by) == ("maria", MONDAY + 30 * MINUTE)


# ── owned ──


def test_a_lead_assigned_in_time_is_owned_in_time() -> None:
    office = Office(lag=timedelta(seconds=40))
    met = only(SlaMet, office.take(scored())).data
    assert (met.sla, met.seconds, met.deadline) == ("owned", 40.0, MONDAY + MINUTE)


def test_a_lead_assigned_too_late_breaks_its_deadline_and_the_manager_hears_of_it() -> None:
    events = Office(lag=10 * MINUTE).take(scored())
    assert kinds(events) == ["LeadAssigned", "SlaBreached", "LeadEscalated"]
    assert only(SlaBreached, events).data.sla == "owned"
    found = only(LeadEscalated, events).data
    assert (found.rep, found.owner, found.action) == ("maria", "anna", "notify_manager")


# ── contacted ──


def test_a_human_touch_stops_the_clock() -> None:
    office = owned()
    events = office.take(touch(MONDAY + 4 * MINUTE))
    assert contacted(events) == [("SlaMet", MONDAY + 4 * MINUTE)]
    assert only(SlaMet, events).data.seconds == 240.0
    assert office.until(MONDAY + 30 * DAY) == []


@pytest.mark.parametrize("kind", ["contacted", "meeting", "sql", "won"])
def test_an_outcome_that_needs_a_person_stops_the_clock(kind: str) -> None:
    assert contacted(owned().take(outcome(kind, MONDAY + MINUTE))) == [("SlaMet", MONDAY + MINUTE)]


def test_who_accepts_a_lead_still_has_to_contact_it() -> None:
    office = owned()
    assert contacted(office.take(outcome("accepted", MONDAY + MINUTE))) == []
    assert contacted(office.until(DEADLINE)) == [("SlaBreached", DEADLINE)]


@pytest.mark.parametrize(
    "item",
    [
        touch(MONDAY + MINUTE, human=False),
        touch(MONDAY + MINUTE, status="planned"),
        touch(MONDAY + MINUTE, status="failed"),
        touch(MONDAY + MINUTE, status="unknown"),
    ],
    ids=["automatic", "planned", "failed", "unknown"],
)
def test_what_no_person_did_does_not_stop_the_clock(item: Any) -> None:
    office = owned()
    assert office.take(item) == []
    assert contacted(office.until(DEADLINE)) == [("SlaBreached", DEADLINE)]


def test_a_timely_contact_heard_of_late_corrects_the_breach() -> None:
    office = owned()
    assert contacted(office.until(DEADLINE)) == [("SlaBreached", DEADLINE)]
    events = office.take(outcome("contacted", MONDAY + 3 * MINUTE, at=MONDAY + HOUR))
    assert contacted(events) == [("SlaMet", MONDAY + 3 * MINUTE)]
    assert only(SlaMet, events).data.origin == only(LeadAssigned, office.events).data.origin
    assert office.until(MONDAY + 30 * DAY) == []


def test_a_late_contact_breaks_the_deadline_at_once_and_calls_nobody() -> None:
    office = owned()
    assert contacted(office.take(touch(DEADLINE + MINUTE))) == [("SlaBreached", DEADLINE)]
    assert office.until(MONDAY + 30 * DAY) == []


def test_a_deadline_is_kept_until_its_last_moment() -> None:
    assert contacted(owned().take(touch(DEADLINE))) == [("SlaMet", DEADLINE)]


def test_a_fast_clock_does_not_backdate_or_postdate_a_contact() -> None:
    office = owned()
    assert contacted(office.take(touch(DEADLINE + HOUR, at=MONDAY + MINUTE))) == [("SlaMet", MONDAY + MINUTE)]


def test_a_call_that_led_to_the_lead_is_its_contact() -> None:
    office = Office()
    office.take(touch(MONDAY - 10 * MINUTE, at=MONDAY))
    answered = origin(submitted_at=MONDAY - 10 * MINUTE, channel="phone")
    events = office.take(scored(origin=answered))
    assert contacted(events) == [("SlaMet", MONDAY - 10 * MINUTE)]
    assert all_of(SlaMet, events)[1].data.seconds == 0


def test_last_months_contact_does_not_stop_todays_clock() -> None:
    office = Office()
    office.take(touch(MONDAY - 30 * DAY))
    assert contacted(office.take(scored())) == []
    assert contacted(office.until(DEADLINE)) == [("SlaBreached", DEADLINE)]


def test_a_lead_that_is_lost_hurries_nobody() -> None:
    office = owned(recycling=RECYCLING)
    assert office.take(outcome("lost", MONDAY + MINUTE)) == []
    assert office.until(MONDAY + 30 * DAY) == []


contacts = st.lists(
    st.tuples(st.integers(-600, 3_600), st.integers(0, 7_200)).map(
        lambda pair: (MONDAY + timedelta(seconds=pair[0]), MONDAY + timedelta(seconds=max(pair)))
    ),
    max_size=6,
)


@given(contacts, st.booleans())
def test_what_happened_counts_and_not_when_it_was_heard_of(
    contacts: list[tuple[datetime, datetime]],
    timers: bool,  # noqa: FBT001  # drawn by Hypothesis
) -> None:
    office = owned()
    for occurred_at, at in sorted(contacts, key=lambda each: each[1]):
        if timers:
            office.until(at)
        office.take(touch(occurred_at, at=at))
    office.until(MONDAY + DAY)
    in_time = any(MONDAY <= occurred_at <= DEADLINE for occurred_at, _ in contacts)
    found = [name for name, _ in contacted(office.events)]
    assert ("SlaMet" in found) == in_time
    assert found in (["SlaMet"], ["SlaBreached"], ["SlaBreached", "SlaMet"])


# ── what follows a breach ──


def test_a_breach_reminds_the_owner_tells_the_manager_and_passes_the_lead_on() -> None:
    office = owned()
    events = office.until(DEADLINE + 10 * MINUTE)
    assert [(type(event).__name__, event.time - DEADLINE) for event in events] == [
        ("SlaBreached", 0 * MINUTE),
        ("LeadEscalated", 0 * MINUTE),
        ("LeadEscalated", 5 * MINUTE),
        ("LeadReassigned", 10 * MINUTE),
    ]
    reminded, found = all_of(LeadEscalated, events)
    assert (reminded.data.rep, reminded.data.action) == ("anna", "remind_owner")
    assert (found.data.rep, found.data.owner, found.data.action) == ("maria", "anna", "notify_manager")
    moved = only(LeadReassigned, events).data
    assert (moved.rep, moved.previous_rep) == ("ben", "anna")
    assert moved.deadlines.contacted_by == DEADLINE + 15 * MINUTE
    assert moved.reason.startswith("Not contacted in time by Anna → Elsewhere → pool 'emea', turn 2")


def test_whoever_takes_over_has_a_chance_and_is_passed_over_too() -> None:
    office = owned()
    events = office.until(MONDAY + DAY)
    assert [event.data.rep for event in all_of(LeadReassigned, events)] == ["ben", "carl"]
    assert contacted(events) == [("SlaBreached", DEADLINE)]


def test_a_contact_after_the_breach_ends_the_chase() -> None:
    office = owned()
    office.until(DEADLINE + 5 * MINUTE)
    assert office.take(touch(DEADLINE + 6 * MINUTE)) == []
    assert office.until(MONDAY + 30 * DAY) == []
    assert office.owner == "anna"


def test_a_team_without_a_manager_reminds_the_owner() -> None:
    office = Office()
    office.take(scored(MONDAY + 5 * HOUR, country="US"))
    found = all_of(LeadEscalated, office.until(MONDAY + 5 * HOUR + 10 * MINUTE))
    assert [(each.data.rep, each.data.action) for each in found] == [("uma", "remind_owner")] * 2


def test_escalations_wait_for_hours_as_their_deadline_did() -> None:
    warm = {
        "band": "warm",
        "owned_within": "15m",
        "contacted_within": "30m",
        "outside": "wait_for_hours",
        "escalations": [{"on": "contacted", "after": "1h", "action": "reassign", "pool": "managers"}],
    }
    bands = [warm if band["band"] == "warm" else band for band in policy_of().sla.model_dump(mode="json")["bands"]]
    office = Office(policy_of(sla={"bands": bands}))
    office.take(scored(MONDAY + 6 * HOUR, "warm"))
    moved = only(LeadReassigned, office.until(MONDAY + 7 * DAY))
    assert (moved.time, moved.data.rep) == (datetime(2026, 3, 3, 9, 30, tzinfo=UTC), "maria")


def test_the_lead_of_somebody_who_left_the_policy_goes_to_the_next_when_its_deadline_passes() -> None:
    office = owned()
    office.policy = policy_of(
        without={"anna"}, pools=[{"id": "emea", "members": ["ben", "carl"]}, *ROUTING["pools"][1:]]
    )
    events = office.until(DEADLINE)
    assert kinds(events) == ["SlaBreached", "LeadReassigned"]
    assert only(LeadReassigned, events).data.reason.startswith("anna has left → ")


def test_nobody_else_to_take_it_leaves_the_lead_where_it_is() -> None:
    office = owned(rules=[])
    assert all_of(LeadReassigned, office.until(MONDAY + DAY)) == []
    assert office.owner == "maria"


# ── untouched ──


def test_an_untouched_lead_goes_back_to_a_pool_and_then_is_parked() -> None:
    office = owned(recycling=RECYCLING, sla={"reassign_at_most": 0})
    assert kinds(office.until(MONDAY + 3 * DAY))[-2:] == ["LeadRecycled", "LeadReassigned"]
    moved = only(LeadReassigned, office.events).data
    assert (moved.rep, moved.previous_rep, moved.rule) == ("uma", "anna", "recycling")
    events = office.until(MONDAY + 7 * DAY)
    assert kinds(events) == ["LeadRecycled"]
    assert only(LeadRecycled, events).data.reason == "Left untouched by Uma, after 1 others → parked"
    assert office.owner is None


def test_a_parked_lead_that_was_left_untouched_is_routed_when_it_enquires_again() -> None:
    office = owned(recycling=RECYCLING, sla={"reassign_at_most": 0})
    office.until(MONDAY + 7 * DAY)
    assert office.take(scored(MONDAY + 8 * DAY, origin=origin())) == []
    again = MONDAY + 9 * DAY
    events = office.take(scored(again, origin=origin("s2", again)))
    moved = only(LeadReassigned, events).data
    assert (moved.rep, moved.deadlines.contacted_by) == ("ben", again + 5 * MINUTE)


def test_a_touched_lead_stays() -> None:
    office = owned(recycling=RECYCLING)
    office.take(touch(MONDAY + MINUTE))
    assert office.until(MONDAY + 30 * DAY) == []
