"""Lays out the touches of a sequence in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from policy import Nurture, Policy, Routing, Sequence, SequenceTouch
from policy.compiled import compiled_once
from schemas.base import derived_id
from schemas.events import Assignment, Parked
from services.nurture.domain.limits import UNCOUNTED, SenderDay, last_on, sender_of
from services.nurture.domain.state import Enrolment, Lead, NurtureState, Ownership, PlannedTouch
from services.nurture.domain.update import DecisionContext
from services.nurture.domain.windows import Opening, SendingHours, zone_named


def enrol(state: NurtureState, lead: Assignment | Parked, sequence: Sequence, context: DecisionContext) -> Enrolment:
    """The way through `sequence` of the lead, as its assignment describes it, beginning now.

    Touch ids come from the assignment and the step, so that the same decision gives the same touches again.
    """
    nurture = context.policy.nurture
    hours = hours_for(sequence, lead, nurture)
    free = last_on(state, nurture.limits.between_touches)
    touches: list[PlannedTouch] = []
    previous = context.now
    entered = str(context.now)
    for step in sequence.steps:
        wanted = (context.now if step.counted_from == "start" else previous) + step.after
        opening = hours.next_opening(wanted)
        planned = []
        for touch in step.touches:
            at = max(wanted, free.get(touch.channel, wanted))
            found = opening if at == wanted and not touch.ignore_send_window else opening_for(touch, hours, at, nurture)
            # Hours that never open are noticed when the touch is due, and said there.
            due = found.at if found else at
            if touch.channel != UNCOUNTED:
                free[touch.channel] = due + nurture.limits.between_touches
            identity = derived_id("touch", context.lead_id, entered, sequence.id, step.id, touch.channel)
            planned.append(PlannedTouch(touch_id=identity, step=step.id, channel=touch.channel, due=due, first_due=due))
        previous = min(each.due for each in planned)
        touches += planned
    return Enrolment(
        sequence=sequence.id,
        owned=sequence.owned,
        enquiry=lead.origin.submission_id,
        since=lead.origin.submitted_at,
        at=context.now,
        touches=tuple(touches),
    )


def hours_for(sequence: Sequence, lead: Lead | Assignment | Parked, nurture: Nurture) -> SendingHours:
    """When the lead may be sent the touches of `sequence`."""
    zone = zone_named(lead.profile.timezone, nurture.default_timezone)
    known = _hours_in_use(nurture)
    hours = known.get((sequence.id, zone))
    if hours is None:
        hours = known[sequence.id, zone] = SendingHours(zone, sequence.send_window, nurture.limits.quiet_hours)
    return hours


@compiled_once
def _hours_in_use(nurture: Nurture) -> dict[tuple[str, tzinfo], SendingHours]:  # noqa: ARG001  # one dictionary for each
    """The sending hours by sequence and time zone, as they are asked for."""
    return {}


def opening_for(touch: SequenceTouch, hours: SendingHours, wanted: datetime, nurture: Nurture) -> Opening | None:
    """When a touch that is wanted at `wanted` may go out: in the send window, outside the quiet hours.

    An answer that the lead has just asked for (`ignore_send_window`) goes out at any hour. None when the send
    window lies within the quiet hours.
    """
    if touch.ignore_send_window:
        return Opening(wanted.astimezone(UTC), wanted.astimezone(UTC) + nurture.sender.give_up_after)
    return hours.next_opening(wanted)


def find_touch(policy: Policy, sequence: str, touch: PlannedTouch) -> tuple[Sequence, SequenceTouch] | None:
    """A planned touch as the policy has it now; None when a newer policy has dropped it."""
    return _touches_of(policy.nurture).get((sequence, touch.step, touch.channel))


@compiled_once
def _touches_of(nurture: Nurture) -> dict[tuple[str, str, str], tuple[Sequence, SequenceTouch]]:
    """All touches, by sequence, step and channel."""
    return {
        (sequence.id, step.id, touch.channel): (sequence, touch)
        for sequence in nurture.sequences
        for step in sequence.steps
        for touch in step.touches
    }


def place_of(touch: PlannedTouch, owner: Ownership | None, policy: Policy) -> SenderDay | None:
    """The sender's day that a touch counts against; None where no daily limit counts it."""
    sender = sender_of(touch.channel, owner, policy.nurture)
    if sender is None:
        return None
    return SenderDay(sender, touch.due.astimezone(_sender_zone(touch, owner, policy)).date().isoformat())


def next_day(touch: PlannedTouch, owner: Ownership | None, policy: Policy) -> datetime:
    """Midnight after the touch's day, where its sender is."""
    zone = _sender_zone(touch, owner, policy)
    tomorrow = touch.due.astimezone(zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)


def _sender_zone(touch: PlannedTouch, owner: Ownership | None, policy: Policy) -> tzinfo:
    """The owner's time zone; the company's for what it sends as one, and for owners that have left the policy."""
    rep = owner.rep if owner and touch.channel != "sms" else None
    zone = _zones_of_reps(policy.routing).get(rep) if rep is not None else None
    return zone or zone_named(None, policy.nurture.default_timezone)


@compiled_once
def _zones_of_reps(routing: Routing) -> dict[str, tzinfo]:
    """Where each rep is: in a time zone of their own, or their team's."""
    return {rep.id: ZoneInfo(rep.timezone or routing.team(rep.team).timezone) for rep in routing.reps}
