from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Fit, LeadConditions
from services.score.domain.conditions import compile_conditions, facts_of
from services.score.domain.fit import compile_fit, fit_lines
from services.score.domain.lines import score_of
from services.score.domain.state import ScoreState, Snapshot, fold_enriched
from tests.unit.score.score_cases import enriched


def snapshot(**fields: Any) -> Snapshot:
    lead = fold_enriched(ScoreState(), enriched(**fields).data, 0, None).lead
    assert lead is not None
    return lead


def holds(conditions: dict[str, Any], unless: dict[str, Any] | None = None, **lead: Any) -> bool:
    excluded = LeadConditions.model_validate(unless) if unless else None
    return compile_conditions(LeadConditions.model_validate(conditions), excluded)(facts_of(snapshot(**lead)))


@pytest.mark.parametrize(
    ("conditions", "meets", "fails"),
    [
        ({"seniority": ["vp", "director"]}, {"seniority": "vp"}, {"seniority": "manager"}),
        ({"seniority": "unknown"}, {"seniority": None}, {"seniority": "vp"}),
        ({"department": "sales"}, {"department": "sales"}, {"department": None}),
        ({"company_size": "51-200"}, {"employees": 200}, {"employees": 201}),
        ({"company_size": "unknown"}, {"employees": None}, {"employees": 1}),
        ({"employees_at_least": 50}, {"employees": 50}, {"employees": 49}),
        ({"employees_at_least": 0}, {"employees": 0}, {"employees": None}),
        ({"employees_at_most": 50}, {"employees": 50}, {"employees": None}),
        ({"industry": "software"}, {"industry": "software"}, {"industry": None}),
        ({"industry": "unknown"}, {"industry": None}, {"industry": "software"}),
        ({"country": ["GB", "IE"]}, {"country": "IE"}, {"country": None}),
        ({"country_known": True}, {"country": "FR"}, {"country": None}),
        ({"country_known": False}, {"country": None}, {"country": "FR"}),
        ({"region": "Bavaria"}, {"region": "BAVARIA "}, {"region": "Hesse"}),
        ({"email_kind": "free"}, {"email_kind": "free"}, {"email_kind": "business"}),
        ({"email_domain": "acme.example"}, {"email": "a@acme.example"}, {"email": "a@notacme.example"}),
        ({"email_domain": "acme.example"}, {"email": "a@mail.ACME.example"}, {"email": None}),
        ({"title_contains": "sales"}, {"title": "VP, Sales"}, {"title": "Salesman"}),
        ({"title_contains": "head of"}, {"title": "Global Head of IT"}, {"title": "Head Office"}),
        ({"title_contains": "sales"}, {"title": "SALES"}, {"title": None}),
        ({"channel": "chat"}, {"channel": "chat"}, {"channel": "web_form"}),
        ({"source": "Demo"}, {"source": "demo"}, {"source": "demo2"}),
        ({"source": "ads"}, {"utm_source": "Ads"}, {"utm_source": None}),
        ({"marketing_consent": False}, {"marketing": False}, {"marketing": None}),
        ({"marketing_consent": True}, {"marketing": True}, {"marketing": False}),
        (
            {"seniority": "vp", "country": "GB", "employees_at_least": 10},
            {"seniority": "vp"},
            {"seniority": "vp", "country": "FR"},
        ),
    ],
)
def test_a_condition_holds_for_one_lead_and_not_for_another(
    conditions: dict[str, Any], meets: dict[str, Any], fails: dict[str, Any]
) -> None:
    assert holds(conditions, **meets)
    assert not holds(conditions, **fails)


def test_unless_takes_out_leads_that_meet_the_conditions() -> None:
    assert holds({"seniority": "student"}, {"email_kind": "business"}, seniority="student", email_kind="free")
    assert not holds({"seniority": "student"}, {"email_kind": "business"}, seniority="student")


def test_of_a_group_only_the_first_rule_that_matches_counts() -> None:
    rules = [
        rule("large", {"employees_at_least": 1000}, 30, "size"),
        rule("medium", {"employees_at_least": 100}, 20, "size"),
        rule("small", {"employees_at_least": 10}, 10, "size"),
        rule("known", {"employees_at_least": 0}, 5, None),
    ]
    fit = compile_fit(Fit.model_validate({"base": 7, "rules": rules}))

    lines = [line.code for line in fit_lines(fit, facts_of(snapshot(employees=150)))]

    assert lines == ["base", "medium", "known"]


def rule(name: str, when: dict[str, Any], points: int, group: str | None) -> dict[str, Any]:
    return {"id": name, "when": when, "points": points, "reason": f"Is {name}", "group": group}


@given(st.integers(0, 100), st.lists(st.integers(-100, 100), max_size=6))
def test_fit_is_the_sum_of_its_rules_held_to_0_and_100(base: int, points: list[int]) -> None:
    rules = [
        rule(f"r{number}", {"country": "GB"}, each, None) | {"unless": {"country": "FR"} if number % 2 else None}
        for number, each in enumerate(points)
    ]
    fit = compile_fit(Fit.model_validate({"base": base, "rules": rules}))

    assert score_of(fit_lines(fit, facts_of(snapshot()))) == min(100, max(0, base + sum(points)))
