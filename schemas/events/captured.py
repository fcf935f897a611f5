"""`leads.captured`: submissions that capture accepted."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from schemas.base import Code, Event, LeadId, LongText, Moment, Name, Record, Text


class Person(Record, frozen=True, kw_only=True):
    """Everything personal, in one place, so that it can be sealed or erased as one."""

    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    title: Text | None = None
    linkedin_url: Text | None = None
    message: LongText | None = None
    answers: Annotated[dict[str, LongText], Meta(description="Further form fields, as submitted.")] = field(
        default_factory=dict
    )


class CompanyAnswers(Record, frozen=True, kw_only=True):
    """What the submission says of the company; not verified."""

    name: Text | None = None
    website: Text | None = None
    employees: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    industry: Text | None = None
    country: Annotated[Text | None, Meta(description="As written: a name or an ISO 3166-1 code.")] = None
    region: Text | None = None


class Attribution(Record, frozen=True, kw_only=True):
    """Where the enquiry came from, as the channel reports it."""

    utm_source: Text | None = None
    utm_medium: Text | None = None
    utm_campaign: Text | None = None
    utm_term: Text | None = None
    utm_content: Text | None = None
    referrer: Text | None = None
    landing_page: Text | None = None
    click_id: Text | None = None


class Consent(Record, frozen=True, kw_only=True):
    """Whether the person agreed to be contacted, and in what words. None: not asked."""

    marketing: bool | None = None
    wording: LongText | None = None
    given_at: Moment | None = None


class Origin(Record, frozen=True, kw_only=True):
    """Names the submission an event goes back to; carried unchanged down the stream."""

    submission_id: Name
    channel: Annotated[Code, Meta(description="web_form, api, csv_import, google_ads, chat, phone, event, referral, …")]
    source: Annotated[Text | None, Meta(description="Which form, campaign, list or partner.")] = None
    utm_source: Annotated[
        Text | None,
        Meta(description="As in `Attribution`; here it reaches every service whose rules ask for a source."),
    ] = None
    submitted_at: Annotated[Moment, Meta(description="When the person sent it, by the channel's word.")]
    captured_at: Annotated[Moment, Meta(description="When capture accepted it; SLA clocks start here.")]


class IdentityMatch(Record, frozen=True, kw_only=True):
    """Why the submission belongs to this lead."""

    new: Annotated[bool, Meta(description="True when this submission created the lead.")]
    matched_on: tuple[Literal["email", "phone", "external_id", "lead_id"], ...] = ()
    conflicts: Annotated[
        tuple[LeadId, ...],
        Meta(description="Other leads that one of the identifiers belongs to; candidates for a merge."),
    ] = ()


class Captured(Record, frozen=True, kw_only=True):
    """One accepted submission."""

    origin: Origin
    person: Person
    company: CompanyAnswers = CompanyAnswers()
    attribution: Attribution = Attribution()
    consent: Consent = Consent()
    identity: IdentityMatch


class LeadCaptured(Event, frozen=True, kw_only=True):
    """A submission was accepted; `subject` is the lead it belongs to."""

    type: Literal["leadstream.lead.captured.v1"] = "leadstream.lead.captured.v1"
    data: Captured
