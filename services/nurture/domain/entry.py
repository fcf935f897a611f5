"""Which sequence a lead enters."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from schemas.events import Assignment, Parked
from schemas.policy import LeadConditions, Nurture, RoutingConditions, Sequence, company_size
from services.nurture.domain.state import NurtureState

UNKNOWN = "unknown"
_WORD = re.compile(r"\w+")


def sequence_for(nurture: Nurture, state: NurtureState, told: Assignment | Parked) -> Sequence | None:
    """The first sequence whose conditions the lead meets, when it may enter that one (again).

    A lead that has been through the first sequence it meets is not handed to the second. A disqualified lead
    enters none.
    """
    if told.qualification == "disqualified":
        return None
    owned = isinstance(told, Assignment)
    for sequence in nurture.sequences:
        if sequence.owned is owned and meets(sequence.entry, told):
            return sequence if _may_enter(sequence, state) else None
    return None


def _may_enter(sequence: Sequence, state: NurtureState) -> bool:
    before = state.entered.get(sequence.id)
    if before is None or state.owner is None:
        return True
    return sequence.reenter_after is not None and state.owner.at - before >= sequence.reenter_after


def meets(wanted: RoutingConditions, told: Assignment | Parked) -> bool:
    """Whether all stated conditions hold.

    `account_has_owner` never does: whose the company's other leads are is for routing to know.
    """
    return all(_routing(wanted, told)) and all(_person(wanted, told)) and all(_company(wanted, told))


def _routing(wanted: RoutingConditions, told: Assignment | Parked) -> Iterator[bool]:
    territory = told.territory if isinstance(told, Assignment) else None
    yield _among(told.band, wanted.band)
    yield _among(told.tier, wanted.tier)
    yield _among(told.qualification, wanted.qualification)
    yield _among(territory, wanted.territory)
    yield wanted.in_territory in (None, territory is not None)
    yield wanted.account_has_owner is None


def _person(wanted: LeadConditions, told: Assignment | Parked) -> Iterator[bool]:
    profile, email = told.profile, told.person.email
    yield _among(profile.seniority or UNKNOWN, wanted.seniority)
    yield _among(profile.department or UNKNOWN, wanted.department)
    yield _among(profile.email_kind or UNKNOWN, wanted.email_kind)
    yield _among(told.origin.channel, wanted.channel)
    yield _among(_lowered(told.origin.source), wanted.source)
    yield wanted.marketing_consent in (None, told.consent.marketing)
    if wanted.email_domain:
        domain = f".{email.rpartition('@')[2].lower()}" if email else ""
        yield domain.endswith(tuple(f".{name}" for name in wanted.email_domain))
    if wanted.title_contains:
        title = _words(profile.title)
        yield any(_words(phrase) in title for phrase in wanted.title_contains)


def _company(wanted: LeadConditions, told: Assignment | Parked) -> Iterator[bool]:
    profile = told.profile
    employees, country = profile.employees, profile.country
    least, most = wanted.employees_at_least, wanted.employees_at_most
    yield _among(company_size(employees), wanted.company_size)
    yield _among(profile.industry or UNKNOWN, wanted.industry)
    yield _among(country, wanted.country)
    yield _among(_lowered(profile.region), wanted.region)
    yield wanted.country_known in (None, country is not None)
    yield least is None or (employees is not None and employees >= least)
    yield most is None or (employees is not None and employees <= most)


def _among(value: str | None, wanted: Collection[str]) -> bool:
    return not wanted or value in wanted


def _lowered(text: str | None) -> str:
    return text.strip().lower() if text else ""


def _words(text: str | None) -> str:
    """The words of `text`, each between spaces, so that `in` compares whole words."""
    return f" {' '.join(_WORD.findall(text.lower()))} " if text else ""
