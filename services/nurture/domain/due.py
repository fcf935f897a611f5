"""What to do with touches whose time has come: send, move, or suppress each of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from policy import Sequence, SequenceTouch
from schemas.base import derived_id
from services.nurture.domain.limits import SenderDay, SenderDays, daily_limit, free_from, noted, sender_address
from services.nurture.domain.message import Message, Unsendable, unsubscribe_link, write
from services.nurture.domain.permission import refusal
from services.nurture.domain.reconcile import stopped_by, suppress_rest
from services.nurture.domain.schedule import find_touch, hours_for, next_day, opening_for, place_of
from services.nurture.domain.state import Lead, NurtureState, PlannedTouch
from services.nurture.domain.update import DecisionContext, LeadUpdate, Send, TouchChange, with_changes
from services.nurture.domain.windows import Opening


class _Case(NamedTuple):
    """A due touch with all that is asked about it."""

    state: NurtureState
    touch: PlannedTouch
    lead: Lead
    sequence: Sequence
    wanted: SequenceTouch


class _Later(NamedTuple):
    at: datetime
    reason: str


def on_due(state: NurtureState, due: datetime, days: SenderDays, context: DecisionContext) -> LeadUpdate:
    """Decides about all touches that are due at `due`, when a timer has run out."""
    enrolment = state.enrolment
    touches = [touch for touch in enrolment.pending if touch.due <= due] if enrolment and not enrolment.held else []
    if enrolment is None or not touches:
        return LeadUpdate(state, dropped="touch_superseded")
    stopped = stopped_by(state, enrolment, context.policy)
    if stopped is not None:
        return suppress_rest(state, context, stopped)
    changes: list[TouchChange] = []
    asked = state
    for touch in sorted(touches, key=lambda each: each.due):
        change = _change(asked, touch, days, context)
        if change is None:
            continue
        changes.append(change)
        if change.send is not None:  # counts for the lead's limits on the touches that follow
            asked = asked.replace(enrolment=enrolment.put(*(each.touch for each in changes)))
    return with_changes(state, changes, context.now)


def _change(state: NurtureState, touch: PlannedTouch, days: SenderDays, context: DecisionContext) -> TouchChange | None:
    """What becomes of the touch; None when this batch can't say, as it has not locked what the touch counts against."""
    assert state.enrolment is not None
    found = find_touch(context.policy, state.enrolment.sequence, touch)
    if found is None or state.lead is None:
        return suppressed(touch, "step_gone" if found is None else "lead_unknown")
    return _decide(_Case(state, touch, state.lead, *found), days, context)


def _decide(case: _Case, days: SenderDays, context: DecisionContext) -> TouchChange | None:
    state, touch, policy = case.state, case.touch, context.policy
    refused = refusal(policy.consent, case.lead, touch.channel, context.now, state.stops.get("unsubscribe"))
    if refused is not None:
        return suppressed(touch, refused)
    hours = hours_for(case.sequence, case.lead, policy.nurture)
    opening = opening_for(case.wanted, hours, context.now, policy.nurture)
    if opening is None:
        return suppressed(touch, "no_send_window")
    try:
        message = write(policy.nurture.template(case.wanted.template), case.lead, state.owner, policy)
    except Unsendable as unsendable:
        return suppressed(touch, unsendable.reason)
    place = place_of(touch, state.owner, policy)
    if place is not None and not days.knows(place):
        # The sender has changed since the timer was set. It is set again at once, with what is to be locked.
        return None
    later = _wait(case, opening, days, place, context)
    if later is not None:
        return move(state, touch, context, later.at, later.reason)
    return _send(case, message, opening, place, context)


def _wait(
    case: _Case, opening: Opening, days: SenderDays, place: SenderDay | None, context: DecisionContext
) -> _Later | None:
    """When to try again, if not now. Takes one of the sender's messages of the day when it is now."""
    now, limits = context.now, context.policy.nurture.limits
    if opening.at > now:
        return _Later(opening.at, "outside_send_window")
    free = free_from(case.state, case.touch.channel, now, limits)
    if free > now:
        return _Later(free, "lead_limit")
    if place is None or days.take(place, daily_limit(place.sender, limits)):
        return None
    return _Later(next_day(case.touch, case.state.owner, context.policy), "daily_limit")


def _send(
    case: _Case, message: Message, opening: Opening, place: SenderDay | None, context: DecisionContext
) -> TouchChange:
    touch, owner, enrolment = case.touch, case.state.owner, case.state.enrolment
    assert enrolment is not None
    payload = {
        "lead_id": context.lead_id,
        "touch_id": touch.touch_id,
        "attempt": touch.attempts + 1,
        "channel": touch.channel,
        "sequence": enrolment.sequence,
        "step": touch.step,
        "due_at": touch.due.isoformat(),
        "send_before": opening.until.isoformat(),
        **noted(place),
        "rep": owner.rep if owner else None,
        "sender": sender_address(owner, context.policy.nurture),
        "sender_name": (owner.rep_name if owner else None) or context.policy.nurture.sender.company,
        "unsubscribe": unsubscribe_link(owner, context.policy),
        "to": message.to,
        "subject": message.subject,
        "body": message.body,
    }
    # The due time is part of it: a touch that was too late for its window is asked for again, as another effect.
    effect_id = derived_id("send", touch.touch_id, touch.attempts, touch.due.isoformat())
    return TouchChange(touch.replace(progress="asked"), send=Send(effect_id, payload))


def suppressed(touch: PlannedTouch, reason: str) -> TouchChange:
    """Leaves one touch; the sequence goes on."""
    return TouchChange(touch.replace(progress="suppressed"), reason)


def move(
    state: NurtureState, touch: PlannedTouch, context: DecisionContext, wanted: datetime, reason: str
) -> TouchChange:
    """Plans the touch anew for the first opening from `wanted` on, unless that is later than it may be."""
    assert state.enrolment is not None
    found = find_touch(context.policy, state.enrolment.sequence, touch)
    if found is None or state.lead is None:
        return suppressed(touch, "step_gone")
    nurture = context.policy.nurture
    opening = opening_for(found[1], hours_for(found[0], state.lead, nurture), wanted, nurture)
    if opening is None:
        return suppressed(touch, "no_send_window")
    if opening.at > touch.first_due + nurture.sender.give_up_after:
        return suppressed(touch, f"gave_up:{reason}")
    return TouchChange(touch.replace(due=opening.at, progress="planned"), reason)
