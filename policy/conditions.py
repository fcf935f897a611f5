"""Conditions on what is known of a lead, shared by scoring, qualification and routing rules."""

from __future__ import annotations

from bisect import bisect_left
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from policy.types import Count, Country, Domain, Identifier, Lowered, OneOrMore, PolicyModel
from schemas.events.enriched import Department, EmailKind, Seniority

CompanySize = Literal["1-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000", "10001+", "unknown"]
"""Employees of the company."""

_LARGEST = (10, 50, 200, 500, 1_000, 5_000, 10_000)
_SIZES: tuple[CompanySize, ...] = get_args(CompanySize)


def company_size(employees: int | None) -> CompanySize:
    """Returns the size band of a company with so many employees."""
    return "unknown" if employees is None else _SIZES[bisect_left(_LARGEST, employees)]


def check_employees(at_least: int | None, at_most: int | None) -> None:
    """Refuses bounds that no company is within.

    Raises:
        ValueError: the upper is below the lower.
    """
    if at_least is not None and at_most is not None and at_most < at_least:
        raise ValueError(f"employees_at_most ({at_most}) is below employees_at_least ({at_least})")


SeniorityOrUnknown = Literal[Seniority, "unknown"]
DepartmentOrUnknown = Literal[Department, "unknown"]
EmailKindOrUnknown = Literal[EmailKind, "unknown"]


class LeadConditions(PolicyModel):
    """All stated conditions must hold; of a list, any one value is enough. At least one must be stated.

    `unknown` matches a fact that is not known. Text is compared without regard to case. What each condition means
    is in `policy.matching`, for all services.
    """

    seniority: OneOrMore[SeniorityOrUnknown] = ()
    department: OneOrMore[DepartmentOrUnknown] = ()
    company_size: OneOrMore[CompanySize] = Field(default=(), description="Bands of employees.")
    employees_at_least: Count | None = Field(default=None, description="False when employees are not known.")
    employees_at_most: Count | None = Field(default=None, description="False when employees are not known.")
    industry: OneOrMore[Identifier] = Field(default=(), description="As in `profile.industry`, or unknown.")
    country: OneOrMore[Country] = Field(default=(), description="ISO 3166-1 alpha-2.")
    country_known: bool | None = Field(default=None, strict=True)
    region: OneOrMore[Lowered] = Field(default=(), description="State or province, as in `profile.region`.")
    email_kind: OneOrMore[EmailKindOrUnknown] = ()
    email_domain: OneOrMore[Domain] = Field(default=(), description="Domain of the address, or a parent of it.")
    title_contains: OneOrMore[Lowered] = Field(default=(), description="Whole words of the job title.")
    channel: OneOrMore[Identifier] = Field(default=(), description="Channel of the latest submission.")
    source: OneOrMore[Lowered] = Field(default=(), description="Form, campaign, list or partner; or `utm_source`.")
    marketing_consent: bool | None = Field(default=None, strict=True)

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        if all(getattr(self, name) in ((), None) for name in type(self).model_fields):
            raise ValueError("states no condition; name at least one")
        check_employees(self.employees_at_least, self.employees_at_most)
        return self
