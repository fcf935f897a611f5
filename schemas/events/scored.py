"""`leads.scored`: how promising the lead is, and why."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, Reckoned, Record, Text
from schemas.events.captured import Consent, Origin
from schemas.events.enriched import Contact, Profile

Band = Literal["hot", "warm", "cool", "cold"]
Qualification = Literal["mql", "nurture", "disqualified"]


class Reason(Record, frozen=True, kw_only=True):
    """One line of the explanation. The points of a part add up to its score before it is held to 0-100."""

    part: Literal["fit", "intent", "outcome", "qualification"]
    code: Code
    text: Text
    points: float


class Scored(Record, frozen=True, kw_only=True):
    """A score with its reasons, and what routing and nurturing need to act on it."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent = Consent()
    fit: Annotated[int, Meta(ge=0, le=100)]
    intent: Annotated[int, Meta(ge=0, le=100)]
    total: Annotated[int, Meta(ge=0, le=100)]
    tier: Annotated[Text, Meta(description="Fit A-D and intent 1-4, such as `A2`.")]
    band: Band
    qualification: Qualification
    reasons: tuple[Reason, ...]
    model: Annotated[Code, Meta(description="What computed it: `rules`, or a trained model's name.")]
    as_of: Annotated[Reckoned, Meta(description="Business time the decayed intent was computed at.")]
    trigger: Annotated[Code, Meta(description="enriched, signal, outcome, touch, decay.")]


class LeadScored(Event, frozen=True, kw_only=True):
    """The lead's score changed."""

    type: Literal["leadstream.lead.scored.v1"] = "leadstream.lead.scored.v1"
    data: Scored
