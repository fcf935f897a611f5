"""What nurture keeps of one lead, and how facts are folded into it.

Facts (who the lead is, what would stop a sequence, whether it was given back) are folded with a maximum, so that
the topics may be interleaved in any way. The plan (`Enrolment`) follows from the assignments, which have an order.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, field

from policy import StopCondition, TemplateChannel
from schemas.base import Aware, Code, State, Text
from schemas.events import Assignment, Consent, Contact, Origin, Parked, Profile, Scored

WEEK = timedelta(days=7)
SENT_KEPT = 64
"""Touches remembered as sent in the last week: more than any limit per lead and week that makes sense."""

ENTERED_KEPT = 32
"""Sequences remembered as entered."""

Progress = Literal["planned", "asked", "sent", "failed", "suppressed", "unknown"]
"""`asked`: the sender has been asked, and the result is not known yet; the rest as in `TouchStatus`."""


class Lead(State, frozen=True, kw_only=True):
    """Whom a message is for, as of the latest submission."""

    origin: Origin
    person: Contact
    profile: Profile
    consent: Consent = Consent()
    from_score: Annotated[bool, Meta(description="True when it came with a score: newer than an assignment's copy.")]


class Ownership(State, frozen=True, kw_only=True):
    """Who has the lead, by the latest assignment event."""

    kind: Literal["owned", "parked", "recycled"]
    at: Aware
    rep: Code | None = None
    rep_name: Text | None = None
    rep_email: Text | None = None


class PlannedTouch(State, frozen=True, kw_only=True):
    """One touch of a sequence, as far as it got."""

    touch_id: str
    step: Code
    channel: TemplateChannel
    due: Aware
    first_due: Annotated[Aware, Meta(description="As planned at first; giving up counts from here.")]
    progress: Progress = "planned"
    attempts: Annotated[int, Meta(description="Attempts that failed.")] = 0


class Enrolment(State, frozen=True, kw_only=True):
    """The lead's way through one sequence."""

    sequence: Code
    owned: Annotated[bool, Meta(description="Whether it is a sequence for leads that somebody has.")]
    enquiry: Annotated[str, Meta(description="The submission that led to it.")]
    since: Annotated[Aware, Meta(description="When the enquiry was made; what happened before stops nothing.")]
    at: Annotated[Aware, Meta(description="When the lead entered the sequence.")]
    touches: tuple[PlannedTouch, ...]
    held: Annotated[bool, Meta(description="True while the lead was given back; no timer is set then.")] = False

    def find(self, touch_id: str) -> PlannedTouch | None:
        """The touch of that id."""
        return next((touch for touch in self.touches if touch.touch_id == touch_id), None)

    @property
    def pending(self) -> tuple[PlannedTouch, ...]:
        """The touches that are still planned."""
        return tuple(touch for touch in self.touches if touch.progress == "planned")

    def put(self, *changed: PlannedTouch, held: bool | None = None) -> Enrolment:
        """The same enrolment with these touches in the place of their earlier selves."""
        by_id = {touch.touch_id: touch for touch in changed}
        touches = tuple(by_id.get(touch.touch_id, touch) for touch in self.touches)
        return self.replace(touches=touches, held=self.held if held is None else held)


class SentTouch(State, frozen=True, kw_only=True):
    """An automatic touch that has, or may have, reached the lead."""

    channel: TemplateChannel
    at: Aware


class NurtureState(State, frozen=True, kw_only=True):
    """One lead."""

    lead: Lead | None = None
    owner: Ownership | None = None
    stops: Annotated[
        dict[StopCondition, Aware], Meta(description="The last time that each stop condition came about.")
    ] = field(default_factory=dict)
    returned_at: Annotated[
        Aware | None, Meta(description="When a rep last gave the lead back, as the CRM reports it.")
    ] = None
    enrolment: Enrolment | None = None
    entered: Annotated[dict[str, Aware], Meta(description="When, by sequence.")] = field(default_factory=dict)
    sent: Annotated[tuple[SentTouch, ...], Meta(description="Of the last week, oldest first.")] = ()

    @property
    def on_hold(self) -> bool:
        """True while nobody has the lead because it was given back."""
        if self.owner is None or self.owner.kind == "parked":
            return False
        returned = self.returned_at is not None and self.returned_at > self.owner.at
        return self.owner.kind == "recycled" or returned


def with_facts(state: NurtureState, facts: Scored | Assignment | Parked) -> NurtureState:
    """What is known after `facts`: the latest submission counts; of one submission, what came with a score."""
    known, from_score = state.lead, isinstance(facts, Scored)
    if known is not None:
        before = (known.origin.captured_at, known.from_score)
        if (facts.origin.captured_at, from_score) < before:
            return state
    return state.replace(lead=lead_of(facts))


def lead_of(facts: Scored | Assignment | Parked) -> Lead:
    """The lead as one event describes it."""
    return Lead(
        origin=facts.origin,
        person=facts.person,
        profile=facts.profile,
        consent=_without_wording(facts.consent),
        from_score=isinstance(facts, Scored),
    )


def _without_wording(consent: Consent) -> Consent:
    """Only whether and when: the words can be long, and nothing here is decided by them."""
    return consent.replace(wording=None) if consent.wording else consent


def with_stop(state: NurtureState, condition: StopCondition, at: datetime) -> NurtureState:
    """Remembers that `condition` came about at `at`."""
    known = state.stops.get(condition)
    if known is not None and known >= at:
        return state
    return state.replace(stops={**state.stops, condition: at})


def with_return(state: NurtureState, at: datetime) -> NurtureState:
    """Remembers that a rep gave the lead back at `at`."""
    if state.returned_at is not None and state.returned_at >= at:
        return state
    return state.replace(returned_at=at)


def with_sent(sent: tuple[SentTouch, ...], channel: TemplateChannel, at: datetime) -> tuple[SentTouch, ...]:
    """Adds a touch that went out to those of the last week, and forgets those of more than a week before it."""
    kept = [touch for touch in sent if touch.at > at - WEEK][-SENT_KEPT + 1 :]
    return (*kept, SentTouch(channel=channel, at=at))


def with_entry(state: NurtureState, enrolment: Enrolment) -> NurtureState:
    """Enters a sequence; the oldest of too many entries is forgotten."""
    entered = {**state.entered, enrolment.sequence: enrolment.at}
    while len(entered) > ENTERED_KEPT:
        del entered[min(entered, key=lambda name: entered[name])]
    return state.replace(enrolment=enrolment, entered=entered)
