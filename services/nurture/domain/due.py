"""What to do with a touch whose time has come: send it, move it, or leave it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from policy import Sequence, SequenceTouch
from schemas.base import derived_id
from services.nurture.domain.limits import SenderDay, SenderDays, daily_limit, free_from, noted, sender_address
from services.nurture.domain.message import Message, Unsendable, unsubscribe_link, write
from services.nurture.domain.permission import refusal
from services.nurture.domain.plan import find_touch, hours_for, next_day, opening_for, place_of, wake_for
from services.nurture.domain.result import Moment, Result, Send, record
from services.nurture.domain.state import Enrolment, Lead, NurtureState, PlannedTouch
from services.nurture.domain.steer import stopped_by, suppress_rest
from services.nurture.domain.windows import Opening


class _Case(NamedTuple):
    """A due touch with all that is asked about it."""

    state: NurtureState
    enrolment: Enrolment
    touch: PlannedTouch
    lead: Lead
    sequence: Sequence
    wanted: SequenceTouch


class _Later(NamedTuple):
    at: datetime
    reason: str


def on_due(state: NurtureState, touch_id: str, due: datetime, days: SenderDays, moment: Moment) -> Result:
    """Decides about the touch `touch_id` that a timer set for `due` has woken."""
    enrolment = state.enrolment
    touch = enrolment.find(touch_id) if enrolment else None
    if enrolment is None or touch is None or touch.progress != "planned" or touch.due != due or enrolment.held:
        return Result(state, dropped="touch_superseded")
    stopped = stopped_by(state, enrolment, moment.policy)
    if stopped is not None:
        return suppress_rest(state, moment, stopped)
    found = find_touch(moment.policy, enrolment.sequence, touch)
    if found is None or state.lead is None:
        return suppress(state, enrolment, touch, moment, "step_gone" if found is None else "lead_unknown")
    return _decide(_Case(state, enrolment, touch, state.lead, *found), days, moment)


def _decide(case: _Case, days: SenderDays, moment: Moment) -> Result:
    state, touch, policy = case.state, case.touch, moment.policy
    refused = refusal(policy.consent, case.lead, touch.channel, moment.now, state.stops.get("unsubscribe"))
    if refused is not None:
        return suppress(state, case.enrolment, touch, moment, refused)
    hours = hours_for(case.sequence, case.lead, policy.nurture)
    opening = opening_for(case.wanted, hours, moment.now, policy.nurture)
    if opening is None:
        return suppress(state, case.enrolment, touch, moment, "no_send_window")
    try:
        message = write(policy.nurture.template(case.wanted.template), case.lead, state.owner, policy)
    except Unsendable as unsendable:
        return suppress(state, case.enrolment, touch, moment, unsendable.reason)
    place = place_of(touch, state.owner, policy)
    if place is not None and not days.knows(place):
        # The policy has moved the sender since the timer was set: this batch does not hold that lock. At once again.
        return Result(state, wakes=(wake_for(touch, state.owner, policy),))
    later = _wait(case, opening, days, place, moment)
    if later is not None:
        return move(state, case.enrolment, touch, moment, later.at, later.reason)
    return _send(case, message, opening, place, moment)


def _wait(case: _Case, opening: Opening, days: SenderDays, place: SenderDay | None, moment: Moment) -> _Later | None:
    """When to try again, if not now. Takes one of the sender's messages of the day when it is now."""
    now, limits = moment.now, moment.policy.nurture.limits
    if opening.at > now:
        return _Later(opening.at, "outside_send_window")
    free = free_from(case.state, case.touch.channel, now, limits)
    if free > now:
        return _Later(free, "lead_limit")
    if place is None or days.take(place, daily_limit(place.sender, limits)):
        return None
    return _Later(next_day(case.touch, case.state.owner, moment.policy), "daily_limit")


def _send(case: _Case, message: Message, opening: Opening, place: SenderDay | None, moment: Moment) -> Result:
    touch, owner, nurture = case.touch, case.state.owner, moment.policy.nurture
    asked = case.enrolment.put(touch.replace(progress="asked"))
    payload = {
        "lead_id": moment.lead_id,
        "touch_id": touch.touch_id,
        "attempt": touch.attempts + 1,
        "channel": touch.channel,
        "sequence": case.enrolment.sequence,
        "step": touch.step,
        "due_at": touch.due.isoformat(),
        "send_before": opening.until.isoformat(),
        **noted(place),
        "rep": owner.rep if owner else None,
        "sender": sender_address(owner, nurture),
        "sender_name": (owner.rep_name if owner else None) or nurture.sender.company,
        "unsubscribe": unsubscribe_link(owner, moment.policy),
        "to": message.to,
        "subject": message.subject,
        "body": message.body,
    }
    # The due time is part of it: a touch that was too late for its window is asked for again, as another effect.
    effect_id = derived_id("send", touch.touch_id, touch.attempts, touch.due.isoformat())
    return Result(case.state.replace(enrolment=asked), sends=(Send(effect_id, payload),))


def suppress(state: NurtureState, enrolment: Enrolment, touch: PlannedTouch, moment: Moment, reason: str) -> Result:
    """Leaves one touch; the sequence goes on."""
    ended = enrolment.put(touch.replace(progress="suppressed"))
    return Result(
        state.replace(enrolment=ended),
        records=(("suppressed", record(state, enrolment, touch, moment.now, reason)),),
    )


def move(
    state: NurtureState,
    enrolment: Enrolment,
    touch: PlannedTouch,
    moment: Moment,
    wanted: datetime,
    reason: str,
) -> Result:
    """Plans the touch anew for the first opening from `wanted` on, unless that is later than it may be."""
    found = find_touch(moment.policy, enrolment.sequence, touch)
    if found is None or state.lead is None:
        return suppress(state, enrolment, touch, moment, "step_gone")
    nurture = moment.policy.nurture
    opening = opening_for(found[1], hours_for(found[0], state.lead, nurture), wanted, nurture)
    if opening is None:
        return suppress(state, enrolment, touch, moment, "no_send_window")
    if opening.at > touch.first_due + nurture.sender.give_up_after:
        return suppress(state, enrolment, touch, moment, f"gave_up:{reason}")
    moved = touch.replace(due=opening.at, progress="planned")
    planned = enrolment.put(moved)
    return Result(
        state.replace(enrolment=planned),
        records=(("planned", record(state, planned, moved, moment.now, reason)),),
        wakes=(wake_for(moved, state.owner, moment.policy),),
    )
