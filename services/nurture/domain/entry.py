"""Which sequence a lead enters."""

from __future__ import annotations

from policy import Nurture, Sequence
from policy.compiled import compiled_once
from policy.matching import Predicate, compile_conditions, facts_of
from schemas.events import Assignment, Parked
from services.nurture.domain.state import NurtureState


def sequence_for(nurture: Nurture, state: NurtureState, placed: Assignment | Parked) -> Sequence | None:
    """The first sequence whose conditions the lead meets, when it may enter that one (again).

    A lead that has been through the first sequence it meets is not handed to the second. A disqualified lead
    enters none.
    """
    if placed.qualification == "disqualified":
        return None
    owned = isinstance(placed, Assignment)
    facts = facts_of(placed).with_score(placed, placed.territory if isinstance(placed, Assignment) else None)
    for sequence, meets in _entries(nurture):
        if sequence.owned is owned and meets(facts):
            return sequence if _may_enter(sequence, state) else None
    return None


@compiled_once
def _entries(nurture: Nurture) -> tuple[tuple[Sequence, Predicate], ...]:
    """The sequences with their conditions.

    Nobody meets `account_has_owner`: whose the company's other leads are is for routing to know.
    """
    return tuple(
        (sequence, compile_conditions(sequence.entry).hold)
        for sequence in nurture.sequences
        if sequence.entry.account_has_owner is None
    )


def _may_enter(sequence: Sequence, state: NurtureState) -> bool:
    before = state.entered.get(sequence.id)
    if before is None or state.owner is None:
        return True
    return sequence.reenter_after is not None and state.owner.at - before >= sequence.reenter_after
