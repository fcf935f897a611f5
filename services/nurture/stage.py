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
    SequencePlanned,
    SequenceStopped,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    TouchRecorded,
)
from schemas.topics import ASSIGNED, ERASED, OUTCOMES, SCORED, SIGNALS, TOUCHED
from services.nurture.domain.assign import on_assigned, on_parked, on_recycled
from services.nurture.domain.due import on_due
from services.nurture.domain.limits import SenderDays, places
from services.nurture.domain.reactions import on_outcome, on_scored, on_signal, on_touch
from services.nurture.domain.send_result import on_send_result
from services.nurture.domain.state import NurtureState
from services.nurture.domain.timer import changed_wake, next_wake
from services.nurture.domain.update import DecisionContext, LeadUpdate
from services.nurture.store import Batch, forget, lock_days, write_days

TIMER: Final = "touches"
"""The lead's one timer. Databases still hold older ones, one for each touch: `touch:` and its id."""
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
        known, context = state or NurtureState(), DecisionContext(ctx.cause.lead_id, ctx.now, ctx.policy)
        match item:
            case TimerDue():
                update = on_due(known, item.due, ctx.shared.days, context)
            case EffectDone():
                update = on_send_result(known, item, ctx.shared.days, context)
            case LeadErased():
                return Decision(None)
            case _:
                update = _on_event(item, known, context, ctx.cause.mode)
        timers = _timers(item, known, update.state, ctx)
        if update.state is known and not (update.events or update.sends):
            return Decision(state, timers=timers, dropped=update.dropped or (None if timers else "nothing_new"))
        return Decision(
            update.state,
            events=tuple(
                ctx.emit(each.event, each.data, type=each.type, ordinal=ordinal)
                for ordinal, each in enumerate(update.events)
            ),
            timers=timers,
            effects=tuple(Effect(send.effect_id, SEND, send.payload) for send in update.sends),
        )

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


def _on_event(item: Event, state: NurtureState, context: DecisionContext, mode: Mode) -> LeadUpdate:
    match item:
        case LeadAssigned(data=assignment) | LeadReassigned(data=assignment):
            update = on_assigned(state, assignment, context, mode)
        case LeadParked(data=parked):
            update = on_parked(state, parked, context, mode)
        case LeadRecycled(data=parked):
            update = on_recycled(state, parked, context, mode)
        case LeadScored(data=scored):
            update = on_scored(state, scored, item.time, context)
        case SignalRecorded():
            update = on_signal(state, item, context)
        case OutcomeRecorded():
            update = on_outcome(state, item, context)
        case TouchRecorded():
            update = on_touch(state, item, context)
        case SequencePlanned() | SequenceStopped():  # what this service has planned itself it knows already
            update = LeadUpdate(state, dropped="no_contact_by_a_person")
        case _:
            update = LeadUpdate(state, dropped="stops_nothing")
    return update


def _timers(item: Input, before: NurtureState, after: NurtureState, ctx: Context) -> tuple[SetTimer | CancelTimer, ...]:
    """The lead's timer, where it is to be another than the one that stands.

    A timer that has run out stands no more. One of an older name leaves it open which of the new name stands.
    """
    if isinstance(item, TimerDue):
        wake, changed = next_wake(after, ctx.policy), True
        if wake is None and item.name == TIMER:
            return ()
    else:
        wake, changed = changed_wake(before, after, ctx.policy, ctx.cause.mode)
    if not changed:
        return ()
    return (SetTimer(TIMER, wake.due, wake.data) if wake is not None else CancelTimer(TIMER),)
