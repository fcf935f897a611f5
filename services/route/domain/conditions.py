"""Conditions of routing rules: compiled once, asked for every lead, and able to say why they do not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from schemas.events import Consent, Contact, Origin, Profile
from schemas.policy import LeadConditions, RoutingConditions, Territory, company_size

UNKNOWN = "unknown"
_WORD = re.compile(r"\w+")


class Facts(NamedTuple):
    """A lead in the terms that routing's conditions are written in."""

    band: str
    tier: str
    qualification: str
    territory: str | None
    seniority: str
    department: str
    company_size: str
    employees: int | None
    industry: str
    country: str | None
    region: str
    email_kind: str
    email_domain: str
    title: str | None
    channel: str
    source: str
    marketing_consent: bool | None


class Standing(NamedTuple):
    """How a lead was judged."""

    band: str
    tier: str
    qualification: str


def facts_of(
    standing: Standing, territory: str | None, origin: Origin, person: Contact, profile: Profile, consent: Consent
) -> Facts:
    """The lead as conditions see it."""
    email = person.email
    return Facts(
        *standing,
        territory,
        profile.seniority or UNKNOWN,
        profile.department or UNKNOWN,
        company_size(profile.employees),
        profile.employees,
        profile.industry or UNKNOWN,
        profile.country,
        lowered(profile.region),
        profile.email_kind or UNKNOWN,
        email.rpartition("@")[2].lower() if email else "",
        profile.title,
        origin.channel,
        lowered(origin.source),
        consent.marketing,
    )


class Clause(NamedTuple):
    """One condition: its name in the policy, what it asks for, what it finds, and whether it holds."""

    name: str
    wanted: str
    found: Callable[[Facts], object]
    holds: Callable[[Facts], bool]

    def why_not(self, facts: Facts) -> str:
        """Why it does not hold, in words."""
        found = self.found(facts)
        return f"{self.name} is {'not known' if found in (None, '') else found}, the rule asks for {self.wanted}"


_LISTED = (
    "band", "tier", "qualification", "territory", "seniority", "department", "company_size", "industry",
    "country", "region", "email_kind", "channel", "source",
)  # fmt: skip
_INDEX = {name: index for index, name in enumerate(Facts._fields)}


def compile_conditions(wanted: LeadConditions) -> tuple[Clause, ...]:
    """What is asked of the lead, one clause per stated condition.

    `account_has_owner` is not among them: who owns other leads is no fact of this one.
    """
    return tuple(_clauses(wanted))


def unmet(clauses: tuple[Clause, ...], facts: Facts) -> Clause | None:
    """The first clause that does not hold; None when all do."""
    for clause in clauses:
        if not clause.holds(facts):
            return clause
    return None


def _clauses(wanted: LeadConditions) -> Iterator[Clause]:
    for name in _LISTED:
        values = getattr(wanted, name, ())
        if values:
            yield _among(name, frozenset(values))
    yield from _numbers(wanted)
    yield from _texts(wanted)
    if wanted.country_known is not None:
        yield _equals("country_known", wanted.country_known, lambda facts: facts.country is not None)
    if wanted.marketing_consent is not None:
        yield _equals("marketing_consent", wanted.marketing_consent, lambda facts: facts.marketing_consent)
    if isinstance(wanted, RoutingConditions) and wanted.in_territory is not None:
        yield _equals("in_territory", wanted.in_territory, lambda facts: facts.territory is not None)


def _among(name: str, values: frozenset[str]) -> Clause:
    index = _INDEX[name]
    return Clause(name, _listed(values), lambda facts: facts[index], lambda facts: facts[index] in values)


def _equals(name: str, value: bool, found: Callable[[Facts], Any]) -> Clause:  # noqa: FBT001  # the value compared with
    return Clause(name, str(value).lower(), found, lambda facts: found(facts) is value)


def _numbers(wanted: LeadConditions) -> Iterator[Clause]:
    least, most = wanted.employees_at_least, wanted.employees_at_most
    if least is not None:
        yield Clause(
            "employees",
            f"at least {least}",
            _employees,
            lambda facts: facts.employees is not None and facts.employees >= least,
        )
    if most is not None:
        yield Clause(
            "employees",
            f"at most {most}",
            _employees,
            lambda facts: facts.employees is not None and facts.employees <= most,
        )


def _employees(facts: Facts) -> object:
    return facts.employees


def _texts(wanted: LeadConditions) -> Iterator[Clause]:
    if wanted.email_domain:
        ends = tuple(f".{domain}" for domain in wanted.email_domain)
        yield Clause(
            "email_domain",
            _listed(wanted.email_domain),
            lambda facts: facts.email_domain,
            lambda facts: f".{facts.email_domain}".endswith(ends),
        )
    if wanted.title_contains:
        phrases = tuple(_words(phrase) for phrase in wanted.title_contains)
        yield Clause(
            "title",
            f"one with {_listed(wanted.title_contains)}",
            lambda facts: facts.title,
            lambda facts: any(phrase in _words(facts.title) for phrase in phrases),
        )


def _listed(values: frozenset[str] | tuple[str, ...]) -> str:
    return " or ".join(sorted(values))


def _words(text: str | None) -> str:
    """The words of `text`, each between spaces, so that `in` compares whole words."""
    return f" {' '.join(_WORD.findall(text.lower()))} " if text else ""


def lowered(text: str | None) -> str:
    """Text as conditions compare it; empty when there is none."""
    return text.strip().lower() if text else ""


class TerritoryTest:
    """One territory, ready to be asked."""

    __slots__ = ("_countries", "_employees", "_industries", "_regions", "id", "name")

    def __init__(self, territory: Territory) -> None:
        self.id = territory.id
        self.name = territory.name
        self._countries = frozenset(territory.countries)
        self._regions = frozenset(territory.regions)
        self._industries = frozenset(territory.industries)
        self._employees = (territory.employees_at_least, territory.employees_at_most)

    def takes(self, profile: Profile) -> bool:
        """Whether all of the territory's conditions hold; one without any takes every lead."""
        if self._countries and profile.country not in self._countries:
            return False
        if self._regions and lowered(profile.region) not in self._regions:
            return False
        if self._industries and profile.industry not in self._industries:
            return False
        least, most = self._employees
        employees = profile.employees
        if least is None and most is None:
            return True
        return employees is not None and (least or 0) <= employees and (most is None or employees <= most)
