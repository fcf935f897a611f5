"""Accepted and given back: what outcomes do to ownership."""

from __future__ import annotations

from schemas.events import LeadAccepted, LeadReassigned, LeadRecycled
from tests.unit.route.route_cases import (
    HOUR,
    MINUTE,
    MONDAY,
    Office,
    all_of,
    kinds,
    only,
    origin,
    outcome,
    policy_of,
    scored,
)


def owned() -> Office:
    office = Office()
    office.take(scored())
    return office


def test_an_owner_who_accepts_is_told_of_once() -> None:
    office = owned()
    events = office.take(outcome("accepted", MONDAY + MINUTE, rep="anna"))
    assert kinds(events) == ["LeadAccepted"]
    accepted = only(LeadAccepted, events).data
    assert (accepted.rep, accepted.team, accepted.at, accepted.seconds) == ("anna", "london", MONDAY + MINUTE, 60.0)
    assert office.take(outcome("accepted", MONDAY + 2 * MINUTE, identity="another")) == []


def test_a_lead_given_back_goes_to_the_next_and_not_to_that_one_again() -> None:
    office = owned()
    events = office.take(outcome("returned", MONDAY + HOUR))
    assert kinds(events) == ["LeadRecycled", "LeadReassigned"]
    assert only(LeadRecycled, events).data.reason == "Returned by Anna: wrong region"
    moved = only(LeadReassigned, events).data
    assert (moved.rep, moved.previous_rep) == ("ben", "anna")
    assert moved.turn is not None
    assert moved.turn.available == ("ben", "carl")
    assert moved.reason.startswith("Returned by Anna: wrong region → Elsewhere → pool 'emea', turn 2")


def test_the_clock_does_not_start_again_when_a_lead_changes_hands() -> None:
    office = owned()
    moved = only(LeadReassigned, office.take(outcome("returned", MONDAY + MINUTE))).data
    assert moved.deadlines.contacted_by == MONDAY + 5 * MINUTE


def test_a_lead_that_all_give_back_goes_to_the_fallback_pool_and_then_to_nobody() -> None:
    office = owned()
    for number in range(3):
        office.take(outcome("returned", MONDAY + (1 + number) * HOUR))
    moved = all_of(LeadReassigned, office.events)
    assert [event.data.rep for event in moved] == ["ben", "carl", "maria"]
    assert moved[-1].data.rule == "fallback"
    events = office.take(outcome("returned", MONDAY + 5 * HOUR))
    assert kinds(events) == ["LeadRecycled"]
    assert "nobody else can take it → parked" in only(LeadRecycled, events).data.reason
    assert office.owner is None
    assert office.take(scored(MONDAY + 6 * HOUR, "warm", origin=origin())) == []


def test_a_lead_that_all_gave_back_is_owned_again_once_it_enquires_again() -> None:
    office = owned()
    for number in range(4):
        office.take(outcome("returned", MONDAY + (1 + number) * HOUR))
    again = MONDAY + 6 * HOUR
    office.take(scored(again, origin=origin("s2", again)))
    assert office.owner in ("anna", "ben", "carl")


def test_a_founder_keeps_a_lead_that_has_enquired_since_it_was_given_back() -> None:
    office = Office(policy_of(rules=[]))
    office.take(scored())
    office.take(scored(MONDAY + 2 * HOUR, origin=origin("s2", MONDAY + 2 * HOUR)))
    assert office.take(outcome("returned", MONDAY + HOUR, at=MONDAY + 3 * HOUR)) == []
    assert office.owner == "maria"


def test_word_of_a_return_by_an_earlier_owner_changes_nothing() -> None:
    office = owned()
    office.take(outcome("returned", MONDAY + HOUR))
    assert office.take(outcome("returned", MONDAY + HOUR, identity="again", rep="anna")) == []
    assert office.owner == "ben"


def test_an_outcome_reported_twice_counts_once() -> None:
    office = owned()
    report = outcome("returned", MONDAY + HOUR, identity="crm-1")
    office.take(report)
    again = outcome("returned", MONDAY + HOUR, at=MONDAY + 2 * HOUR, identity="crm-1")
    assert office.take(again) == []
    assert office.owner == "ben"


def test_what_is_reported_before_the_lead_is_owned_waits_for_its_owner() -> None:
    office = Office()
    assert office.take(outcome("returned", MONDAY + HOUR), outcome("accepted", MONDAY + 2 * HOUR)) == []
    events = office.take(scored())
    assert kinds(events) == ["LeadAssigned", "SlaMet", "LeadRecycled", "LeadReassigned", "LeadAccepted"]
    assert office.owner == "ben"


def test_ids_of_one_decision_differ_and_a_repeat_gives_the_same() -> None:
    first, second = Office(), Office()
    for office in (first, second):
        office.take(outcome("returned", MONDAY + HOUR), outcome("accepted", MONDAY + 2 * HOUR), scored())
    ids = [event.id for event in first.events]
    assert len(set(ids)) == len(ids)
    assert ids == [event.id for event in second.events]
