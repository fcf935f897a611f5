"""Whether a policy's conditions hold for a lead. Conditions are compiled once, and asked for every lead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from schemas.policy import LeadConditions, company_size
from services.score.domain.state import Snapshot, words_of

UNKNOWN = "unknown"
_size = lru_cache(maxsize=4096)(company_size)


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
    title: str
    channel: str
    sources: tuple[str, ...]
    marketing_consent: bool | None


Predicate = Callable[[LeadFacts], bool]


def facts_of(lead: Snapshot) -> LeadFacts:
    """The lead as conditions see it."""
    profile, email = lead.profile, lead.person.email
    return LeadFacts(
        seniority=profile.seniority or UNKNOWN,
        department=profile.department or UNKNOWN,
        company_size=_size(profile.employees),
        employees=profile.employees,
        industry=profile.industry or UNKNOWN,
        country=profile.country,
        region=_lowered(profile.region),
        email_kind=profile.email_kind or UNKNOWN,
        email_domain=email.rpartition("@")[2].lower() if email else "",
        title=words_of(profile.title),
        channel=lead.origin.channel,
        sources=tuple(_lowered(source) for source in (lead.origin.source, lead.utm_source) if source),
        marketing_consent=lead.consent.marketing,
    )


def compile_conditions(conditions: LeadConditions, unless: LeadConditions | None = None) -> Predicate:
    """True for leads that meet all `conditions`, and do not meet all of `unless`."""
    wanted = _all(_checks(conditions))
    if unless is None:
        return wanted
    excluded = _all(_checks(unless))
    return lambda facts: wanted(facts) and not excluded(facts)


def _all(checks: Iterable[Predicate]) -> Predicate:
    first, *others = checks
    if not others:
        return first
    return lambda facts: first(facts) and all(check(facts) for check in others)


def _checks(wanted: LeadConditions) -> Iterator[Predicate]:
    yield from _lists(wanted)
    yield from _numbers(wanted)
    if wanted.country_known is not None:
        yield lambda facts: (facts.country is not None) is wanted.country_known
    if wanted.marketing_consent is not None:
        yield lambda facts: facts.marketing_consent is wanted.marketing_consent
    if wanted.email_domain:
        domains, parents = wanted.email_domain, tuple(f".{domain}" for domain in wanted.email_domain)
        yield lambda facts: facts.email_domain in domains or facts.email_domain.endswith(parents)
    if wanted.title_contains:
        phrases = tuple(words_of(phrase) for phrase in wanted.title_contains)
        yield lambda facts: any(phrase in facts.title for phrase in phrases)
    if wanted.source:
        sources = frozenset(wanted.source)
        yield lambda facts: not sources.isdisjoint(facts.sources)


def _lists(wanted: LeadConditions) -> Iterator[Predicate]:
    lists: tuple[tuple[tuple[str, ...], Callable[[LeadFacts], str | None]], ...] = (
        (wanted.seniority, lambda facts: facts.seniority),
        (wanted.department, lambda facts: facts.department),
        (wanted.company_size, lambda facts: facts.company_size),
        (wanted.industry, lambda facts: facts.industry),
        (wanted.country, lambda facts: facts.country),
        (wanted.region, lambda facts: facts.region),
        (wanted.email_kind, lambda facts: facts.email_kind),
        (wanted.channel, lambda facts: facts.channel),
    )
    for values, value_of in lists:
        if values:
            yield _among(frozenset(values), value_of)


def _among(values: frozenset[str], value_of: Callable[[LeadFacts], str | None]) -> Predicate:
    return lambda facts: value_of(facts) in values


def _numbers(wanted: LeadConditions) -> Iterator[Predicate]:
    least, most = wanted.employees_at_least, wanted.employees_at_most
    if least is not None:
        yield lambda facts: facts.employees is not None and facts.employees >= least
    if most is not None:
        yield lambda facts: facts.employees is not None and facts.employees <= most


def _lowered(text: str | None) -> str:
    return text.strip().lower() if text else ""
