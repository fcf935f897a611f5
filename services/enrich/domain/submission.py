"""What one submission says of a lead, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.events.captured import Captured, CompanyAnswers
from services.enrich.domain.answers import Asked, read_answers
from services.enrich.domain.company import Company, company_from_domain, read_company
from services.enrich.domain.country import country_of_domain, read_country
from services.enrich.domain.employees import read_employees
from services.enrich.domain.evidence import Evidence, evidence, finding, findings
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


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """What the business decides about reading submissions."""

    mail: MailRules
    phone_country: str
    """Where a number without a country code is taken to be when nothing else tells."""


def read_submission(captured: Captured, rules: ReadingRules) -> Iterator[Evidence]:
    """Everything the submission says, each group once, with its weight."""
    person, company = captured.person, captured.company
    answers = read_answers(person.answers) if person.answers else {}
    mailbox = read_mailbox(person.email, rules.mail)
    firm = read_company(company.name or answers.get("company"))
    country = read_country(company.country or answers.get("country"))
    mail_country = country_of_domain(mailbox.domain) if mailbox and mailbox.domain else None
    presumed = (country.code if country else None) or mail_country or rules.phone_country
    phone = read_phone(person.phone, presumed)
    yield from _name(read_name(person.name, person.given_name, person.family_name), mailbox)
    yield from _mail(mailbox)
    yield from _phone(phone)
    yield from _linkedin(person.linkedin_url or answers.get("linkedin"))
    yield from _title(person.title or answers.get("title"))
    yield from _company(firm, mailbox)
    yield from _domain(company.website or answers.get("website"), firm, mailbox)
    yield from _size_and_industry(company, answers)
    region, timezone = company.region or answers.get("region"), answers.get("timezone")
    yield from read_place(Hints(country, region, timezone, mail_country, phone))


def _name(name: PersonName | None, mailbox: Mailbox | None) -> Iterator[Evidence]:
    source = SUBMITTED
    if name is None and mailbox is not None and mailbox.kind not in ("invalid", "role", "disposable"):
        name, source = name_from_local_part(mailbox.local), "email_name"
    if name is not None:
        parts = {
            "person.full_name": name.full, "person.given_name": name.given, "person.family_name": name.family
        }  # fmt: skip
        yield Evidence(group="name", weight=name.confidence, findings=findings(parts, source, name.confidence))


def _mail(mailbox: Mailbox | None) -> Iterator[Evidence]:
    if mailbox is None:
        return
    confidence = mailbox.confidence
    yield Evidence(
        group="email",
        weight=confidence,
        findings=(
            *findings({"person.email": mailbox.address}, SUBMITTED, confidence),
            finding("profile.email_kind", mailbox.kind, "email_rules", confidence),
        ),
    )


def _phone(phone: Phone | None) -> Iterator[Evidence]:
    if phone is not None:
        yield evidence("phone", "person.phone", phone.e164, SUBMITTED, phone.confidence)


def _linkedin(text: str | None) -> Iterator[Evidence]:
    link = read_linkedin(text)
    if link is not None:
        yield evidence("linkedin", "person.linkedin_url", link, SUBMITTED, 0.9)


def _title(text: str | None) -> Iterator[Evidence]:
    title = read_title(text)
    if title is None:
        return
    understood = title.seniority or title.department
    yield Evidence(
        group="title",
        weight=0.9 if understood else 0.5,
        findings=(
            finding("profile.title", title.title, SUBMITTED, 0.9),
            *findings({"profile.seniority": title.seniority}, "title_rules", 0.85),
            *findings({"profile.department": title.department}, "title_rules", 0.8),
        ),
    )


def _company(firm: Company | None, mailbox: Mailbox | None) -> Iterator[Evidence]:
    source, confidence = SUBMITTED, 0.9
    if firm is None and mailbox is not None and mailbox.company_domain is not None:
        firm, source, confidence = company_from_domain(mailbox.company_domain), "email_domain", 0.5
    if firm is not None:
        parts = {"profile.company": firm.name, "profile.company_key": firm.key}
        yield Evidence(group="company", weight=confidence, findings=findings(parts, source, confidence))


def _domain(website: str | None, firm: Company | None, mailbox: Mailbox | None) -> Iterator[Evidence]:
    """The company's domain: one that mail arrives at is better evidence than a website that was typed in."""
    by_mail = mailbox.company_domain if mailbox is not None else None
    by_website = website_domain(website)
    if by_mail is not None:
        yield evidence("domain", "profile.domain", by_mail, "email_domain", 0.9)
    elif by_website is not None:
        yield evidence("domain", "profile.domain", by_website, "website", 0.8)
    elif firm is not None and firm.domain is not None:
        yield evidence("domain", "profile.domain", firm.domain, "company_name", 0.7)


def _size_and_industry(company: CompanyAnswers, answers: Mapping[Asked, str]) -> Iterator[Evidence]:
    size = read_employees(answers.get("employees"))
    if company.employees is not None:
        yield evidence("employees", "profile.employees", company.employees, SUBMITTED, 0.9)
    elif size is not None:
        yield evidence("employees", "profile.employees", size.employees, SUBMITTED, size.confidence)
    industry = read_industry(company.industry or answers.get("industry"))
    if industry is not None:
        yield evidence("industry", "profile.industry", industry.code, SUBMITTED, industry.confidence)
