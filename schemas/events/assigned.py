"""`leads.assigned`: who owns the lead, why, until when, and what became of the deadlines."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, Name, Reckoned, Record, Text
from schemas.events.captured import Consent, Origin
from schemas.events.enriched import Contact, Profile
from schemas.events.scored import Band, Qualification

SlaKind = Literal["owned", "contacted"]


class Deadlines(Record, frozen=True, kw_only=True):
    """When the lead must be owned and contacted, counted from `started_at` under the band's SLA."""

    started_at: Annotated[
        Reckoned | None,
        Meta(
            description="`Origin.captured_at`; for a lead that qualified later, or went to somebody else after its SLA "
            "was settled, the moment that happened. None: as `captured_at`."
        ),
    ] = None
    owned_by: Reckoned
    contacted_by: Reckoned
    measured: Annotated[
        bool,
        Meta(
            description="False when this enquiry's SLA was kept or broken before: the next owner has these limits, and "
            "no result will tell of them."
        ),
    ] = True
    business_hours: Annotated[bool, Meta(description="True when the clock waits outside the owner's working hours.")]


class RoundRobinTurn(Record, frozen=True, kw_only=True):
    """The turn a shared pool gave, recorded so that a replay uses what was decided."""

    pool: Code
    ordinal: Annotated[int, Meta(ge=0, description="How many turns the pool had given before.")]
    available: Annotated[tuple[Code, ...], Meta(description="Reps who could have been given it, in the pool's order.")]


class Assignment(Record, frozen=True, kw_only=True):
    """One owner for one lead."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent = Consent()
    band: Band
    tier: Text
    total: Annotated[int, Meta(ge=0, le=100)]
    qualification: Qualification
    rep: Code
    rep_name: Text
    rep_email: Name
    team: Code
    territory: Code | None = None
    rule: Annotated[Code, Meta(description="The routing rule that decided.")]
    reason: Annotated[Text, Meta(description="The decision in a sentence a rep understands.")]
    turn: RoundRobinTurn | None = None
    deadlines: Deadlines
    previous_rep: Code | None = None


class Parked(Record, frozen=True, kw_only=True):
    """Nobody owns the lead, on purpose."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent = Consent()
    band: Band
    tier: Text
    total: Annotated[int, Meta(ge=0, le=100)]
    qualification: Qualification
    rule: Code
    reason: Text


class SlaResult(Record, frozen=True, kw_only=True):
    """One SLA clock stopped or ran out."""

    origin: Origin
    sla: SlaKind
    band: Band
    team: Code | None
    rep: Code | None
    deadline: Reckoned
    at: Annotated[Reckoned, Meta(description="When it was met, or the deadline that passed.")]
    seconds: Annotated[float, Meta(description="From `started_at` to `at`; 0 when a contact led to the submission.")]
    started_at: Annotated[
        Reckoned | None, Meta(description="When the clock started, see `Deadlines`. None: `Origin.captured_at`.")
    ] = None
    action: Annotated[
        Literal["remind_owner", "notify_manager"] | None,
        Meta(description="What an escalation asks for; None in other events."),
    ] = None
    owner: Annotated[
        Code | None,
        Meta(description="Of an escalation: who had the lead when the deadline passed; `rep` is who is told."),
    ] = None


class LeadAssigned(Event, frozen=True, kw_only=True):
    """The lead has its first owner."""

    type: Literal["leadstream.lead.assigned.v1"] = "leadstream.lead.assigned.v1"
    data: Assignment


class LeadReassigned(Event, frozen=True, kw_only=True):
    """The lead has another owner than before."""

    type: Literal["leadstream.lead.reassigned.v1"] = "leadstream.lead.reassigned.v1"
    data: Assignment


class LeadEscalated(Event, frozen=True, kw_only=True):
    """Somebody is told of a breached deadline: the team's manager, or the owner; `rep` is who."""

    type: Literal["leadstream.lead.escalated.v1"] = "leadstream.lead.escalated.v1"
    data: SlaResult


class LeadAccepted(Event, frozen=True, kw_only=True):
    """The owner took the lead on."""

    type: Literal["leadstream.lead.accepted.v1"] = "leadstream.lead.accepted.v1"
    data: SlaResult


class LeadParked(Event, frozen=True, kw_only=True):
    """The lead gets no owner for now."""

    type: Literal["leadstream.lead.parked.v1"] = "leadstream.lead.parked.v1"
    data: Parked


class LeadRecycled(Event, frozen=True, kw_only=True):
    """The owner gave the lead back; it has no owner until it is assigned again."""

    type: Literal["leadstream.lead.recycled.v1"] = "leadstream.lead.recycled.v1"
    data: Parked


class SlaMet(Event, frozen=True, kw_only=True):
    """A deadline was kept.

    It may follow `SlaBreached` of the same submission and clock: word of a timely contact that came late. What
    happened counts, not when it was heard of, so whatever order they are read in, met beats breached.
    """

    type: Literal["leadstream.sla.met.v1"] = "leadstream.sla.met.v1"
    data: SlaResult


class SlaBreached(Event, frozen=True, kw_only=True):
    """A deadline passed."""

    type: Literal["leadstream.sla.breached.v1"] = "leadstream.sla.breached.v1"
    data: SlaResult


AssignmentEvent = (
    LeadAssigned | LeadReassigned | LeadEscalated | LeadAccepted | LeadParked | LeadRecycled | SlaMet | SlaBreached
)
