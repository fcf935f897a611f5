"""`leads.enriched`: who the lead is, fact by fact."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Code, Event, Name, Record, Text
from schemas.events.captured import Attribution, Consent, Origin

Seniority = Literal["c_level", "founder", "vp", "director", "manager", "senior", "individual", "intern", "student"]
Department = Literal[
    "executive", "sales", "marketing", "engineering", "product", "operations",
    "finance", "hr", "it", "legal", "support", "data", "education", "other",
]  # fmt: skip
EmailKind = Literal["business", "free", "disposable", "role", "education", "government", "invalid"]


class Fact(Record):
    """Where one value of the profile or contact came from and how far to trust it."""

    field: Code = Field(description="Dotted name of the value, such as `profile.country`.")
    source: Code = Field(description="submission, email_domain, phone_prefix, title_rules, …")
    confidence: float = Field(ge=0, le=1)


class Contact(Record):
    """The person, normalised. Personal data."""

    full_name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Text | None = Field(default=None, description="Deliverable address, lower-cased domain.")
    phone: Text | None = Field(default=None, description="E.164.")
    linkedin_url: Text | None = None


class Profile(Record):
    """What scoring and routing decide on; nothing here names a person."""

    title: Text | None = None
    seniority: Seniority | None = None
    department: Department | None = None
    email_kind: EmailKind | None = None
    company: Text | None = Field(default=None, description="Name without legal form, as a person would write it.")
    company_key: Text | None = Field(default=None, description="Folded name, for comparing companies.")
    domain: Name | None = Field(default=None, description="The company's web domain; None for free mail.")
    employees: int | None = Field(default=None, ge=0)
    industry: Code | None = None
    country: Text | None = Field(default=None, description="ISO 3166-1 alpha-2, upper case.")
    region: Text | None = None
    timezone: Text | None = Field(default=None, description="IANA name; the person's local time.")


class Enriched(Record):
    """The lead as known after its latest submission."""

    origin: Origin
    person: Contact
    profile: Profile
    attribution: Attribution = Attribution()
    consent: Consent = Consent()
    facts: tuple[Fact, ...] = ()
    submissions: int = Field(ge=1, description="How many submissions the lead has made so far.")
    channels: tuple[Code, ...] = Field(default=(), description="Channels it has come through, first to latest.")


class LeadEnriched(Event):
    """The lead's facts, normalised and classified."""

    type: Literal["leadstream.lead.enriched.v1"] = "leadstream.lead.enriched.v1"
    data: Enriched
