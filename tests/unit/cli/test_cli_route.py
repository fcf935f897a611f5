"""How `leadstream route explain` tells a decision, to people and to scripts."""

from __future__ import annotations

import orjson

from cli.route import Answer, Settled, document_of, lines_of
from schemas.events import LeadScored
from services.route.domain.explain import explain
from tests.support import story
from tests.unit.route.route_cases import MONDAY, policy_of, scored


def answer(item: LeadScored | None = None, settled: Settled | None = None) -> Answer:
    item = item or scored(country="DE")
    return Answer(item, settled, "test-1", MONDAY, explain(policy_of(), item.data, MONDAY), turns_known=True)


def test_the_head_says_what_the_lead_is_and_who_has_it() -> None:
    assert list(lines_of(answer()))[:4] == [
        "Lead lead-1, scored 50 hot B2, mql, at 2026-03-02 10:00:00 UTC",
        "Nothing is decided about it yet",
        "Were it new at 2026-03-02 10:00:00 UTC, policy test-1 would decide:",
        "  territory: dach",
    ]


def test_the_rules_follow_in_their_order_with_the_decision_last() -> None:
    lines = list(lines_of(answer()))
    assert lines[4:8] == [
        "  · junk: qualification is mql, the rule asks for disqualified",
        "  · cold: band is hot, the rule asks for cold",
        "  · us: territory is dach, the rule asks for us",
        "  ✓ emea: Elsewhere",
    ]
    assert lines[-3] == "  Elsewhere → territory 'dach' → pool 'emea', turn 1, available: anna, ben, carl → Anna"


def test_an_owner_is_named_with_the_rule_that_chose_them() -> None:
    owned = story.assigned()
    said = list(lines_of(answer(settled=owned)))[1]
    assert said == "Owned by Kim Reyes of team sales, by rule hot-uk, at 2026-03-02 09:00:00 UTC"
    assert document_of(answer(settled=owned))["now"] == {"at": owned.time, "rep": "kim", "rule": "hot-uk"}


def test_a_parked_lead_has_neither_owner_nor_deadlines() -> None:
    found = document_of(answer(scored(band="cold")))
    assert found["decision"] == {"rule": "cold", "rep": None, "reason": "Too cold → parked", "turn": None}
    assert found["deadlines"] is None


def test_the_document_can_be_written_as_json() -> None:
    found = orjson.loads(orjson.dumps(document_of(answer())))
    assert [step["decided"] for step in found["rules"]] == [False, False, False, True]
    assert [each["rep"] for each in found["rules"][-1]["candidates"]] == ["anna", "ben", "carl"]
    assert found["fallback"] == []
    assert found["decision"]["turn"] == {"pool": "emea", "ordinal": 0, "available": ["anna", "ben", "carl"]}
