"""When to come back to a lead: it has one timer, for the first of its planned touches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from policy import Policy
from schemas.base import Mode
from services.nurture.domain.limits import SenderDay
from services.nurture.domain.schedule import place_of
from services.nurture.domain.state import NurtureState


class Wake(NamedTuple):
    """The lead's timer."""

    due: datetime
    places: tuple[SenderDay, ...]
    """What the touches due then will count against, so that the batch it falls into can lock it."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What the timer carries, as JSON."""
        return {"places": [list(place) for place in self.places]} if self.places else {}


def next_wake(state: NurtureState, policy: Policy) -> Wake | None:
    """When the lead's next touch is due; None while nothing is planned, or the plan is held."""
    enrolment = state.enrolment
    if enrolment is None or enrolment.held or not (pending := enrolment.pending):
        return None
    due = min(touch.due for touch in pending)
    places = {place_of(touch, state.owner, policy) for touch in pending if touch.due == due}
    return Wake(due, tuple(sorted(place for place in places if place is not None)))


def changed_wake(before: NurtureState, after: NurtureState, policy: Policy, mode: Mode) -> tuple[Wake | None, bool]:
    """The timer that `after` needs, and whether that is to be set, as `before` needed another.

    A timer sends in the mode of the input that set it. So what is imported or tried out replaces none that is due at
    the same time: what the timer has noted of the sender is looked at again when it runs out.
    """
    if before.enrolment is after.enrolment and before.owner is after.owner:
        return None, False
    wanted, standing = next_wake(after, policy), next_wake(before, policy)
    if mode != "live" and wanted is not None and standing is not None and wanted.due == standing.due:
        return wanted, False
    return wanted, wanted != standing
