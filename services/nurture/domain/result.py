"""What a decision about one lead comes to; the stage turns it into events, timers and effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from policy import Policy
from schemas.events import Touch
from schemas.events.touched import TouchStatus
from services.nurture.domain.limits import SenderDay
from services.nurture.domain.state import Enrolment, NurtureState, PlannedTouch


class Moment(NamedTuple):
    """Under what a decision is made."""

    lead_id: str
    now: datetime
    """Business time."""
    policy: Policy


Told = tuple[TouchStatus, Touch]
"""One thing to tell of a touch."""


class Wake(NamedTuple):
    """Come back to a touch when it is due."""

    touch_id: str
    due: datetime
    place: SenderDay | None
    """What it will count against, so that the batch it falls into can lock it."""


class Send(NamedTuple):
    """Ask the sender for one attempt."""

    effect_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The lead's new state, and what to tell the world."""

    state: NurtureState
    records: tuple[Told, ...] = ()
    wakes: tuple[Wake, ...] = ()
    cancelled: tuple[str, ...] = ()
    """Touches whose timers are no longer wanted."""
    sends: tuple[Send, ...] = ()
    dropped: str | None = None

    def then(self, other: Result) -> Result:
        """What both decided, one after the other; the later has the last word on the state."""
        return Result(
            other.state,
            self.records + other.records,
            self.wakes + other.wakes,
            self.cancelled + other.cancelled,
            self.sends + other.sends,
        )


def record(state: NurtureState, enrolment: Enrolment, touch: PlannedTouch, at: datetime, reason: str | None) -> Touch:
    """The touch as others see it; nothing personal before it has been sent."""
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
        reason=reason,
    )
