"""Which territory a lead is in."""

from __future__ import annotations

from typing import Any

import pytest

from services.route.domain.compiled_routing import CompiledRouting
from tests.unit.route.route_cases import policy_of, scored

LEAD = {"country": "DE", "region": "bavaria", "employees": 120, "industry": "retail"}


def territory(conditions: list[dict[str, Any]], **profile: Any) -> str | None:
    """Of territories named t0, t1, … the one that a lead is in; no rule names one."""
    territories = [{"id": f"t{number}", "name": "T"} | each for number, each in enumerate(conditions)]
    anybody = [{"id": "any", "when": {"band": "hot"}, "then": {"pool": "emea"}, "reason": "Any"}]
    plan = CompiledRouting(policy_of(territories=territories, rules=anybody, without=["vic"], pools=POOLS))
    return plan.facts(scored(**profile).data).territory


POOLS = [{"id": "emea", "members": ["anna"]}, {"id": "managers", "members": ["maria"]}]


@pytest.mark.parametrize(
    ("conditions", "takes"),
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
def test_a_territory_takes_a_lead_when_all_of_its_conditions_hold(conditions: dict[str, Any], takes: bool) -> None:  # noqa: FBT001  # from the table
    assert territory([conditions], **LEAD) == ("t0" if takes else None)


def test_the_first_territory_that_fits_is_the_leads() -> None:
    assert territory([{"countries": "AT"}, {"employees_at_least": 100}, {"countries": "DE"}], **LEAD) == "t1"


def test_a_company_of_unknown_size_is_in_no_territory_of_sizes() -> None:
    assert territory([{"employees_at_most": 100}], employees=None) is None
