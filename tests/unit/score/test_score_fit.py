from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy import Fit
from policy.matching import facts_of
from services.score.domain.contributions import score_of
from services.score.domain.fit import compile_fit, fit_contributions
from services.score.domain.state import EnrichedSnapshot, ScoreState, fold_enriched
from tests.unit.score.score_cases import enriched


def snapshot(**fields: Any) -> EnrichedSnapshot:
    lead = fold_enriched(ScoreState(), enriched(**fields).data, 0, None).lead
    assert lead is not None
    return lead


def test_of_a_group_only_the_first_rule_that_matches_counts() -> None:
    rules = [
        rule("large", {"employees_at_least": 1000}, 30, "size"),
        rule("medium", {"employees_at_least": 100}, 20, "size"),
        rule("small", {"employees_at_least": 10}, 10, "size"),
        rule("known", {"employees_at_least": 0}, 5, None),
    ]
    fit = compile_fit(Fit.model_validate({"base": 7, "rules": rules}))

    contributions = [contribution.code for contribution in fit_contributions(fit, facts_of(snapshot(employees=150)))]

    assert contributions == ["base", "medium", "known"]


def rule(name: str, when: dict[str, Any], points: int, group: str | None) -> dict[str, Any]:
    return {"id": name, "when": when, "points": points, "reason": f"Is {name}", "group": group}


def test_a_rule_does_not_count_where_its_exception_holds() -> None:
    student = rule("student", {"seniority": "student"}, -30, None) | {"unless": {"email_kind": "business"}}
    fit = compile_fit(Fit.model_validate({"base": 50, "rules": [student]}))

    private, at_work = (snapshot(seniority="student", email_kind=kind) for kind in ("free", "business"))

    assert score_of(fit_contributions(fit, facts_of(private))) == 20
    assert score_of(fit_contributions(fit, facts_of(at_work))) == 50


@given(st.integers(0, 100), st.lists(st.integers(-100, 100), max_size=6))
def test_fit_is_the_sum_of_its_rules_held_to_0_and_100(base: int, points: list[int]) -> None:
    rules = [
        rule(f"r{number}", {"country": "GB"}, each, None) | {"unless": {"country": "FR"} if number % 2 else None}
        for number, each in enumerate(points)
    ]
    fit = compile_fit(Fit.model_validate({"base": base, "rules": rules}))

    assert score_of(fit_contributions(fit, facts_of(snapshot()))) == min(100, max(0, base + sum(points)))
