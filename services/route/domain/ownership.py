"""Giving a lead to somebody, and taking it back."""

from __future__ import annotations

from datetime import datetime

from schemas.events import LeadAssigned, LeadParked, LeadReassigned, LeadRecycled, SlaBreached, SlaMet
from services.route.domain import sla
from services.route.domain.compiled_routing import CompiledRep
from services.route.domain.decision_builder import SLA_TIMER, UNTOUCHED_TIMER, DecisionBuilder, assignment
from services.route.domain.selection import (
    Parking,
    Placement,
    Selection,
    choose,
    place_by,
    place_by_fallback,
    place_in,
)
from services.route.domain.state import Owner, RoutedBy, RouteState, ScoredSnapshot, SlaClock


def route(
    state: RouteState, lead: ScoredSnapshot, builder: DecisionBuilder, disqualified_because: str
) -> Placement | Parking:
    """Returns who the rules give the lead to now."""
    facts = builder.routing.facts(lead)
    excluded = frozenset(state.excluded)
    selection = Selection(builder.routing, builder.turns, builder.now, facts.territory, excluded, lead.profile.domain)
    return choose(selection, facts, disqualified_because)


def route_again(
    state: RouteState, builder: DecisionBuilder, without: frozenset[str], pool: str | None = None
) -> Placement | None:
    """Returns who else gets a lead that was routed before: of `pool`, or of whom the same rule names, or the fallback.

    What the lead looks like by now does not matter, so that a new score read before or after changes nothing.
    """
    routed_by = state.routed_by
    selection = Selection(
        builder.routing, builder.turns, builder.now, routed_by.territory if routed_by else None, without
    )
    rule = builder.routing.rule_of.get(routed_by.rule) if routed_by else None
    placed = None
    if pool is not None:
        placed = place_in(selection, builder.routing.pools[pool], rule.id if rule else pool, "Passed on")
    elif rule is not None:
        placed = place_by(selection, rule)
    return placed or place_by_fallback(selection, "Nobody else there could take it")


def park(state: RouteState, lead: ScoredSnapshot, why: Parking, builder: DecisionBuilder) -> RouteState:
    """Leaves the lead without an owner; emitted once per reason."""
    if state.parked == why.rule:
        return state
    builder.emit_parked(LeadParked, lead, why)
    return state.changed(parked=why.rule)


def assign(
    state: RouteState, lead: ScoredSnapshot, placed: Placement, builder: DecisionBuilder, *, new_enquiry: bool
) -> RouteState:
    """Gives the lead to whom the rules chose, and starts its clock.

    The clock starts at capture; for a lead that qualified by what it did later, when it did.
    """
    rep, previous = placed.rep, state.owner
    started = lead.origin.captured_at if new_enquiry else builder.now
    clock = sla.start_clock(builder.routing, lead, started, rep)
    for at in state.contacts:
        clock = sla.with_contact(clock, at)
    data = assignment(state, placed, deadlines=sla.deadlines_of(clock), previous_rep=previous.rep if previous else None)
    builder.emit(LeadAssigned if state.routed_by is None else LeadReassigned, data)
    _emit_owned(clock, rep, builder)
    if clock.status != "open":
        builder.emit_contacted(clock, rep)
    elif state.lost_at is None:
        builder.set_timer(SLA_TIMER, clock.contacted_by, step=0)
    routed_by = RoutedBy(rule=placed.rule, territory=placed.territory)
    routed = {"routed_by": routed_by, "clock": clock, "parked": None, "contacts": state.contacts[-1:]}
    return _owned(state, placed, clock.counts_from, builder, **routed)


def reassign(
    state: RouteState, placed: Placement, builder: DecisionBuilder, because: str, *, after_breach: bool = False
) -> RouteState:
    """Gives a lead that has been routed to somebody else. Its clock goes on."""
    clock, previous = state.clock, state.owner
    assert clock is not None, "a lead that was routed has a clock"
    if after_breach or clock.status != "open":
        deadlines = sla.second_chance(builder.routing, clock, builder.now, placed.rep)
    else:
        deadlines = sla.deadlines_of(clock)
    data = assignment(
        state,
        placed,
        origin=clock.origin,
        deadlines=deadlines,
        previous_rep=previous.rep if previous else None,
        reason=f"{because} → {placed.reason}"[:1_000],
    )
    builder.emit(LeadReassigned, data)
    if after_breach:
        builder.set_timer(SLA_TIMER, deadlines.contacted_by, step=0, deadline=deadlines.contacted_by.isoformat())
    return _owned(state, placed, builder.now, builder)


def release(state: RouteState, why: Parking, builder: DecisionBuilder) -> RouteState:
    """Takes the lead from its owner. Without a new one it waits until it enquires again."""
    assert state.lead is not None, "a lead that was routed was scored"
    builder.emit_parked(LeadRecycled, state.lead, why)
    builder.cancel_timers(SLA_TIMER, UNTOUCHED_TIMER)
    return state.changed(owner=None, parked=why.rule, accepted=False)


def without(state: RouteState, rep: str) -> RouteState:
    """Returns the state in which the lead does not go to `rep` again, while there is anybody else."""
    if rep in state.excluded:
        return state
    return state.changed(excluded=tuple(sorted((*state.excluded, rep))))


def _owned(
    state: RouteState, placed: Placement, counts_from: datetime, builder: DecisionBuilder, **changes: object
) -> RouteState:
    """Notes the new owner, here and in what is shared."""
    rep, lead = placed.rep, state.lead
    builder.turns.count(*rep.load_at(builder.now))
    if lead is not None and lead.profile.domain and builder.routing.asks_for_accounts:
        builder.turns.claim_account(lead.profile.domain, rep.id)
    recycling = builder.routing.recycling
    if recycling is not None and state.lost_at is None:
        builder.set_timer(UNTOUCHED_TIMER, builder.now + recycling.untouched_for)
    owner = Owner(rep=rep.id, team=rep.team, since=builder.now, counts_from=counts_from)
    return state.changed(owner=owner, accepted=False, **changes)


def _emit_owned(clock: SlaClock, rep: CompiledRep, builder: DecisionBuilder) -> None:
    if builder.assigned_at <= clock.owned_by:
        builder.emit_sla(SlaMet, clock, "owned", builder.assigned_at, rep)
        return
    builder.emit_sla(SlaBreached, clock, "owned", clock.owned_by, rep)
    if builder.live:
        _escalate_owned(clock, rep, builder)


def _escalate_owned(clock: SlaClock, rep: CompiledRep, builder: DecisionBuilder) -> None:
    """Escalates to whoever should have been told while nobody owned the lead; reminding an owner would be idle."""
    for step in sla.escalations(builder.routing, clock, "owned"):
        due = sla.escalates_at(builder.routing, clock, clock.owned_by, step, rep)
        if step.action == "notify_manager" and due <= builder.assigned_at:
            builder.escalate(clock, "owned", rep, to_manager=True)
