"""Keeps a lead's plan in step with what is known: stops it, holds it, goes on with it."""

from __future__ import annotations

from datetime import timedelta

from policy import Policy, StopCondition
from services.nurture.domain.schedule import find_touch, hours_for, opening_for
from services.nurture.domain.state import Enrolment, NurtureState, PlannedTouch
from services.nurture.domain.update import DecisionContext, LeadUpdate, plan_event, stop_event


def reconcile(state: NurtureState, context: DecisionContext) -> LeadUpdate:
    """Brings the plan in line with the facts; the same facts give the same plan, whichever came last."""
    enrolment = state.enrolment
    if enrolment is None or not enrolment.pending:
        return LeadUpdate(state)
    reason = stopped_by(state, enrolment, context.policy)
    if reason is not None:
        return suppress_rest(state, context, reason)
    if state.on_hold != enrolment.held:
        return _hold(state, enrolment) if state.on_hold else _go_on(state, enrolment, context)
    return LeadUpdate(state)


def stopped_by(state: NurtureState, enrolment: Enrolment, policy: Policy) -> StopCondition | None:
    """The stop condition that ends the sequence, if one has come about since the enquiry.

    A sequence that a newer policy has dropped stops on everything: nobody can say any longer what it allowed.
    """
    if not state.stops:
        return None
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


def suppress_rest(state: NurtureState, context: DecisionContext, reason: str) -> LeadUpdate:
    """Calls off what is still planned. A touch that the sender already has is left to its result."""
    enrolment = state.enrolment
    if enrolment is None or not (pending := enrolment.pending):
        return LeadUpdate(state)
    ended = enrolment.put(
        *(touch.replace(progress="suppressed") for touch in pending),
        held=False,
    )
    return LeadUpdate(
        state.replace(enrolment=ended),
        events=(stop_event(state, enrolment, pending, context.now, reason),),
    )


def _hold(state: NurtureState, enrolment: Enrolment) -> LeadUpdate:
    """The lead was given back: nothing goes out until somebody has it again."""
    return LeadUpdate(state.replace(enrolment=enrolment.replace(held=True)))


def _go_on(state: NurtureState, enrolment: Enrolment, context: DecisionContext) -> LeadUpdate:
    """Somebody has the lead again: what should have gone out meanwhile is moved, and all the rest with it."""
    pending = enrolment.pending
    late = context.now - min(touch.due for touch in pending)
    if late <= timedelta():
        return LeadUpdate(state.replace(enrolment=enrolment.replace(held=False)))
    going = enrolment.put(
        *(_moved(state, enrolment, touch, late, context.policy) for touch in pending),
        held=False,
    )
    moved = {touch.touch_id: "resumed" for touch in pending}
    return LeadUpdate(
        state.replace(enrolment=going),
        events=(plan_event(state, going, context.now, "resumed", moved),),
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
