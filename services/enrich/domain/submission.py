"""What one submission says of a lead, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from schemas.events.captured import Captured
from services.enrich.domain.answers import Asked, read_answers
from services.enrich.domain.company import Company, company_from_domain, read_company
from services.enrich.domain.country import country_of_domain, match_country
from services.enrich.domain.employees import read_employees
from services.enrich.domain.evidence import Evidence, Finding, evidence
from services.enrich.domain.industry import read_industry
from services.enrich.domain.links import read_linkedin
from services.enrich.domain.mail import Mailbox, MailRules, read_mailbox
from services.enrich.domain.names import PersonName, name_from_local_part, read_name
from services.enrich.domain.phone import Phone, read_phone
from services.enrich.domain.place import Hints, read_place
from services.enrich.domain.title import read_title
from services.enrich.domain.web import website_domain

SUBMITTED = "submission"
"""Source of what the lead wrote."""

_NO_ANSWERS: Mapping[Asked, str] = {}


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What the business decides about reading submissions."""

    mail: MailRules
    phone_country: str
    """Where a number without a country code is taken to be when nothing else tells."""


def read_submission(captured: Captured, rules: ReadingRules) -> tuple[Evidence, ...]:
    """Everything the submission says, each group once, with its weight."""
    person, company = captured.person, captured.company
    answers = read_answers(person.answers) if person.answers else _NO_ANSWERS
    mailbox = read_mailbox(person.email, rules.mail)
    employer = read_company(company.name or answers.get("company"))
    country = match_country(company.country or answers.get("country"))
    mail_domain = mailbox.company_domain if mailbox else None
    mail_country = country_of_domain(mailbox.domain) if mailbox and mailbox.domain else None
    presumed = (country.code if country else None) or mail_country or rules.phone_country
    phone = read_phone(person.phone, presumed)
    region, timezone = company.region or answers.get("region"), answers.get("timezone")
    said = (
        _name(read_name(person.name, person.given_name, person.family_name), mailbox),
        _mail(mailbox),
        _phone(phone),
        _linkedin(person.linkedin_url or answers.get("linkedin")),
        _title(person.title or answers.get("title")),
        _company(employer, mail_domain),
        _domain(company.website or answers.get("website"), employer, mail_domain),
        _employees(company.employees, answers.get("employees")),
        _industry(company.industry or answers.get("industry")),
        *read_place(Hints(country, region, timezone, mail_country, phone)),
    )
    return tuple(evidence for evidence in said if evidence is not None)


def _name(name: PersonName | None, mailbox: Mailbox | None) -> Evidence | None:
    source = SUBMITTED
    if name is None and mailbox is not None and mailbox.kind not in ("invalid", "role", "disposable"):
        name, source = name_from_local_part(mailbox.local), "email_name"
    if name is None:
        return None
    full, given, family, confidence = name
    said = [Finding("person.full_name", full, source, confidence)]
    if given is not None:
        said.append(Finding("person.given_name", given, source, confidence))
    if family is not None:
        said.append(Finding("person.family_name", family, source, confidence))
    return Evidence("name", confidence, tuple(said))


def _mail(mailbox: Mailbox | None) -> Evidence | None:
    if mailbox is None:
        return None
    confidence = mailbox.confidence
    kind = Finding("profile.email_kind", mailbox.kind, "email_rules", confidence)
    if mailbox.address is None:
        return Evidence("email", confidence, (kind,))
    return Evidence("email", confidence, (Finding("person.email", mailbox.address, SUBMITTED, confidence), kind))


def _phone(phone: Phone | None) -> Evidence | None:
    return None if phone is None else evidence("phone", "person.phone", phone.e164, SUBMITTED, phone.confidence)


def _linkedin(text: str | None) -> Evidence | None:
    link = read_linkedin(text)
    return None if link is None else evidence("linkedin", "person.linkedin_url", link, SUBMITTED, 0.9)


@lru_cache(maxsize=4096)
def _title(text: str | None) -> Evidence | None:
    title = read_title(text)
    if title is None:
        return None
    said = [Finding("profile.title", title.title, SUBMITTED, 0.9)]
    if title.seniority is not None:
        said.append(Finding("profile.seniority", title.seniority, "title_rules", 0.85))
    if title.department is not None:
        said.append(Finding("profile.department", title.department, "title_rules", 0.8))
    return Evidence("title", 0.9 if len(said) > 1 else 0.5, tuple(said))


@lru_cache(maxsize=8192)
def _company(employer: Company | None, mail_domain: str | None) -> Evidence | None:
    source, confidence = SUBMITTED, 0.9
    if employer is None and mail_domain is not None:
        employer, source, confidence = company_from_domain(mail_domain), "email_domain", 0.5
    if employer is None:
        return None
    name = Finding("profile.company", employer.name, source, confidence)
    return Evidence("company", confidence, (name, Finding("profile.company_key", employer.key, source, confidence)))


@lru_cache(maxsize=8192)
def _domain(website: str | None, employer: Company | None, mail_domain: str | None) -> Evidence | None:
    """Gives the company's domain: one that mail arrives at is better evidence than a website that was typed in."""
    if mail_domain is not None:
        return evidence("domain", "profile.domain", mail_domain, "email_domain", 0.9)
    by_website = website_domain(website)
    if by_website is not None:
        return evidence("domain", "profile.domain", by_website, "website", 0.8)
    if employer is not None and employer.domain is not None:
        return evidence("domain", "profile.domain", employer.domain, "company_name", 0.7)
    return None


@lru_cache(maxsize=4096)
def _employees(stated: int | None, answer: str | None) -> Evidence | None:
    if stated is not None:
        return evidence("employees", "profile.employees", stated, SUBMITTED, 0.9)
    size = read_employees(answer)
    return size and evidence("employees", "profile.employees", size.employees, SUBMITTED, size.confidence)


@lru_cache(maxsize=4096)
def _industry(text: str | None) -> Evidence | None:
    industry = read_industry(text)
    return industry and evidence("industry", "profile.industry", industry.code, SUBMITTED, industry.confidence)
