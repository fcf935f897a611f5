"""What a decision about one lead comes to; the stage turns it into events, timers and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from policy import Policy
from schemas.base import Event, Record
from schemas.events import (
    ScheduledTouch,
    SequenceChange,
    SequencePlanned,
    SequenceStopped,
    Touch,
    TouchRecorded,
)
from schemas.events.touched import TouchStatus
from services.nurture.domain.state import Enrolment, NurtureState, PlannedTouch


class DecisionContext(NamedTuple):
    """Under what a decision is made."""

    lead_id: str
    now: datetime
    """Business time."""
    policy: Policy


class Announcement(NamedTuple):
    """An event to emit, without its envelope."""

    event: type[Event]
    type: str
    data: Record


class Send(NamedTuple):
    """Ask the sender for one attempt."""

    effect_id: str
    payload: Mapping[str, Any]


class TouchChange(NamedTuple):
    """What is decided about one touch: suppressed, moved, or handed to the sender, as its `progress` says."""

    touch: PlannedTouch
    reason: str | None = None
    """Why it is moved or suppressed."""
    send: Send | None = None


@dataclass(frozen=True, slots=True)
class LeadUpdate:
    """The lead's new state, and what to tell others. Its timer follows from the state."""

    state: NurtureState
    events: tuple[Announcement, ...] = ()
    sends: tuple[Send, ...] = ()
    dropped: str | None = None

    def then(self, other: LeadUpdate) -> LeadUpdate:
        """What both decided, one after the other; the later has the last word on the state."""
        return LeadUpdate(other.state, self.events + other.events, self.sends + other.sends)


def touch_event(status: TouchStatus, touch: Touch) -> Announcement:
    """One touch reached `status`."""
    return Announcement(TouchRecorded, f"leadstream.touch.{status}.v1", touch)


def plan_event(
    state: NurtureState, enrolment: Enrolment, at: datetime, reason: str, moved: Mapping[str, str] | None = None
) -> Announcement:
    """All touches that are planned; `moved` holds why, by touch id, for those that an earlier plan had elsewhere."""
    return _sequence_event(SequencePlanned, state, enrolment, enrolment.pending, at, reason, moved or {})


def stop_event(
    state: NurtureState, enrolment: Enrolment, touches: tuple[PlannedTouch, ...], at: datetime, reason: str
) -> Announcement:
    """The sequence was stopped, and `touches` are suppressed."""
    return _sequence_event(SequenceStopped, state, enrolment, touches, at, reason, {})


def _sequence_event(
    event: type[SequencePlanned | SequenceStopped],
    state: NurtureState,
    enrolment: Enrolment,
    touches: tuple[PlannedTouch, ...],
    at: datetime,
    reason: str,
    reasons: Mapping[str, str],
) -> Announcement:
    data = SequenceChange(
        origin=state.lead.origin if state.lead else None,
        sequence=enrolment.sequence,
        rep=state.owner.rep if state.owner else None,
        occurred_at=at,
        reason=reason,
        touches=tuple(
            ScheduledTouch(
                touch_id=touch.touch_id,
                step=touch.step,
                channel=touch.channel,
                due_at=touch.due,
                reason=reasons.get(touch.touch_id),
            )
            for touch in touches
        ),
    )
    return Announcement(event, event.TYPES[0], data)


def with_changes(state: NurtureState, changes: Sequence[TouchChange], at: datetime) -> LeadUpdate:
    """Puts what was decided about touches into the lead's plan; all moves are told in one event."""
    enrolment = state.enrolment
    assert enrolment is not None, "touches are changed within an enrolment"
    if not changes:
        return LeadUpdate(state)
    changed = enrolment.put(*(change.touch for change in changes))
    events = tuple(
        touch_event("suppressed", _suppressed(state, changed, change, at))
        for change in changes
        if change.touch.progress == "suppressed"
    )
    moved = {each.touch.touch_id: each.reason for each in changes if each.touch.progress == "planned" and each.reason}
    if moved:
        events += (plan_event(state, changed, at, "moved", moved),)
    return LeadUpdate(
        state.replace(enrolment=changed),
        events,
        tuple(change.send for change in changes if change.send is not None),
    )


def _suppressed(state: NurtureState, enrolment: Enrolment, change: TouchChange, at: datetime) -> Touch:
    """The touch as others see it; nothing personal, as it has not been sent."""
    touch = change.touch
    return Touch(
        touch_id=touch.touch_id,
        origin=state.lead.origin if state.lead else None,
        channel=touch.channel,
        human=False,
        rep=state.owner.rep if state.owner else None,
        sequence=enrolment.sequence,
        step=touch.step,
        due_at=touch.due,
        occurred_at=at,
        reason=change.reason,
    )
