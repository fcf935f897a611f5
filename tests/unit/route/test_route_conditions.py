"""Conditions of rules: what they hold for, and why they do not."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.events import Consent, Contact, Profile
from schemas.policy import RoutingConditions, Territory
from services.route.domain.conditions import Facts, Standing, TerritoryTest, compile_conditions, facts_of, unmet
from tests.unit.route.route_cases import origin


def facts(territory: str | None = "dach", **profile: Any) -> Facts:
    return facts_of(
        Standing("hot", "A1", "mql"),
        territory,
        origin(source="Spring Fair"),
        Contact(email="Jo@Mail.Acme.example"),
        Profile(**{"country": "DE", "region": " Bavaria ", "title": "Head of Sales, EMEA", "employees": 120} | profile),
        Consent(marketing=True),
    )


HOLDS: list[dict[str, Any]] = [
    {"band": ["warm", "hot"]},
    {"tier": "A1"},
    {"qualification": "mql"},
    {"territory": "dach"},
    {"in_territory": True},
    {"seniority": "unknown"},
    {"company_size": "51-200"},
    {"employees_at_least": 120, "employees_at_most": 120},
    {"industry": "unknown"},
    {"country": "DE", "country_known": True},
    {"region": "BAVARIA"},
    {"email_domain": "acme.example"},
    {"title_contains": "head of sales"},
    {"channel": "web_form"},
    {"source": "spring fair"},
    {"marketing_consent": True},
]
FAILS: list[tuple[dict[str, Any], str]] = [
    ({"band": "warm"}, "band is hot, the rule asks for warm"),
    ({"territory": ["us", "uk"]}, "territory is dach, the rule asks for uk or us"),
    ({"in_territory": False}, "in_territory is True, the rule asks for false"),
    ({"employees_at_least": 121}, "employees is 120, the rule asks for at least 121"),
    ({"employees_at_most": 119}, "employees is 120, the rule asks for at most 119"),
    ({"email_domain": "cme.example"}, "email_domain is mail.acme.example, the rule asks for cme.example"),
    ({"title_contains": "sale"}, "title is Head of Sales, EMEA, the rule asks for one with sale"),
    ({"country_known": False}, "country_known is True, the rule asks for false"),
    ({"band": "hot", "seniority": "vp"}, "seniority is unknown, the rule asks for vp"),
]


@pytest.mark.parametrize("wanted", HOLDS, ids=lambda wanted: next(iter(wanted)))
def test_a_condition_holds(wanted: dict[str, Any]) -> None:
    assert unmet(compile_conditions(RoutingConditions.model_validate(wanted)), facts()) is None


@pytest.mark.parametrize(("wanted", "why"), FAILS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_condition_does_not_hold_and_says_why(wanted: dict[str, Any], why: str) -> None:
    clause = unmet(compile_conditions(RoutingConditions.model_validate(wanted)), facts())
    assert clause is not None
    assert clause.why_not(facts()) == why


def test_a_number_that_is_not_known_meets_no_bound() -> None:
    for bound in ({"employees_at_least": 0}, {"employees_at_most": 1_000}):
        clause = unmet(compile_conditions(RoutingConditions.model_validate(bound)), facts(employees=None))
        assert clause is not None
        assert clause.why_not(facts(employees=None)).startswith("employees is not known")


def test_a_company_of_nobody_is_a_number_too() -> None:
    clauses = compile_conditions(RoutingConditions.model_validate({"employees_at_least": 0}))
    assert unmet(clauses, facts(employees=0)) is None


@pytest.mark.parametrize(
    ("territory", "takes"),
    [
        ({}, True),
        ({"countries": "DE"}, True),
        ({"countries": "AT"}, False),
        ({"countries": "DE", "regions": "Bavaria"}, True),
        ({"countries": "DE", "regions": "Hesse"}, False),
        ({"industries": "software"}, False),
        ({"employees_at_least": 100, "employees_at_most": 200}, True),
        ({"employees_at_most": 100}, False),
        ({"employees_at_least": 200}, False),
    ],
)
def test_a_territory_takes_a_lead_when_all_of_its_conditions_hold(territory: dict[str, Any], takes: bool) -> None:  # noqa: FBT001  # from the table
    test = TerritoryTest(Territory.model_validate({"id": "t", "name": "T"} | territory))
    assert test.takes(Profile(country="DE", region="bavaria", employees=120, industry="retail")) is takes


def test_a_company_of_unknown_size_is_in_no_territory_of_sizes() -> None:
    territory = TerritoryTest(Territory.model_validate({"id": "t", "name": "T", "employees_at_most": 100}))
    assert not territory.takes(Profile())
