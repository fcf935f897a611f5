"""The route service: gives leads to owners, and watches how fast they act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import psycopg

from policy import Policy
from policy.contact import contact_at
from runtime.stage import CancelTimer, Change, Context, Decision, Input, SetTimer, Stage, TimerDue
from schemas.events import TOUCH_NOT_MADE, LeadScored, OutcomeRecorded, TouchRecorded
from schemas.topics import ASSIGNED, OUTCOMES, SCORED, TOUCHED
from services.route import store
from services.route.domain.compiled_routing import compile_routing
from services.route.domain.decision_builder import SLA_TIMER, UNTOUCHED_TIMER, DecisionBuilder
from services.route.domain.handlers import on_contact, on_outcome, on_scored
from services.route.domain.lock_plan import LockPlan, LockPlanner
from services.route.domain.state import RouteState
from services.route.domain.timers import on_sla_timer, on_untouched_timer
from services.route.store import SharedState

_NEW = RouteState()


class RouteStage(Stage[RouteState]):
    """Scores, touches and outcomes in; owners and kept or broken deadlines out."""

    name = "route"
    inputs = (SCORED, TOUCHED, OUTCOMES)
    outputs = (ASSIGNED,)
    state_type = RouteState
    ignores = TOUCH_NOT_MADE
    transactional = True

    async def prepare(
        self, connection: psycopg.AsyncConnection[Any], items: Sequence[Input], policy: Policy
    ) -> SharedState:
        """Locks the pools that the batch may have to take turns of."""
        return await store.lock(connection, *self.plan_locks(items, policy))

    def plan_locks(self, items: Sequence[Input], policy: Policy) -> tuple[LockPlan, LockPlan]:
        """Returns what the batch may need of what the business shares, and of what shadow runs share."""
        routing = compile_routing(policy)
        real, shadow = LockPlanner(routing), LockPlanner(routing)
        for item in items:
            match item:
                case LeadScored():
                    (shadow if item.mode == "shadow" else real).add_score(item.data, item.time)
                case OutcomeRecorded() if item.data.outcome == "returned":
                    (shadow if item.mode == "shadow" else real).add_everything(item.time)
                case TimerDue():
                    real.add_everything(item.due)
        return real.plan, shadow.plan

    def decide(self, item: Input, state: RouteState | None, ctx: Context) -> Decision[RouteState]:
        """Takes the input in. A decision that fails leaves no turn taken."""
        builder = _builder(ctx)
        builder.turns.begin()
        try:
            after = _apply(item, state or _NEW, builder)
        except Exception:
            builder.turns.undo()
            raise
        if isinstance(after, str):
            return Decision(state, dropped=after)
        timers = tuple(
            [SetTimer(name, new.due, new.data) if new else CancelTimer(name) for name, new in builder.timers.items()]
        )
        return Decision(after, tuple(builder.events), timers)

    async def save(
        self,
        connection: psycopg.AsyncConnection[Any],
        shared: SharedState,
        changes: Mapping[str, Change[RouteState]],  # noqa: ARG002  # what is written follows from the turns taken
    ) -> None:
        """Writes the turns taken, together with the events that tell of them."""
        await store.save(connection, shared)


def _builder(ctx: Context) -> DecisionBuilder:
    shared: SharedState = ctx.shared
    mode, now = ctx.cause.mode, ctx.now.astimezone(UTC)
    return DecisionBuilder(
        routing=compile_routing(ctx.policy),
        turns=shared.shadow if mode == "shadow" else shared.real,
        now=now,
        assigned_at=ctx.clock if mode == "live" else now,
        live=mode == "live",
        create_event=lambda kind, data, ordinal: ctx.emit(kind, data, ordinal=ordinal),
    )


def _apply(item: Input, state: RouteState, builder: DecisionBuilder) -> RouteState | str:
    """Returns the state with the input in it, or the reason why it changes nothing."""
    match item:
        case LeadScored(data=scored):
            return on_scored(state, scored, builder)
        case TouchRecorded():
            contacted = contact_at(item)
            if contacted is None:
                return "no_contact_by_a_person"
            after, nothing_new = on_contact(state, contacted, builder), "contact_known"
        case OutcomeRecorded():
            after, nothing_new = on_outcome(state, item, builder), "outcome_known"
        case TimerDue(name=name, data=data) if name == SLA_TIMER:
            after, nothing_new = on_sla_timer(state, data, builder), "in_time"
        case TimerDue(name=name) if name == UNTOUCHED_TIMER:
            after, nothing_new = on_untouched_timer(state, builder), "touched_in_time"
        case _:
            return "nothing_to_route"
    return after if after is not state or builder.events or builder.timers else nothing_new
