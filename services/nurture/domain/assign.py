"""What an assignment does to a lead's plan: enter a sequence, go on with one, give one up."""

from __future__ import annotations

from schemas.base import Mode
from schemas.events import Assignment, Parked
from services.nurture.domain.entry import sequence_for
from services.nurture.domain.plan import enrol, wake_for
from services.nurture.domain.result import Moment, Result, Told, record
from services.nurture.domain.state import Enrolment, NurtureState, Ownership, lead_of, with_entry, with_facts
from services.nurture.domain.steer import steer, stopped_by, suppress_rest


def on_assigned(state: NurtureState, told: Assignment, moment: Moment, mode: Mode) -> Result:
    """Somebody has the lead: a sequence that is under way goes on with them, else the lead enters one."""
    owner = Ownership(kind="owned", at=moment.now, rep=told.rep, rep_name=told.rep_name, rep_email=told.rep_email)
    return _follow(state, told, owner, moment, mode)


def on_parked(state: NurtureState, told: Parked, moment: Moment, mode: Mode) -> Result:
    """Nobody has the lead, on purpose: an owner's sequence ends, and one for such leads may begin."""
    owner = Ownership(kind="parked", at=moment.now)
    return _follow(state, told, owner, moment, mode)


def on_recycled(state: NurtureState, told: Parked, moment: Moment, mode: Mode) -> Result:
    """The owner gave the lead back: its sequence waits for the next owner."""
    owner = Ownership(kind="recycled", at=moment.now)
    if mode == "shadow":
        return Result(with_facts(state, told))
    return steer(with_facts(state, told).replace(owner=owner), moment)


def _follow(state: NurtureState, told: Assignment | Parked, owner: Ownership, moment: Moment, mode: Mode) -> Result:
    """Under `history` only the facts and the owner are remembered; under `shadow` only the facts, and the plan is
    told as it would have been made.
    """
    before, known = state.owner, with_facts(state, told)
    owned = known.replace(owner=owner)
    if mode == "shadow":
        planned = _enter(owned, told, moment)
        return Result(known, records=tuple(each for each in planned.records if each[0] == "planned"))
    if mode == "history":
        return steer(owned, moment)
    return _enter(owned, told, moment) if _leaves(owned, told, moment) else _hand_over(owned, before, moment)


def _leaves(state: NurtureState, told: Assignment | Parked, moment: Moment) -> bool:
    """Whether the lead leaves the sequence it is in: because it has got, or lost, an owner, or has enquired anew and
    that leads to another sequence.

    What has stopped the sequence meanwhile has no say in it: that may be heard of before or after.
    """
    enrolment, owned = state.enrolment, isinstance(told, Assignment)
    if enrolment is None or enrolment.owned is not owned:
        return True
    return (
        enrolment.enquiry != told.origin.submission_id and sequence_for(moment.policy.nurture, state, told) is not None
    )


def _hand_over(state: NurtureState, before: Ownership | None, moment: Moment) -> Result:
    """Goes on with the sequence; with another owner its messages count against another sender's day."""
    result, enrolment = steer(state, moment), state.enrolment
    assert enrolment is not None
    if result.state is not state or enrolment.held or before is None or before.rep == (state.owner and state.owner.rep):
        return result
    pending = (touch for touch in enrolment.touches if touch.progress == "planned")
    return Result(state, wakes=tuple(wake_for(touch, state.owner, moment.policy) for touch in pending))


def _enter(state: NurtureState, told: Assignment | Parked, moment: Moment) -> Result:
    """Gives up what is still planned, and enters the sequence the lead meets, if any."""
    left = suppress_rest(state, moment, "parked" if isinstance(told, Parked) else "assigned")
    state = left.state
    sequence = sequence_for(moment.policy.nurture, state, told)
    if sequence is None:
        return left.then(Result(state.replace(enrolment=None) if state.enrolment else state))
    enrolment = enrol(state, lead_of(told), sequence, moment)
    return left.then(_begin(with_entry(state, enrolment), enrolment, moment))


def _begin(state: NurtureState, enrolment: Enrolment, moment: Moment) -> Result:
    """Announces the touches; a stop that is already known suppresses them unannounced, a hold sets no timers."""
    if stopped_by(state, enrolment, moment.policy) is not None:
        result = steer(state, moment)
        return Result(result.state, records=result.records)
    planned: tuple[Told, ...] = tuple(
        ("planned", record(state, enrolment, each, moment.now, "entered")) for each in enrolment.touches
    )
    if state.on_hold:
        held = enrolment.replace(held=True)
        return Result(state.replace(enrolment=held), records=planned)
    wakes = tuple(wake_for(touch, state.owner, moment.policy) for touch in enrolment.touches)
    return Result(state, records=planned, wakes=wakes)
