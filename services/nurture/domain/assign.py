"""What an assignment does to a lead's plan: enter a sequence, go on with one, give one up."""

from __future__ import annotations

from schemas.base import Mode
from schemas.events import Assignment, Parked, SequencePlanned
from services.nurture.domain.entry import sequence_for
from services.nurture.domain.reconcile import reconcile, stopped_by, suppress_rest
from services.nurture.domain.schedule import enrol
from services.nurture.domain.state import Enrolment, NurtureState, Ownership, with_entry, with_facts
from services.nurture.domain.update import DecisionContext, LeadUpdate, plan_event


def on_assigned(state: NurtureState, assignment: Assignment, context: DecisionContext, mode: Mode) -> LeadUpdate:
    """Somebody has the lead: a sequence that is under way goes on with them, else the lead enters one."""
    owner = Ownership(
        kind="owned",
        at=context.now,
        rep=assignment.rep,
        rep_name=assignment.rep_name,
        rep_email=assignment.rep_email,
    )
    return _follow(state, assignment, owner, context, mode)


def on_parked(state: NurtureState, parked: Parked, context: DecisionContext, mode: Mode) -> LeadUpdate:
    """Nobody has the lead, on purpose: an owner's sequence ends, and one for such leads may begin."""
    return _follow(state, parked, Ownership(kind="parked", at=context.now), context, mode)


def on_recycled(state: NurtureState, parked: Parked, context: DecisionContext, mode: Mode) -> LeadUpdate:
    """The owner gave the lead back: its sequence waits for the next owner."""
    known = with_facts(state, parked)
    if mode == "shadow":
        return LeadUpdate(known)
    owner = Ownership(kind="recycled", at=context.now)
    return reconcile(known.replace(owner=owner), context)


def _follow(
    state: NurtureState, placed: Assignment | Parked, owner: Ownership, context: DecisionContext, mode: Mode
) -> LeadUpdate:
    """Under `history` only the facts and the owner are remembered; under `shadow` only the facts, and the plan is
    announced as it would have been made.
    """
    known = with_facts(state, placed)
    owned = known.replace(owner=owner)
    if mode == "shadow":
        entered = _enter(owned, placed, context)
        return LeadUpdate(known, events=tuple(each for each in entered.events if each.event is SequencePlanned))
    if mode == "history":
        return reconcile(owned, context)
    return _enter(owned, placed, context) if _leaves(owned, placed, context) else reconcile(owned, context)


def _leaves(state: NurtureState, placed: Assignment | Parked, context: DecisionContext) -> bool:
    """Whether the lead leaves the sequence it is in: because it has got, or lost, an owner, or has enquired anew and
    that leads to another sequence.

    What has stopped the sequence meanwhile has no say in it: that may be heard of before or after.
    """
    enrolment, owned = state.enrolment, isinstance(placed, Assignment)
    if enrolment is None or enrolment.owned is not owned:
        return True
    enquired = enrolment.enquiry != placed.origin.submission_id
    return enquired and sequence_for(context.policy.nurture, state, placed) is not None


def _enter(state: NurtureState, placed: Assignment | Parked, context: DecisionContext) -> LeadUpdate:
    """Gives up what is still planned, and enters the sequence the lead meets, if any."""
    left = suppress_rest(state, context, "parked" if isinstance(placed, Parked) else "assigned")
    state = left.state
    sequence = sequence_for(context.policy.nurture, state, placed)
    if sequence is None:
        return left.then(LeadUpdate(state.replace(enrolment=None) if state.enrolment else state))
    enrolment = enrol(state, placed, sequence, context)
    return left.then(_begin(with_entry(state, enrolment), enrolment, context))


def _begin(state: NurtureState, enrolment: Enrolment, context: DecisionContext) -> LeadUpdate:
    """Announces the plan; a stop that is already known suppresses it unannounced."""
    if stopped_by(state, enrolment, context.policy) is not None:
        return reconcile(state, context)
    planned = plan_event(state, enrolment, context.now, "entered")
    if state.on_hold:
        state = state.replace(enrolment=enrolment.replace(held=True))
    return LeadUpdate(state, events=(planned,))
