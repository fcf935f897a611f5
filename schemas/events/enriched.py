"""`leads.enriched`: who the lead is, fact by fact."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, Name, Record, Text
from schemas.events.captured import Attribution, Consent, Origin

Seniority = Literal["c_level", "founder", "vp", "director", "manager", "senior", "individual", "intern", "student"]
Department = Literal[
    "executive", "sales", "marketing", "engineering", "product", "operations",
    "finance", "hr", "it", "legal", "support", "data", "education", "other",
]  # fmt: skip
EmailKind = Literal["business", "free", "disposable", "role", "education", "government", "invalid"]


class Fact(Record, frozen=True, kw_only=True):
    """Where one value of the profile or contact came from and how far to trust it."""

    field: Annotated[Code, Meta(description="Dotted name of the value, such as `profile.country`.")]
    source: Annotated[Code, Meta(description="submission, email_domain, phone_prefix, title_rules, …")]
    confidence: Annotated[float, Meta(ge=0, le=1)]


class Contact(Record, frozen=True, kw_only=True):
    """The person, normalised. Personal data."""

    full_name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Annotated[Text | None, Meta(description="Deliverable address, lower-cased domain.")] = None
    phone: Annotated[Text | None, Meta(description="E.164.")] = None
    linkedin_url: Text | None = None


class Profile(Record, frozen=True, kw_only=True):
    """What scoring and routing decide on; nothing here names a person."""

    title: Text | None = None
    seniority: Seniority | None = None
    department: Department | None = None
    email_kind: EmailKind | None = None
    company: Annotated[Text | None, Meta(description="Name without legal form, as a person would write it.")] = None
    company_key: Annotated[Text | None, Meta(description="Folded name, for comparing companies.")] = None
    domain: Annotated[Name | None, Meta(description="The company's web domain; None for free mail.")] = None
    employees: Annotated[int, Meta(ge=0)] | None = None
    industry: Code | None = None
    country: Annotated[Text | None, Meta(description="ISO 3166-1 alpha-2, upper case.")] = None
    region: Text | None = None
    timezone: Annotated[Text | None, Meta(description="IANA name; the person's local time.")] = None


class Enriched(Record, frozen=True, kw_only=True):
    """The lead as known after its latest submission."""

    origin: Origin
    person: Contact
    profile: Profile
    attribution: Attribution = Attribution()
    consent: Consent = Consent()
    facts: tuple[Fact, ...] = ()
    submissions: Annotated[int, Meta(ge=1, description="How many submissions the lead has made so far.")]
    channels: Annotated[tuple[Code, ...], Meta(description="Channels it has come through, first to latest.")] = ()


class LeadEnriched(Event, frozen=True, kw_only=True):
    """The lead's facts, normalised and classified."""

    type: Literal["leadstream.lead.enriched.v1"] = "leadstream.lead.enriched.v1"
    data: Enriched
