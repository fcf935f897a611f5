"""The nurture service: plans touches for leads, sends each in its time, and stops when somebody answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from typing_extensions import override

from policy import Policy
from runtime.stage import CancelTimer, Change, Context, Decision, Effect, EffectDone, Input, SetTimer, Stage, TimerDue
from schemas.base import Event, Mode
from schemas.events import (
    TOUCH_NOT_MADE,
    LeadAccepted,
    LeadAssigned,
    LeadErased,
    LeadEscalated,
    LeadParked,
    LeadReassigned,
    LeadRecycled,
    LeadScored,
    OutcomeRecorded,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    TouchRecorded,
)
from schemas.topics import ASSIGNED, ERASED, OUTCOMES, SCORED, SIGNALS, TOUCHED
from services.nurture.domain.answer import on_answer
from services.nurture.domain.assign import on_assigned, on_parked, on_recycled
from services.nurture.domain.due import on_due
from services.nurture.domain.limits import SenderDays, noted, places
from services.nurture.domain.news import on_outcome, on_scored, on_signal, on_touch
from services.nurture.domain.result import Moment, Result, Wake
from services.nurture.domain.state import NurtureState
from services.nurture.store import Batch, forget, lock_days, write_days

TIMER: Final = "touch:"
SEND: Final = "send"


class NurtureStage(Stage[NurtureState]):
    """Scores, assignments, signals, outcomes and reps' own touches in; touches out."""

    name = "nurture"
    inputs = (SCORED, ASSIGNED, SIGNALS, OUTCOMES, TOUCHED, ERASED)
    outputs = (TOUCHED, SIGNALS)
    ignores = TOUCH_NOT_MADE.union(*(event.TYPES for event in (LeadAccepted, LeadEscalated, SlaMet, SlaBreached)))
    state_type = NurtureState
    pace = 0.1  # a plan is in time when it is made within the second
    transactional = True

    @override
    def decide(self, item: Input, state: NurtureState | None, ctx: Context) -> Decision[NurtureState]:
        """Folds the input and brings the lead's plan in line with it."""
        known, moment = state or NurtureState(), Moment(ctx.cause.lead_id, ctx.now, ctx.policy)
        match item:
            case TimerDue():
                result = on_due(known, item.data["touch"], item.due, ctx.shared.days, moment)
            case EffectDone():
                result = on_answer(known, item, ctx.shared.days, moment)
            case LeadErased():
                return Decision(None)
            case _:
                result = _on_event(item, known, moment, ctx.cause.mode)
        return _decision(result, known, state, ctx)

    @override
    async def prepare(self, connection: psycopg.AsyncConnection[Any], items: Sequence[Input], policy: Policy) -> Batch:
        """Locks the days of the senders whose touches are due, in an order that all workers keep to."""
        data = [item.data for item in items if isinstance(item, TimerDue)]
        data += [item.payload for item in items if isinstance(item, EffectDone)]
        erased: dict[str, datetime] = {item.lead_id: item.time for item in items if isinstance(item, LeadErased)}
        return Batch(SenderDays(await lock_days(connection, places(data))), erased)

    @override
    async def save(
        self, connection: psycopg.AsyncConnection[Any], shared: Batch, changes: Mapping[str, Change[NurtureState]]
    ) -> None:
        """Writes what the senders have sent, and forgets what an erased lead would have been sent."""
        await write_days(connection, shared.days)
        await forget(connection, shared.erased)


def _on_event(item: Event, state: NurtureState, moment: Moment, mode: Mode) -> Result:
    match item:
        case LeadAssigned(data=told) | LeadReassigned(data=told):
            result = on_assigned(state, told, moment, mode)
        case LeadParked(data=told):
            result = on_parked(state, told, moment, mode)
        case LeadRecycled(data=told):
            result = on_recycled(state, told, moment, mode)
        case LeadScored(data=told):
            result = on_scored(state, told, item.time, moment)
        case SignalRecorded():
            result = on_signal(state, item, moment)
        case OutcomeRecorded():
            result = on_outcome(state, item, moment)
        case TouchRecorded():
            result = on_touch(state, item, moment)
        case _:
            result = Result(state, dropped="stops_nothing")
    return result


def _decision(result: Result, known: NurtureState, before: NurtureState | None, ctx: Context) -> Decision[NurtureState]:
    if result.state is known and not (result.records or result.wakes or result.sends):
        return Decision(before, dropped=result.dropped or "nothing_new")
    return Decision(
        result.state,
        events=tuple(
            ctx.emit(TouchRecorded, touch, type=f"leadstream.touch.{status}.v1", ordinal=ordinal)
            for ordinal, (status, touch) in enumerate(result.records)
        ),
        timers=(
            *(CancelTimer(TIMER + touch_id) for touch_id in result.cancelled),
            *(_timer(wake) for wake in result.wakes),
        ),
        effects=tuple(Effect(send.effect_id, SEND, send.payload) for send in result.sends),
    )


def _timer(wake: Wake) -> SetTimer:
    return SetTimer(TIMER + wake.touch_id, wake.due, {"touch": wake.touch_id, **noted(wake.place)})
