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
from services.route.domain.arrivals import on_contact, on_outcome, on_scored
from services.route.domain.desk import SLA_TIMER, UNTOUCHED_TIMER, Desk
from services.route.domain.needs import Foresight
from services.route.domain.plan import plan_of
from services.route.domain.state import RouteState
from services.route.domain.timers import on_sla_timer, on_untouched_timer
from services.route.domain.turns import Needs
from services.route.store import Books

_NEW = RouteState()


class RouteStage(Stage[RouteState]):
    """Scores, touches and outcomes in; owners and kept or broken deadlines out."""

    name = "route"
    inputs = (SCORED, TOUCHED, OUTCOMES)
    outputs = (ASSIGNED,)
    state_type = RouteState
    ignores = TOUCH_NOT_MADE
    transactional = True

    async def prepare(self, connection: psycopg.AsyncConnection[Any], items: Sequence[Input], policy: Policy) -> Books:
        """Locks the pools that the batch may have to take turns of."""
        return await store.lock(connection, *self.foresee(items, policy))

    def foresee(self, items: Sequence[Input], policy: Policy) -> tuple[Needs, Needs]:
        """What the batch may need of the business's books, and of those of shadow runs."""
        plan = plan_of(policy)
        real, shadow = Foresight(plan), Foresight(plan)
        for item in items:
            match item:
                case LeadScored():
                    (shadow if item.mode == "shadow" else real).score(item.data, item.time)
                case OutcomeRecorded() if item.data.outcome == "returned":
                    (shadow if item.mode == "shadow" else real).anything(item.time)
                case TimerDue():
                    real.anything(item.due)
        return real.needs, shadow.needs

    def decide(self, item: Input, state: RouteState | None, ctx: Context) -> Decision[RouteState]:
        """Takes the input in. A decision that fails leaves no turn taken."""
        books: Books = ctx.shared
        desk = self._desk(ctx, books)
        desk.turns.begin()
        try:
            after = _taken_in(item, state or _NEW, desk)
        except Exception:
            desk.turns.undo()
            raise
        if isinstance(after, str):
            return Decision(state, dropped=after)
        timers = tuple(
            SetTimer(name, wake.due, wake.data) if wake else CancelTimer(name) for name, wake in desk.timers.items()
        )
        return Decision(after, tuple(desk.events), timers)

    def _desk(self, ctx: Context, books: Books) -> Desk:
        mode, now = ctx.cause.mode, ctx.now.astimezone(UTC)
        return Desk(
            plan=plan_of(ctx.policy),
            turns=books.shadow if mode == "shadow" else books.real,
            now=now,
            stamp=ctx.clock if mode == "live" else now,
            live=mode == "live",
            make=lambda kind, data, ordinal: ctx.emit(kind, data, ordinal=ordinal),
        )

    async def save(
        self,
        connection: psycopg.AsyncConnection[Any],
        shared: Books,
        changes: Mapping[str, Change[RouteState]],  # noqa: ARG002  # what is written follows from the turns taken
    ) -> None:
        """Writes the turns taken, together with the events that tell of them."""
        await store.save(connection, shared)


def _taken_in(item: Input, state: RouteState, desk: Desk) -> RouteState | str:
    """The state with the input in it, or the reason why it changes nothing."""
    match item:
        case LeadScored(data=scored):
            return on_scored(state, scored, desk)
        case TouchRecorded():
            contacted = contact_at(item)
            if contacted is None:
                return "no_contact_by_a_person"
            after, nothing_new = on_contact(state, contacted, desk), "contact_known"
        case OutcomeRecorded():
            after, nothing_new = on_outcome(state, item, desk), "outcome_known"
        case TimerDue(name=name, data=data) if name == SLA_TIMER:
            after, nothing_new = on_sla_timer(state, data, desk), "in_time"
        case TimerDue(name=name) if name == UNTOUCHED_TIMER:
            after, nothing_new = on_untouched_timer(state, desk), "touched_in_time"
        case _:
            return "nothing_to_route"
    return after if after is not state or desk.events or desk.timers else nothing_new
