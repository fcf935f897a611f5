"""What happens when time runs out: a breach is emitted, escalated, and the lead passed on. Live leads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from policy import Escalation
from schemas.events import LeadRecycled, SlaBreached
from services.route.domain import sla
from services.route.domain.compiled_routing import CompiledRep
from services.route.domain.decision_builder import SLA_TIMER, DecisionBuilder
from services.route.domain.ownership import reassign, release, route_again, without
from services.route.domain.selection import Parking, Selection, place_by_fallback, place_in
from services.route.domain.state import RouteState, SlaClock


def on_sla_timer(state: RouteState, data: Mapping[str, Any], builder: DecisionBuilder) -> RouteState:
    """Returns the contact deadline has passed, or a step of what follows a breach is due."""
    clock, owner, rep = state.clock, state.owner, builder.owner(state)
    if clock is None or owner is None or clock.contacted_at is not None or state.lost_at is not None:
        return state
    if clock.status == "open":
        clock = clock.replace(status="breached")
        builder.emit_sla(SlaBreached, clock, "contacted", clock.contacted_by, rep)
        state = state.changed(clock=clock)
    if rep is None:
        return _after_who_left(state, owner.rep, builder)
    deadline = datetime.fromisoformat(data["deadline"]) if "deadline" in data else clock.contacted_by
    return _escalated(state, clock, rep, (deadline, int(data.get("step", 0))), builder)


def _escalated(
    state: RouteState, clock: SlaClock, rep: CompiledRep, progress: tuple[datetime, int], builder: DecisionBuilder
) -> RouteState:
    """Takes all steps that are due by now, and sets the timer for the next."""
    deadline, first = progress
    steps = sla.escalations(builder.routing, clock, "contacted")
    for number, step in enumerate(steps[first:], first):
        due = sla.escalates_at(builder.routing, clock, deadline, step, rep)
        if due > builder.now:
            builder.set_timer(SLA_TIMER, due, step=number, deadline=deadline.isoformat())
            return state
        if step.action == "reassign":
            moved = _passed_on(state, step, rep, builder)
            if moved is not None:
                return moved
        else:
            builder.escalate(clock, "contacted", rep, to_manager=step.action == "notify_manager")
    return state


def _after_who_left(state: RouteState, rep: str, builder: DecisionBuilder) -> RouteState:
    """With somebody else, as the policy no longer knows the owner."""
    placed = route_again(state, builder, frozenset((*state.excluded, rep)))
    return state if placed is None else reassign(state, placed, builder, f"{rep} has left", after_breach=True)


def _passed_on(state: RouteState, step: Escalation, rep: CompiledRep, builder: DecisionBuilder) -> RouteState | None:
    """With somebody else who has another chance; None when there is nobody, or it changed hands often enough."""
    if state.reassigned >= builder.routing.reassign_at_most:
        return None
    placed = route_again(state, builder, frozenset((*state.excluded, rep.id)), step.pool)
    if placed is None:
        return None
    moved = reassign(state, placed, builder, f"Not contacted in time by {rep.name}", after_breach=True)
    return without(moved, rep.id).changed(reassigned=state.reassigned + 1)


def on_untouched_timer(state: RouteState, builder: DecisionBuilder) -> RouteState:
    """Returns the owner has had the lead for as long as the policy allows: who did nothing loses it."""
    owner, lead, recycling = state.owner, state.lead, builder.routing.recycling
    if owner is None or lead is None or recycling is None or state.lost_at is not None:
        return state
    if owner.since + recycling.untouched_for > builder.now or (
        state.contacts and state.contacts[-1] >= owner.counts_from
    ):
        return state
    rep = builder.routing.reps.get(owner.rep)
    because = f"Left untouched by {rep.name if rep else owner.rep}"
    state = state.changed(released_at=max(builder.now, state.released_at or builder.now))
    if state.recycled >= recycling.at_most:
        why = f"{because}, after {state.recycled} others → parked"
        return release(state, Parking("recycling", why), builder)
    territory = state.routed_by.territory if state.routed_by else None
    selection = Selection(
        builder.routing, builder.turns, builder.now, territory, frozenset((*state.excluded, owner.rep))
    )
    placed = place_in(selection, builder.routing.pools[recycling.pool], "recycling", "Recycled")
    placed = placed or place_by_fallback(selection, "Nobody there could take it")
    if placed is None:
        return release(state, Parking("recycling", f"{because}; nobody else can take it → parked"), builder)
    builder.emit_parked(LeadRecycled, lead, Parking("recycling", because))
    moved = reassign(state, placed, builder, because)
    return without(moved, owner.rep).changed(recycled=state.recycled + 1)
