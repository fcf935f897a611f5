"""Whether a policy's conditions hold for a lead, and if not, why not.

Whoever reads `LeadConditions` or `RoutingConditions` asks here, so that a line of the policy means the same to all
services. A lead's facts are gathered once, and conditions compiled once; asking is then a look-up each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import NamedTuple, Protocol
from unicodedata import normalize

from policy.conditions import LeadConditions, company_size
from policy.routing import RoutingConditions
from schemas.events import Consent, Contact, Origin, Profile

UNKNOWN = "unknown"
"""Stands for a fact that is not known where a condition can ask for that."""

_WORD = re.compile(r"\w+")


class DescribedLead(Protocol):
    """What an event, or a state, tells of who a lead is."""

    @property
    def origin(self) -> Origin: ...
    @property
    def person(self) -> Contact: ...
    @property
    def profile(self) -> Profile: ...
    @property
    def consent(self) -> Consent: ...


class ScoredLead(DescribedLead, Protocol):
    """As `DescribedLead`, of a lead that has been scored."""

    @property
    def band(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def qualification(self) -> str: ...


class LeadFacts(NamedTuple):
    """A lead in the terms that conditions are written in."""

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
    sources: tuple[str, ...]
    marketing_consent: bool | None
    band: str | None = None
    tier: str | None = None
    qualification: str | None = None
    territory: str | None = None

    def with_score(self, lead: ScoredLead, territory: str | None) -> LeadFacts:
        """Returns the same lead, now that it has been scored and its territory found."""
        return LeadFacts._make((*self[:-4], lead.band, lead.tier, lead.qualification, territory))


def facts_of(lead: DescribedLead) -> LeadFacts:
    """Returns what is known of who the lead is; `with_score` adds the rest."""
    profile, email = lead.profile, lead.person.email
    employees = profile.employees
    return LeadFacts(
        profile.seniority or UNKNOWN,
        profile.department or UNKNOWN,
        company_size(employees),
        employees,
        profile.industry or UNKNOWN,
        profile.country,
        folded(profile.region) or UNKNOWN,
        profile.email_kind or UNKNOWN,
        email.rpartition("@")[2].lower() if email else "",
        profile.title,
        lead.origin.channel,
        _sources(lead.origin),
        lead.consent.marketing,
    )


def _sources(origin: Origin) -> tuple[str, ...]:
    source, campaign = folded(origin.source), folded(origin.utm_source)
    return (source, campaign) if source and campaign else (source or campaign or UNKNOWN,)


def folded(text: str | None) -> str:
    """Returns text as conditions compare it, without its case; empty when there is none."""
    return normalize("NFC", text.strip().casefold()) if text else ""


def words_of(text: str | None) -> str:
    """Returns the words of `text`, folded, with a space before and after each, so that ` word ` finds whole words."""
    return f" {' '.join(_WORD.findall(normalize('NFC', text.casefold())))} " if text else ""


_title_words = lru_cache(maxsize=4096)(words_of)
"""Titles repeat, and several rules ask for them."""

Predicate = Callable[[LeadFacts], bool]


class Clause(NamedTuple):
    """One condition: its name, what it asks for, what of the lead it looks at, and whether it holds."""

    name: str
    wanted: str
    found: Callable[[LeadFacts], object]
    holds: Predicate

    def why_not(self, facts: LeadFacts) -> str:
        """Returns why it does not hold, in words."""
        return f"{self.name} is {_spoken(self.found(facts))}, the rule asks for {self.wanted}"


class Conditions(NamedTuple):
    """The conditions of one rule; without any they hold for every lead."""

    clauses: tuple[Clause, ...]
    hold: Predicate
    """Whether all of them do."""

    def why_not(self, facts: LeadFacts) -> str | None:
        """Returns why the first that does not hold does not, in words; None when all do."""
        return next((clause.why_not(facts) for clause in self.clauses if not clause.holds(facts)), None)


def compile_conditions(wanted: LeadConditions) -> Conditions:
    """Returns a clause for each condition that is stated.

    `account_has_owner` is not among them: who owns other leads is no fact of this one.
    """
    clauses = tuple(_clauses(wanted))
    return Conditions(clauses, _all([clause.holds for clause in clauses]))


def compile_unless(when: LeadConditions, unless: LeadConditions | None) -> Predicate:
    """True of a lead for which `when` holds, and `unless`, where there is one, does not."""
    wanted = compile_conditions(when).hold
    if unless is None:
        return wanted
    excluded = compile_conditions(unless).hold
    return lambda facts: wanted(facts) and not excluded(facts)


def _all(checks: list[Predicate]) -> Predicate:
    if not checks:
        return lambda _: True
    first, *others = checks
    if not others:
        return first
    rest = _all(others)
    return lambda facts: first(facts) and rest(facts)


_LISTED = (
    "band", "tier", "qualification", "territory", "seniority", "department", "company_size", "industry",
    "country", "email_kind", "channel",
)  # fmt: skip
"""Conditions that list values of the fact of the same name."""


def _clauses(wanted: LeadConditions) -> Iterator[Clause]:
    for name in _LISTED:
        values = getattr(wanted, name, ())
        if values:
            yield _among(name, values)
    if wanted.region:
        yield _among("region", map(folded, wanted.region))
    yield from _numbers(wanted)
    yield from _flags(wanted)
    yield from _texts(wanted)


def _among(name: str, values: Iterable[str]) -> Clause:
    wanted, position = frozenset(values), LeadFacts._fields.index(name)
    return Clause(name, _either(wanted), itemgetter(position), lambda facts: facts[position] in wanted)


def _numbers(wanted: LeadConditions) -> Iterator[Clause]:
    least, most, found = wanted.employees_at_least, wanted.employees_at_most, attrgetter("employees")
    if least is not None:
        yield Clause(
            "employees",
            f"at least {least}",
            found,
            lambda facts: facts.employees is not None and facts.employees >= least,
        )
    if most is not None:
        yield Clause(
            "employees",
            f"at most {most}",
            found,
            lambda facts: facts.employees is not None and facts.employees <= most,
        )


def _flags(wanted: LeadConditions) -> Iterator[Clause]:
    if wanted.country_known is not None:
        yield _equals("country_known", wanted.country_known, lambda facts: facts.country is not None)
    if wanted.marketing_consent is not None:
        yield _equals("marketing_consent", wanted.marketing_consent, attrgetter("marketing_consent"))
    if isinstance(wanted, RoutingConditions) and wanted.in_territory is not None:
        yield _equals("in_territory", wanted.in_territory, lambda facts: facts.territory is not None)


def _equals(name: str, value: bool, found: Callable[[LeadFacts], bool | None]) -> Clause:  # noqa: FBT001  # the value compared with
    return Clause(name, _spoken(value), found, lambda facts: found(facts) is value)


def _texts(wanted: LeadConditions) -> Iterator[Clause]:
    if wanted.source:
        sources = frozenset(map(folded, wanted.source))
        yield Clause(
            "source", _either(sources), attrgetter("sources"), lambda facts: not sources.isdisjoint(facts.sources)
        )
    if wanted.email_domain:
        parents = tuple(f".{domain}" for domain in wanted.email_domain)
        yield Clause(
            "email_domain",
            _either(wanted.email_domain),
            attrgetter("email_domain"),
            lambda facts: f".{facts.email_domain}".endswith(parents),
        )
    if wanted.title_contains:
        phrases = tuple(map(words_of, wanted.title_contains))
        yield Clause(
            "title",
            f"one with {_either(wanted.title_contains)}",
            attrgetter("title"),
            lambda facts: any(phrase in _title_words(facts.title) for phrase in phrases),
        )


def _either(values: Iterable[str]) -> str:
    return " or ".join(sorted(values))


def _spoken(found: object) -> str:
    match found:
        case None | "":
            return "not known"
        case bool():
            return str(found).lower()
        case tuple():
            return " and ".join(found)
        case _:
            return str(found)
