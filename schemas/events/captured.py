"""`leads.captured`: submissions that capture accepted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Code, Event, LeadId, LongText, Moment, Name, Record, Text


class Person(Record):
    """Everything personal, in one place, so that it can be sealed or erased as one."""

    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    title: Text | None = None
    linkedin_url: Text | None = None
    message: LongText | None = None
    answers: dict[str, LongText] = Field(default_factory=dict, description="Further form fields, as submitted.")


class CompanyAnswers(Record):
    """What the submission says of the company; not verified."""

    name: Text | None = None
    website: Text | None = None
    employees: int | None = Field(default=None, ge=0, le=10_000_000)
    industry: Text | None = None
    country: Text | None = Field(default=None, description="As written: a name or an ISO 3166-1 code.")
    region: Text | None = None


class Attribution(Record):
    """Where the enquiry came from, as the channel reports it."""

    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_term: Text | None = None
    utm_content: Text | None = None
    referrer: Text | None = None
    landing_page: Text | None = None
    click_id: Text | None = None


class Consent(Record):
    """Whether the person agreed to be contacted, and in what words. None: not asked."""

    marketing: bool | None = None
    wording: LongText | None = None
    given_at: Moment | None = None


class Origin(Record):
    """Names the submission an event goes back to; carried unchanged down the stream."""

    submission_id: Name
    channel: Code = Field(description="web_form, api, csv_import, google_ads, chat, phone, event, referral, …")
    source: Text | None = Field(default=None, description="Which form, campaign, list or partner.")
    utm_source: Text | None = Field(
        default=None, description="As in `Attribution`; here it reaches every service whose rules ask for a source."
    )
    submitted_at: Moment = Field(description="When the person sent it, by the channel's word.")
    captured_at: Moment = Field(description="When capture accepted it; SLA clocks start here.")


class IdentityMatch(Record):
    """Why the submission belongs to this lead."""

    new: bool = Field(description="True when this submission created the lead.")
    matched_on: tuple[Literal["email", "phone", "external_id", "lead_id"], ...] = ()
    conflicts: tuple[LeadId, ...] = Field(
        default=(), description="Other leads that one of the identifiers belongs to; candidates for a merge."
    )


class Captured(Record):
    """One accepted submission."""

    origin: Origin
    person: Person
    company: CompanyAnswers = CompanyAnswers()
    attribution: Attribution = Attribution()
    consent: Consent = Consent()
    identity: IdentityMatch


class LeadCaptured(Event):
    """A submission was accepted; `subject` is the lead it belongs to."""

    type: Literal["leadstream.lead.captured.v1"] = "leadstream.lead.captured.v1"
    data: Captured
