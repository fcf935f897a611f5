"""What the sender's answer makes of a touch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from schemas.events import Touch
from schemas.events.touched import TouchContent, TouchStatus
from services.nurture.domain.due import move
from services.nurture.domain.limits import SenderDays, place_in
from services.nurture.domain.result import Moment, Result
from services.nurture.domain.state import Enrolment, NurtureState, PlannedTouch, with_sent, with_stop
from services.nurture.domain.steer import steer, stopped_by

BACK_OFF = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
"""Waits after the first, second… attempt that failed; when all are used up, the touch has failed."""

KINDS = ("late", "retry", "refused", "bounced")
"""How a failure's detail begins; any other comes from a fault of the sender, and says nothing that is safe to tell."""
_NOT_A_CODE = re.compile(r"[^a-z0-9_.-]+")


class Answered(Protocol):
    """What became of an attempt, as the runtime hands it over."""

    @property
    def result(self) -> Literal["done", "failed", "unknown"]: ...
    @property
    def detail(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


def on_answer(state: NurtureState, answer: Answered, days: SenderDays, moment: Moment) -> Result:
    """Books what became of an attempt. A result that is not known is never tried again."""
    payload = answer.payload
    if answer.result == "done":
        return _booked(state, payload, "sent", moment, None)
    if answer.result == "unknown":
        return _booked(state, payload, "unknown", moment, "result_unknown")
    kind, _, said = answer.detail.partition(":")
    code = _code(said) if kind in KINDS else "sender_error"
    place = place_in(payload)
    if kind in KINDS and place is not None:
        days.give_back(place)
    touch = _asked(state, payload)
    if kind in ("late", "retry") and touch is not None:
        return _again(state, touch, kind, code, payload, moment)
    result = _booked(state, payload, "failed", moment, code)
    if kind == "bounced":
        return result.then(steer(with_stop(result.state, "bounce", moment.now), moment))
    return result


def _again(
    state: NurtureState, touch: PlannedTouch, kind: str, code: str, payload: Mapping[str, Any], moment: Moment
) -> Result:
    """Plans another attempt, unless the sequence has been stopped or all attempts are used up."""
    enrolment = state.enrolment
    assert enrolment is not None
    stopped = stopped_by(state, enrolment, moment.policy)
    if kind == "late" and stopped is None:
        return _replan(state, enrolment, touch, moment, moment.now, code)
    failed = touch.replace(attempts=touch.attempts + 1)
    if stopped is not None or failed.attempts > len(BACK_OFF):
        return _booked(state, payload, "failed", moment, f"{code}:{stopped or 'no_more_attempts'}")
    wanted = moment.now + BACK_OFF[failed.attempts - 1]
    return _replan(state, enrolment.put(failed), failed, moment, wanted, f"retry_{failed.attempts}:{code}")


def _replan(
    state: NurtureState,
    enrolment: Enrolment,
    touch: PlannedTouch,
    moment: Moment,
    wanted: datetime,
    reason: str,
) -> Result:
    """Moves the touch; when the lead has been given back meanwhile, it waits with the others."""
    moved = move(state, enrolment, touch, moment, wanted, reason)
    return Result(moved.state, records=moved.records) if enrolment.held else moved


def _booked(
    state: NurtureState, payload: Mapping[str, Any], status: TouchStatus, moment: Moment, reason: str | None
) -> Result:
    """Reports the result, also of a touch whose sequence has been left since: it was sent all the same."""
    touch = _asked(state, payload)
    told = _told(state, payload, moment, reason)
    if touch is not None and state.enrolment is not None:
        progress = touch.replace(progress=status)
        state = state.replace(enrolment=state.enrolment.put(progress))
    if status in ("sent", "unknown"):
        state = with_sent(state, payload["channel"], moment.now)
    return Result(state, records=((status, told),))


def _told(state: NurtureState, payload: Mapping[str, Any], moment: Moment, reason: str | None) -> Touch:
    """The touch as it was sent, whatever has become of the plan since."""
    return Touch(
        touch_id=payload["touch_id"],
        origin=state.lead.origin if state.lead else None,
        channel=payload["channel"],
        human=False,
        rep=payload["rep"],
        sequence=payload["sequence"],
        step=payload["step"],
        due_at=datetime.fromisoformat(payload["due_at"]),
        occurred_at=moment.now,
        reason=reason,
        person=TouchContent(to=payload["to"], subject=payload["subject"], body=payload["body"]),
    )


def _asked(state: NurtureState, payload: Mapping[str, Any]) -> PlannedTouch | None:
    touch = state.enrolment.find(payload["touch_id"]) if state.enrolment else None
    return touch if touch is not None and touch.progress == "asked" else None


def _code(detail: str) -> str:
    """A reason fit for a topic: senders' answers can quote the address, so whatever holds one is left out."""
    words = [word for word in detail.lower().split() if "@" not in word]
    return _NOT_A_CODE.sub("_", " ".join(words)).strip("_")[:100] or "unspecified"
