"""What happens when time runs out: a breach is told, escalated, and the lead passed on. Live leads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from policy import Escalation
from schemas.events import LeadRecycled, SlaBreached
from services.route.domain import sla
from services.route.domain.choice import Asking, Parking, place_by_fallback, place_in
from services.route.domain.desk import SLA_TIMER, Desk
from services.route.domain.ownership import reassign, release, route_again, without
from services.route.domain.plan import RepPlan
from services.route.domain.state import Clock, RouteState


def on_sla_timer(state: RouteState, data: Mapping[str, Any], desk: Desk) -> RouteState:
    """The contact deadline has passed, or a step of what follows a breach is due."""
    clock, owner, rep = state.clock, state.owner, desk.owner(state)
    if clock is None or owner is None or clock.contacted_at is not None or state.lost_at is not None:
        return state
    if clock.verdict == "open":
        clock = clock.replace(verdict="breached")
        desk.tell_clock(SlaBreached, clock, "contacted", clock.contacted_by, rep)
        state = state.changed(clock=clock)
    if rep is None:
        return _after_who_left(state, owner.rep, desk)
    deadline = datetime.fromisoformat(data["deadline"]) if "deadline" in data else clock.contacted_by
    return _escalated(state, clock, rep, (deadline, int(data.get("step", 0))), desk)


def _escalated(state: RouteState, clock: Clock, rep: RepPlan, progress: tuple[datetime, int], desk: Desk) -> RouteState:
    """Takes all steps that are due by now, and sets the timer for the next."""
    deadline, first = progress
    steps = sla.escalations(desk.plan, clock, "contacted")
    for number, step in enumerate(steps[first:], first):
        due = sla.escalates_at(desk.plan, clock, deadline, step, rep)
        if due > desk.now:
            desk.wake(SLA_TIMER, due, step=number, deadline=deadline.isoformat())
            return state
        if step.action == "reassign":
            moved = _passed_on(state, step, rep, desk)
            if moved is not None:
                return moved
        else:
            desk.escalate(clock, "contacted", rep, to_manager=step.action == "notify_manager")
    return state


def _after_who_left(state: RouteState, rep: str, desk: Desk) -> RouteState:
    """With somebody else, as the policy no longer knows the owner."""
    placed = route_again(state, desk, frozenset((*state.excluded, rep)))
    return state if placed is None else reassign(state, placed, desk, f"{rep} has left", after_breach=True)


def _passed_on(state: RouteState, step: Escalation, rep: RepPlan, desk: Desk) -> RouteState | None:
    """With somebody else who has another chance; None when there is nobody, or it changed hands often enough."""
    if state.reassigned >= desk.plan.reassign_at_most:
        return None
    placed = route_again(state, desk, frozenset((*state.excluded, rep.id)), step.pool)
    if placed is None:
        return None
    moved = reassign(state, placed, desk, f"Not contacted in time by {rep.name}", after_breach=True)
    return without(moved, rep.id).changed(reassigned=state.reassigned + 1)


def on_untouched_timer(state: RouteState, desk: Desk) -> RouteState:
    """The owner has had the lead for as long as the policy allows: who did nothing loses it."""
    owner, lead, recycling = state.owner, state.lead, desk.plan.recycling
    if owner is None or lead is None or recycling is None or state.lost_at is not None:
        return state
    if owner.since + recycling.untouched_for > desk.now or (state.contacts and state.contacts[-1] >= owner.counts_from):
        return state
    rep = desk.plan.reps.get(owner.rep)
    because = f"Left untouched by {rep.name if rep else owner.rep}"
    state = state.changed(released_at=max(desk.now, state.released_at or desk.now))
    if state.recycled >= recycling.at_most:
        why = f"{because}, after {state.recycled} others → parked"
        return release(state, Parking("recycling", why), desk)
    territory = state.home.territory if state.home else None
    asking = Asking(desk.plan, desk.turns, desk.now, territory, frozenset((*state.excluded, owner.rep)))
    placed = place_in(asking, desk.plan.pools[recycling.pool], "recycling", "Recycled")
    placed = placed or place_by_fallback(asking, "Nobody there could take it")
    if placed is None:
        return release(state, Parking("recycling", f"{because}; nobody else can take it → parked"), desk)
    desk.tell_parked(LeadRecycled, lead, Parking("recycling", because))
    moved = reassign(state, placed, desk, because)
    return without(moved, owner.rep).changed(recycled=state.recycled + 1)
