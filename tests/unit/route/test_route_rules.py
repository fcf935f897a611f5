"""Which rule decides, who gets the lead, and the sentence that says why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from schemas.events import LeadAssigned, LeadParked, LeadReassigned, RoundRobinTurn
from services.route.domain import sla
from services.route.domain.turns import PoolTurns, Turns
from services.route.store import SharedState
from tests.unit.route.route_cases import (
    DAY,
    HOUR,
    LEAD,
    MINUTE,
    MONDAY,
    ROUTING,
    Office,
    kinds,
    only,
    origin,
    outcome,
    policy_of,
    scored,
)


def assigned(office: Office, **lead: Any) -> LeadAssigned:
    return only(LeadAssigned, office.take(scored(**lead)))


def turn_of(event: LeadAssigned) -> RoundRobinTurn:
    assert event.data.turn is not None
    return event.data.turn


def many(office: Office, number: int, **lead: Any) -> list[LeadAssigned]:
    return [assigned(office, lead=f"lead-{n}", **lead) for n in range(number)]


def test_the_first_rule_that_fits_decides_and_says_so() -> None:
    said = assigned(Office(), country="DE").data
    assert (said.rule, said.territory, said.team, said.rep) == ("emea", "dach", "london", "anna")
    assert said.reason == "Elsewhere → territory 'dach' → pool 'emea', turn 1, available: anna, ben, carl → Anna"
    assert said.turn == RoundRobinTurn(pool="emea", ordinal=0, available=("anna", "ben", "carl"))


def test_an_event_carries_what_the_next_service_needs() -> None:
    event, score = assigned(Office()), scored()
    assert event.data.person == score.data.person
    assert event.data.origin == score.data.origin
    assert event.data.rep_email == "anna@example.com"
    assert (event.policy, event.mode, event.subject) == ("test-1", "live", LEAD)
    assert event.traceparent[:36] == score.traceparent[:36]


def test_turns_go_round() -> None:
    said = [event.data for event in many(Office(), 7)]
    assert [each.rep for each in said] == ["anna", "ben", "carl", "anna", "ben", "carl", "anna"]
    assert [each.turn.ordinal for each in said if each.turn] == list(range(7))


def test_weights_are_shares() -> None:
    pools = [{"id": "emea", "members": [{"rep": "anna", "weight": 3}, "ben"]}, *ROUTING["pools"][1:]]
    shares = Counter(event.data.rep for event in many(Office(policy_of(pools=pools)), 40))
    assert shares == {"anna": 30, "ben": 10}


def test_a_territory_is_the_first_that_fits() -> None:
    assert assigned(Office(), country="DE", employees=5_000).data.territory == "large"
    assert assigned(Office(), country="FR").data.territory is None


def test_who_is_off_work_is_passed_over_while_somebody_is_there() -> None:
    office = Office(policy_of(reps={"anna": {"working_hours": {"tue": "09:00-17:00"}}}))
    event = assigned(office)
    assert event.data.rep == "ben"
    assert turn_of(event).available == ("ben", "carl")


def test_who_works_in_another_time_zone_is_at_work_by_their_own_clock() -> None:
    office = Office(policy_of(reps={"anna": {"timezone": "America/New_York"}}))
    assert turn_of(assigned(office)).available == ("ben", "carl")
    assert turn_of(assigned(office, lead="lead-2", at=MONDAY + 4.5 * HOUR)).available == ("anna", "ben", "carl")


def test_at_night_the_next_in_turn_gets_it_all_the_same() -> None:
    said = assigned(Office(), at=MONDAY + 12 * HOUR).data
    assert said.rep == "anna"
    assert "nobody at work, available: anna, ben, carl" in said.reason


def test_who_is_on_holiday_is_passed_over_at_night_too() -> None:
    office = Office(policy_of(reps={"anna": {"holidays": ["2026-03-02..2026-03-06"]}}))
    assert assigned(office, at=MONDAY + 12 * HOUR).data.rep == "ben"


def test_an_inactive_rep_gets_nothing() -> None:
    said = [event.data.rep for event in many(Office(policy_of(reps={"ben": {"active": False}})), 4)]
    assert said == ["anna", "carl", "anna", "carl"]


def test_who_is_full_today_has_room_tomorrow() -> None:
    office = Office(policy_of(reps={"anna": {"capacity_per_day": 1}}))
    assert [e.data.rep for e in many(office, 4)] == ["anna", "ben", "carl", "ben"]
    assert turn_of(assigned(office, lead="next", at=MONDAY + DAY)).available == ("anna", "ben", "carl")


def test_an_overflow_pool_helps_out_when_nobody_is_free() -> None:
    pools = [{"id": "emea", "members": ["anna"], "overflow": "us"}, *ROUTING["pools"][1:]]
    office = Office(policy_of(pools=pools, reps={"anna": {"capacity_per_day": 1}}))
    first, second = many(office, 2, at=MONDAY + 5 * HOUR)
    assert (first.data.rep, second.data.rep) == ("anna", "uma")
    assert "pool 'us', turn 1" in second.data.reason


def test_an_overflow_pool_at_work_comes_before_a_pool_that_sleeps() -> None:
    pools = [{"id": "emea", "members": ["anna"], "overflow": "us"}, *ROUTING["pools"][1:]]
    assert assigned(Office(policy_of(pools=pools)), at=MONDAY + 10 * HOUR).data.rep == "uma"


def test_the_fallback_pool_takes_what_no_rule_placed() -> None:
    said = assigned(Office(policy_of(rules=[]))).data
    assert (said.rep, said.rule) == ("maria", "fallback")
    assert said.reason == "No rule placed it: fallback → pool 'managers', turn 1, available: maria → Maria"


def test_the_fallback_pool_takes_it_full_or_away() -> None:
    away = {"capacity_per_day": 1, "holidays": ["2026-03-02"]}
    office = Office(policy_of(rules=[], reps={"maria": away}))
    assert [event.data.rep for event in many(office, 3)] == ["maria"] * 3


@pytest.mark.parametrize("target", [{"rep": "ben"}, {"team": "london", "skills": "german"}])
def test_a_rule_may_name_a_person_or_a_team_with_skills(target: dict[str, Any]) -> None:
    rules = [{"id": "r", "when": {"band": "hot"}, "then": target, "reason": "Because"}]
    said = assigned(Office(policy_of(rules=rules))).data
    assert said.rep == ("ben" if "rep" in target else "anna")
    assert said.reason.startswith("Because → ")


def test_a_person_who_is_full_leaves_the_lead_to_the_next_rule() -> None:
    rules = [{"id": "r", "when": {"band": "hot"}, "then": {"rep": "ben"}, "reason": "Ben's"}, *ROUTING["rules"]]
    office = Office(policy_of(rules=rules, reps={"ben": {"capacity_per_day": 1}}))
    assert [(e.data.rule, e.data.rep) for e in many(office, 2)] == [("r", "ben"), ("emea", "anna")]


def test_a_team_gives_turns_to_those_who_cover_the_territory() -> None:
    rules = [{"id": "r", "when": {"band": "hot"}, "then": {"team": "new-york"}, "reason": "New York's"}]
    office = Office(policy_of(rules=rules))
    assert [e.data.rep for e in many(office, 3, country="GB")] == ["uma"] * 3
    turn = turn_of(assigned(office, lead="us", country="US"))
    assert (turn.pool, turn.available) == ("team:new-york", ("uma", "vic"))


def test_a_company_stays_with_who_owns_its_other_leads() -> None:
    rules = [
        {
            "id": "known",
            "when": {"account_has_owner": True},
            "then": {"account_owner": True},
            "reason": "Known company",
        },
        *ROUTING["rules"],
    ]
    office = Office(policy_of(rules=rules))
    first, second = many(office, 2, domain="big.example")
    assert (second.data.rep, second.data.rule) == (first.data.rep, "known")
    assert second.data.reason == "Known company → Anna, the company's owner"
    assert assigned(office, lead="other", domain="other.example").data.rule == "emea"
    assert [e.data.rule for e in many(Office(policy_of(rules=rules)), 2, domain=None)] == ["emea", "emea"]


def test_a_cold_lead_is_parked_and_assigned_once_it_is_hot() -> None:
    office = Office()
    parked = only(LeadParked, office.take(scored(band="cold")))
    assert (parked.data.rule, parked.data.reason) == ("cold", "Too cold → parked")
    assert office.take(scored(MONDAY + HOUR, "cold", origin=origin())) == []
    events = office.take(scored(MONDAY + DAY, "hot", origin=origin()))
    assert kinds(events) == ["LeadAssigned", "SlaMet"]
    deadlines = only(LeadAssigned, events).data.deadlines
    assert deadlines.started_at == MONDAY + DAY
    assert deadlines.contacted_by == MONDAY + DAY + 5 * MINUTE


def test_parking_for_another_reason_is_said_again() -> None:
    office = Office()
    office.take(scored(band="cold"))
    parked = only(LeadParked, office.take(scored(MONDAY + HOUR, "hot", qualification="disqualified", origin=origin())))
    assert parked.data.rule == "junk"


def test_a_disqualified_lead_is_parked_even_where_no_rule_says_so() -> None:
    parked = only(LeadParked, Office(policy_of(rules=[])).take(scored(qualification="disqualified")))
    assert (parked.data.rule, parked.data.reason) == ("disqualified", "Disqualified: A student → parked")


def test_an_owned_lead_keeps_its_owner_whatever_its_score_becomes() -> None:
    office = Office()
    office.take(scored())
    assert office.take(scored(MONDAY + HOUR, "cold", origin=origin())) == []
    assert office.take(scored(MONDAY + HOUR, "hot", country="US", origin=origin("s2", MONDAY + HOUR))) == []
    assert office.owner == "anna"


def test_a_policy_may_route_a_second_enquiry_anew() -> None:
    office = Office(policy_of(keep_owner=False))
    office.take(scored())
    assert office.take(scored(MONDAY + HOUR, "warm", origin=origin())) == []
    moved = only(LeadReassigned, office.take(scored(MONDAY + HOUR, "hot", origin=origin("s2", MONDAY + HOUR))))
    assert (moved.data.rep, moved.data.previous_rep) == ("ben", "anna")


def test_an_owner_who_left_loses_the_lead_at_its_next_score() -> None:
    office = Office()
    office.take(scored())
    office.policy = policy_of(reps={"anna": {"active": False}})
    moved = only(LeadReassigned, office.take(scored(MONDAY + HOUR, "warm", origin=origin())))
    assert (moved.data.rep, moved.data.previous_rep) == ("ben", "anna")


def test_a_lead_of_an_owner_who_left_is_parked_when_it_went_cold() -> None:
    office = Office()
    office.take(scored())
    office.policy = policy_of(reps={"anna": {"active": False}})
    assert kinds(office.take(scored(MONDAY + HOUR, "cold", origin=origin()))) == ["LeadRecycled"]
    assert office.owner is None


def test_history_is_assigned_by_its_own_time_and_starts_no_clock() -> None:
    office = Office(lag=timedelta(days=400))
    events = office.take(scored(mode="history"))
    assert kinds(events) == ["LeadAssigned", "SlaMet"]
    assert all(event.time == MONDAY for event in events)
    assert office.timers == {}
    office.take(outcome("returned", MONDAY + HOUR, mode="history"))
    assert office.timers == {}


def test_a_shadow_run_moves_nobodys_turn() -> None:
    office = Office()
    item = scored(mode="shadow")
    real, shadow = office.stage.plan_locks([item], office.policy)
    assert not real
    shared = SharedState(shadow=Turns({pool: PoolTurns(41) for pool in shadow.pools}))
    decision = office.decide(item, shared)
    assert turn_of(only(LeadAssigned, decision.events)).ordinal == 41
    assert (shared.real.taken, decision.timers) == (set(), ())


def test_a_decision_that_fails_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office()
    monkeypatch.setattr(sla, "start_clock", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        office.take(scored())
    monkeypatch.undo()
    assert turn_of(assigned(office)).ordinal == 0
