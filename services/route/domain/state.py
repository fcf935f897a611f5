"""What routing keeps of one lead.

LeadFacts are folded so that the order in which topics are read does not matter: contacts are a set of times, of which
the earliest counts; what needs an owner (accepted, returned) waits in `pending` until there is one, and is then
taken in the order it was reported.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import field

from schemas.base import Code, State, Text
from schemas.events import Band, Consent, Contact, Origin, Profile, Qualification, Scored

OUTCOMES_KEPT = 24
"""Outcomes a lead remembers, to take a repeated one once."""
PENDING_KEPT = 16
"""Outcomes that wait for an owner; more than a sale has steps."""
CONTACTS_KEPT = 16
"""Contacts kept from before the clock ran; the latest of them."""

ClockStatus = Literal["open", "met", "breached"]


class ScoredSnapshot(State, frozen=True, kw_only=True):
    """The lead as last scored: what an assignment says of it."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent
    band: Band
    tier: Text
    total: int
    qualification: Qualification

    @staticmethod
    def of(scored: Scored) -> ScoredSnapshot:
        """Without what routing doesn't use."""
        return ScoredSnapshot(
            origin=scored.origin,
            person=scored.person,
            profile=scored.profile,
            consent=scored.consent,
            band=scored.band,
            tier=scored.tier,
            total=scored.total,
            qualification=scored.qualification,
        )


class Owner(State, frozen=True, kw_only=True):
    """Who has the lead."""

    rep: Code
    team: Code
    since: datetime
    counts_from: datetime
    """A contact from then on is this owner's."""


class RoutedBy(State, frozen=True, kw_only=True):
    """What decided when the lead was last routed by its facts; where it is routed again when given back."""

    rule: Code
    territory: Code | None = None


class SlaClock(State, frozen=True, kw_only=True):
    """The SLA of the enquiry that was routed. It does not start again when the lead changes hands."""

    origin: Origin
    band: Band
    started: datetime
    counts_from: datetime
    """A contact before this was about something else."""
    owned_by: datetime
    contacted_by: datetime
    waits: bool
    """True when the contact clock waits for working hours."""
    contacted_at: datetime | None = None
    status: ClockStatus = field(default="open", name="verdict")


class PendingOutcome(State, frozen=True, kw_only=True):
    """An outcome that concerns the owner, reported before the lead had one."""

    kind: Literal["accepted", "returned"]
    rep: Code | None
    reason: Text | None
    occurred_at: datetime
    at: datetime
    """Business time of the report."""


class RouteState(State, frozen=True, kw_only=True):
    """One lead's routing. A field that was renamed keeps, as `name`, what it is called in stored states."""

    lead: ScoredSnapshot | None = None
    owner: Owner | None = None
    routed_by: RoutedBy | None = field(default=None, name="home")
    parked: Code | None = None
    """The rule that parked it."""
    clock: SlaClock | None = None
    contacts: tuple[datetime, ...] = ()
    """Times of contact by a person, in order; once the clock runs, only the last."""
    pending: tuple[PendingOutcome, ...] = field(default=(), name="waiting")
    """Outcomes that wait for an owner."""
    outcomes_seen: tuple[str, ...] = field(default=(), name="seen")
    """Marks of the latest outcomes taken."""
    excluded: tuple[Code, ...] = ()
    """Reps who gave the lead back, or were too late with it; in order of name."""
    released_at: datetime | None = None
    """When it was last given back or left untouched."""
    accepted: bool = False
    lost_at: datetime | None = None
    reassigned: int = 0
    recycled: int = 0

    def changed(self, **changes: Any) -> RouteState:
        """Returns a copy with other values; they are not validated, as they come from validated ones."""
        return self.replace(**changes)
