"""Keeps a lead's plan in step with what is known: stops it, holds it, goes on with it."""

from __future__ import annotations

from datetime import timedelta

from policy import Policy, StopCondition
from services.nurture.domain.plan import find_touch, hours_for, opening_for, wake_for
from services.nurture.domain.result import Moment, Result, record
from services.nurture.domain.state import Enrolment, NurtureState, PlannedTouch


def steer(state: NurtureState, moment: Moment) -> Result:
    """Brings the plan in line with the facts; the same facts give the same plan, whichever came last."""
    enrolment = state.enrolment
    if enrolment is None or not any(touch.progress == "planned" for touch in enrolment.touches):
        return Result(state)
    reason = stopped_by(state, enrolment, moment.policy)
    if reason is not None:
        return suppress_rest(state, moment, reason)
    if state.on_hold != enrolment.held:
        return _hold(state, enrolment) if state.on_hold else _go_on(state, enrolment, moment)
    return Result(state)


def stopped_by(state: NurtureState, enrolment: Enrolment, policy: Policy) -> StopCondition | None:
    """The stop condition that ends the sequence, if one has come about since the enquiry.

    A sequence that a newer policy has dropped stops on everything: nobody can say any longer what it allowed.
    """
    for condition in stop_conditions(enrolment.sequence, policy):
        at = state.stops.get(condition)
        if at is None:
            continue
        # A reply answers something: a chat that *is* the enquiry does not count. A disqualification is overruled
        # by an assignment that came after it.
        if condition == "reply":
            came_after = at > enrolment.since
        elif condition == "disqualified":
            came_after = at > enrolment.at
        else:
            came_after = at >= enrolment.since
        if came_after:
            return condition
    return None


ALL_CONDITIONS: tuple[StopCondition, ...] = (
    "unsubscribe", "bounce", "outcome", "meeting", "reply", "human_touch", "disqualified",
)  # fmt: skip
"""Most final first: the order in which a reason is given when several hold."""


def stop_conditions(sequence_id: str, policy: Policy) -> tuple[StopCondition, ...]:
    """What stops the sequence under this policy."""
    for sequence in policy.nurture.sequences:
        if sequence.id == sequence_id:
            return tuple(condition for condition in ALL_CONDITIONS if condition in sequence.stop_on)
    return ALL_CONDITIONS


def suppress_rest(state: NurtureState, moment: Moment, reason: str) -> Result:
    """Calls off what is still planned. A touch that the sender already has is left to its result."""
    enrolment = state.enrolment
    if enrolment is None:
        return Result(state)
    pending = [touch for touch in enrolment.touches if touch.progress == "planned"]
    ended = enrolment.put(*(touch.replace(progress="suppressed") for touch in pending))
    return Result(
        state.replace(enrolment=ended.replace(held=False)),
        records=tuple(("suppressed", record(state, enrolment, touch, moment.now, reason)) for touch in pending),
        cancelled=() if enrolment.held else tuple(touch.touch_id for touch in pending),
    )


def _hold(state: NurtureState, enrolment: Enrolment) -> Result:
    """The lead was given back: nothing goes out until somebody has it again."""
    held = enrolment.replace(held=True)
    pending = tuple(touch.touch_id for touch in enrolment.touches if touch.progress == "planned")
    return Result(state.replace(enrolment=held), cancelled=pending)


def _go_on(state: NurtureState, enrolment: Enrolment, moment: Moment) -> Result:
    """Somebody has the lead again: what should have gone out meanwhile is moved, and all the rest with it."""
    pending = [touch for touch in enrolment.touches if touch.progress == "planned"]
    late = max(moment.now - min(touch.due for touch in pending), timedelta())
    moved = [_moved(state, enrolment, touch, late, moment.policy) for touch in pending] if late else pending
    going = enrolment.put(*moved).replace(held=False)
    return Result(
        state.replace(enrolment=going),
        records=tuple(
            ("planned", record(state, going, touch, moment.now, "resumed")) for touch in (moved if late else ())
        ),
        wakes=tuple(wake_for(touch, state.owner, moment.policy) for touch in moved),
    )


def _moved(
    state: NurtureState, enrolment: Enrolment, touch: PlannedTouch, by: timedelta, policy: Policy
) -> PlannedTouch:
    due = touch.due + by
    found = find_touch(policy, enrolment.sequence, touch)
    if found is not None and state.lead is not None:
        opening = opening_for(found[1], hours_for(found[0], state.lead, policy.nurture), due, policy.nurture)
        due = opening.at if opening else due
    return touch.replace(due=due, first_due=due)
