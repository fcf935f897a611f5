"""Explaining a route: what every rule said, who took it, until when; and that asking changes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.events import LeadAssigned, Scored
from services.route.domain.explain import Explanation, explain
from services.route.domain.selection import Parking, Placement
from services.route.domain.turns import PoolTurns, Turns
from tests.unit.route.route_cases import HOUR, MINUTE, MONDAY, ROUTING, Office, only, policy_of, scored


def why(score: Scored, **more: Any) -> Explanation:
    return explain(policy_of(), score, MONDAY, **more)


def test_every_rule_up_to_the_one_that_decided_says_why_not() -> None:
    lines = list(why(scored(country="DE").data).lines())
    assert lines == [
        "territory: dach",
        "· junk: qualification is mql, the rule asks for disqualified",
        "· cold: band is hot, the rule asks for cold",
        "· us: territory is dach, the rule asks for us",
        "✓ emea: Elsewhere",
        "    Anna (pool 'emea'): is free, at work, 0 of 100 leads that day",
        "    Ben (pool 'emea'): is free, at work, 0 of 100 leads that day",
        "    Carl (pool 'emea'): is free, at work, 0 of 100 leads that day",
        "Elsewhere → territory 'dach' → pool 'emea', turn 1, available: anna, ben, carl → Anna",
        "owned by 2026-03-02 10:01 UTC (around the clock)",
        "contacted by 2026-03-02 10:05 UTC",
    ]


def test_a_rule_whose_people_are_busy_names_them() -> None:
    policy = policy_of(
        reps={"anna": {"active": False}, "ben": {"holidays": ["2026-03-02"]}, "carl": {"capacity_per_day": 1}}
    )
    turns = Turns({name: PoolTurns() for name in ("emea", "us", "managers")}, {("carl", date(2026, 3, 2)): 1})
    found = explain(policy, scored().data, MONDAY, turns=turns)
    assert found.rules[-1].why == "nobody can take it: Anna is not active; Ben is away; Carl is full (1 of 1)"
    assert found.decision.rule == "fallback"


def test_candidates_say_who_is_available_and_why_the_others_are_not() -> None:
    policy = policy_of(
        reps={"anna": {"active": False}, "ben": {"working_hours": {"sat": "09:00-12:00"}}},
        rules=[{"id": "all", "when": {"band": "hot"}, "then": {"pool": "emea"}, "reason": "All"}],
    )
    turns = Turns({name: PoolTurns() for name in ("emea", "us", "managers")}, {("carl", date(2026, 3, 2)): 3})
    found = explain(policy, scored().data, MONDAY, turns=turns, excluded=frozenset({"maria"}))
    (step,) = found.rules
    assert [(each.rep, each.available, each.why) for each in step.candidates] == [
        ("anna", False, "is not active"),
        ("ben", True, "is free, not at work, 0 of 100 leads that day"),
        ("carl", True, "is free, at work, 3 of 100 leads that day"),
    ]
    assert isinstance(found.decision, Placement)
    assert found.decision.rep.id == "carl"
    assert found.fallback == ()


def test_where_no_rule_decides_the_fallback_pool_is_shown() -> None:
    found = explain(policy_of(rules=[]), scored().data, MONDAY)
    assert list(found.lines())[1:4] == [
        "✓ no rule decided; the fallback pool:",
        "    Maria (pool 'managers'): is free, at work, 0 of 100 leads that day",
        "No rule placed it: fallback → pool 'managers', turn 1, available: maria → Maria",
    ]


def test_a_team_s_candidates_say_which_territory_they_do_not_cover() -> None:
    rules = [{"id": "ny", "when": {"band": "hot"}, "then": {"team": "new-york"}, "reason": "New York"}]
    found = explain(policy_of(rules=rules, reps={"uma": {"active": False}}), scored(country="DE").data, MONDAY)
    assert found.rules[0].why == "nobody can take it: Uma is not active; Vic does not cover territory 'dach'"
    assert [each.group for each in found.rules[0].candidates] == ["team 'new-york'"] * 2


def test_a_parked_lead_has_no_deadlines() -> None:
    found = why(scored(band="cold").data)
    assert isinstance(found.decision, Parking)
    assert found.deadlines is None
    assert list(found.lines())[-2:] == ["✓ cold: Too cold", "Too cold → parked"]


def test_a_disqualified_lead_says_what_the_score_said() -> None:
    rules = [{"id": "all", "when": {"band": "hot"}, "then": {"pool": "emea"}, "reason": "Everybody"}]
    found = explain(policy_of(rules=rules), scored(qualification="disqualified").data, MONDAY)
    assert list(found.lines())[1:] == [
        "· all: is not for disqualified leads",
        "Disqualified: A student → parked",
    ]


def test_asking_takes_no_turn() -> None:
    turns = Turns({name: PoolTurns(4) for name in ("emea", "us", "managers")})
    for _ in range(3):
        assert "turn 5" in why(scored().data, turns=turns).decision.reason
    assert turns.added == {}


@given(
    st.sampled_from(["hot", "warm", "cold"]),
    st.sampled_from(["GB", "DE", "US"]),
    st.sampled_from(["mql", "nurture", "disqualified"]),
    st.integers(0, 72),
)
def test_the_explanation_is_what_routing_does(band: str, country: str, qualification: str, hours: int) -> None:
    at = MONDAY + hours * HOUR
    item = scored(at, band, country=country, qualification=qualification)
    found = explain(policy_of(), item.data, at)
    event = Office().take(item)[0]
    assert event.data.reason == found.decision.reason
    assert event.data.rule == found.decision.rule == next(line.rule for line in found.rules if line.decided)
    if isinstance(event, LeadAssigned):
        assert event.data.deadlines == found.deadlines


def test_a_known_company_is_explained_by_its_owner() -> None:
    rules = [
        {
            "id": "known",
            "when": {"account_has_owner": True},
            "then": {"account_owner": True},
            "reason": "Known company",
        },
        *ROUTING["rules"],
    ]
    policy = policy_of(rules=rules)
    pools = {name: PoolTurns() for name in ("emea", "us", "managers")}
    stranger = explain(policy, scored().data, MONDAY)
    assert stranger.rules[0].why == "the company's other leads have no active owner"
    known = explain(policy, scored().data, MONDAY, turns=Turns(pools, accounts={"acme.example": "carl"}))
    assert known.decision.reason == "Known company → Carl, the company's owner"
    office = Office(policy)
    office.accounts["acme.example"] = "carl"
    assert only(LeadAssigned, office.take(scored(MONDAY + MINUTE))).data.rep == "carl"
