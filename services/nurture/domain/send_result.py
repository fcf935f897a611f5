"""What the result of a send makes of its touch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from schemas.events import Touch
from schemas.events.touched import TouchContent, TouchStatus
from services.nurture.domain.due import move
from services.nurture.domain.limits import SenderDays, place_in
from services.nurture.domain.reconcile import reconcile, stopped_by
from services.nurture.domain.state import NurtureState, PlannedTouch, with_sent, with_stop
from services.nurture.domain.update import DecisionContext, LeadUpdate, touch_event, with_changes

KINDS = ("late", "retry", "refused", "bounced")
"""How a failure's detail begins; any other comes from a fault of the sender, and says nothing that is safe to tell."""
_NOT_A_CODE = re.compile(r"[^a-z0-9_.-]+")


class SendDone(Protocol):
    """What became of an attempt, as the runtime hands it over."""

    @property
    def result(self) -> Literal["done", "failed", "unknown"]: ...
    @property
    def detail(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


def on_send_result(state: NurtureState, done: SendDone, days: SenderDays, context: DecisionContext) -> LeadUpdate:
    """Books what became of an attempt. A result that is not known is never tried again."""
    payload = done.payload
    if done.result == "done":
        return _booked(state, payload, "sent", context, None)
    if done.result == "unknown":
        return _booked(state, payload, "unknown", context, "result_unknown")
    kind, _, said = done.detail.partition(":")
    code = _code(said) if kind in KINDS else "sender_error"
    place = place_in(payload)
    if kind in KINDS and place is not None:
        days.give_back(place)
    touch = _asked(state, payload)
    if kind in ("late", "retry") and touch is not None:
        return _again(state, touch, kind, code, payload, context)
    update = _booked(state, payload, "failed", context, code)
    if kind == "bounced":
        return update.then(reconcile(with_stop(update.state, "bounce", context.now), context))
    return update


def _again(
    state: NurtureState, touch: PlannedTouch, kind: str, code: str, payload: Mapping[str, Any], context: DecisionContext
) -> LeadUpdate:
    """Plans another attempt, unless the sequence has been stopped or all attempts are used up.

    When the lead has been given back meanwhile, the touch waits with the others.
    """
    enrolment = state.enrolment
    assert enrolment is not None
    stopped = stopped_by(state, enrolment, context.policy)
    if kind == "late" and stopped is None:
        return with_changes(state, (move(state, touch, context, context.now, code),), context.now)
    waits = context.policy.nurture.sender.retry_after
    if stopped is not None or touch.attempts >= len(waits):
        return _booked(state, payload, "failed", context, f"{code}:{stopped or 'no_more_attempts'}")
    failed = touch.replace(attempts=touch.attempts + 1)
    reason = f"retry_{failed.attempts}:{code}"
    return with_changes(
        state, (move(state, failed, context, context.now + waits[touch.attempts], reason),), context.now
    )


def _booked(
    state: NurtureState, payload: Mapping[str, Any], status: TouchStatus, context: DecisionContext, reason: str | None
) -> LeadUpdate:
    """Reports the result, also of a touch whose sequence has been left since: it was sent all the same."""
    touch, reported = _asked(state, payload), _reported(state, payload, context, reason)
    changes: dict[str, Any] = {}
    if touch is not None and state.enrolment is not None:
        changes["enrolment"] = state.enrolment.put(touch.replace(progress=status))
    if status in ("sent", "unknown"):
        changes["sent"] = with_sent(state.sent, payload["channel"], context.now)
    return LeadUpdate(state.replace(**changes) if changes else state, (touch_event(status, reported),))


def _reported(state: NurtureState, payload: Mapping[str, Any], context: DecisionContext, reason: str | None) -> Touch:
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
        occurred_at=context.now,
        reason=reason,
        person=TouchContent(to=payload["to"], subject=payload["subject"], body=payload["body"]),
    )


def _asked(state: NurtureState, payload: Mapping[str, Any]) -> PlannedTouch | None:
    touch = state.enrolment.find(payload["touch_id"]) if state.enrolment else None
    return touch if touch is not None and touch.progress == "asked" else None


def _code(detail: str) -> str:
    """A reason fit for a topic: senders' replies can quote the address, so whatever holds one is left out."""
    words = [word for word in detail.lower().split() if "@" not in word]
    return _NOT_A_CODE.sub("_", " ".join(words)).strip("_")[:100] or "unspecified"
