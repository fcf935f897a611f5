"""Giving a lead to somebody, and taking it back."""

from __future__ import annotations

from datetime import datetime

from schemas.events import LeadAssigned, LeadParked, LeadReassigned, LeadRecycled, SlaBreached, SlaMet
from services.route.domain import sla
from services.route.domain.choice import (
    Asking,
    Parking,
    Placement,
    choose,
    place_by,
    place_by_fallback,
    place_in,
)
from services.route.domain.desk import SLA_TIMER, UNTOUCHED_TIMER, Desk, assignment
from services.route.domain.plan import RepPlan
from services.route.domain.state import Clock, Home, Lead, Owner, RouteState


def route(state: RouteState, lead: Lead, desk: Desk, disqualified_because: str) -> Placement | Parking:
    """Who the rules give the lead to now."""
    facts = desk.plan.facts(lead)
    excluded = frozenset(state.excluded)
    asking = Asking(desk.plan, desk.turns, desk.now, facts.territory, excluded, lead.profile.domain)
    return choose(asking, facts, disqualified_because)


def route_again(state: RouteState, desk: Desk, without: frozenset[str], pool: str | None = None) -> Placement | None:
    """Who else gets a lead that was routed before: of `pool`, or of what the same rule names; else the fallback pool.

    What the lead looks like by now does not matter, so that a new score read before or after changes nothing.
    """
    home = state.home
    asking = Asking(desk.plan, desk.turns, desk.now, home.territory if home else None, without)
    rule = desk.plan.rule_of.get(home.rule) if home else None
    placed = None
    if pool is not None:
        placed = place_in(asking, desk.plan.pools[pool], rule.id if rule else pool, "Passed on")
    elif rule is not None:
        placed = place_by(asking, rule)
    return placed or place_by_fallback(asking, "Nobody else there could take it")


def park(state: RouteState, lead: Lead, why: Parking, desk: Desk) -> RouteState:
    """Leaves the lead without an owner; said once per reason."""
    if state.parked == why.rule:
        return state
    desk.tell_parked(LeadParked, lead, why)
    return state.changed(parked=why.rule)


def assign(state: RouteState, lead: Lead, placed: Placement, desk: Desk, *, new_enquiry: bool) -> RouteState:
    """Gives the lead to whom the rules chose, and starts its clock.

    The clock starts at capture; for a lead that qualified by what it did later, when it did.
    """
    rep, previous = placed.rep, state.owner
    started = lead.origin.captured_at if new_enquiry else desk.now
    clock = sla.start_clock(desk.plan, lead, started, rep)
    for at in state.contacts:
        clock = sla.with_contact(clock, at)
    said = assignment(state, placed, deadlines=sla.deadlines_of(clock), previous_rep=previous.rep if previous else None)
    desk.emit(LeadAssigned if state.home is None else LeadReassigned, said)
    _tell_owned(clock, rep, desk)
    if clock.verdict != "open":
        desk.tell_contacted(clock, rep)
    elif state.lost_at is None:
        desk.wake(SLA_TIMER, clock.contacted_by, step=0)
    home = Home(rule=placed.rule, territory=placed.territory)
    state = state.changed(home=home, clock=clock, parked=None, contacts=state.contacts[-1:])
    return _owned(state, placed, clock.counts_from, desk)


def reassign(
    state: RouteState, placed: Placement, desk: Desk, because: str, *, after_breach: bool = False
) -> RouteState:
    """Gives a lead that has been routed to somebody else. Its clock goes on."""
    clock, previous = state.clock, state.owner
    assert clock is not None, "a lead that was routed has a clock"
    if after_breach or clock.verdict != "open":
        deadlines = sla.second_chance(desk.plan, clock, desk.now, placed.rep)
    else:
        deadlines = sla.deadlines_of(clock)
    said = assignment(
        state,
        placed,
        origin=clock.origin,
        deadlines=deadlines,
        previous_rep=previous.rep if previous else None,
        reason=f"{because} → {placed.reason}"[:1_000],
    )
    desk.emit(LeadReassigned, said)
    if after_breach:
        desk.wake(SLA_TIMER, deadlines.contacted_by, step=0, deadline=deadlines.contacted_by.isoformat())
    return _owned(state, placed, desk.now, desk)


def release(state: RouteState, why: Parking, desk: Desk) -> RouteState:
    """Takes the lead from its owner. Without a new one it waits until it enquires again."""
    assert state.lead is not None, "a lead that was routed was scored"
    desk.tell_parked(LeadRecycled, state.lead, why)
    desk.forget(SLA_TIMER, UNTOUCHED_TIMER)
    return state.changed(owner=None, parked=why.rule, accepted=False)


def without(state: RouteState, rep: str) -> RouteState:
    """The state in which the lead does not go to `rep` again, while there is anybody else."""
    if rep in state.excluded:
        return state
    return state.changed(excluded=tuple(sorted((*state.excluded, rep))))


def _owned(state: RouteState, placed: Placement, counts_from: datetime, desk: Desk) -> RouteState:
    """Notes the new owner, here and in what is shared."""
    rep, lead = placed.rep, state.lead
    desk.turns.count(*rep.load_at(desk.now))
    if lead is not None and lead.profile.domain and desk.plan.asks_for_accounts:
        desk.turns.claim_account(lead.profile.domain, rep.id)
    recycling = desk.plan.recycling
    if recycling is not None and state.lost_at is None:
        desk.wake(UNTOUCHED_TIMER, desk.now + recycling.untouched_for)
    owner = Owner(rep=rep.id, team=rep.team, since=desk.now, counts_from=counts_from)
    return state.changed(owner=owner, accepted=False)


def _tell_owned(clock: Clock, rep: RepPlan, desk: Desk) -> None:
    if desk.stamp <= clock.owned_by:
        desk.tell_clock(SlaMet, clock, "owned", desk.stamp, rep)
        return
    desk.tell_clock(SlaBreached, clock, "owned", clock.owned_by, rep)
    if desk.live:
        _escalate_owned(clock, rep, desk)


def _escalate_owned(clock: Clock, rep: RepPlan, desk: Desk) -> None:
    """Whoever should have been told while nobody owned the lead is told now; reminding an owner would be idle."""
    for step in sla.escalations(desk.plan, clock, "owned"):
        due = sla.escalates_at(desk.plan, clock, clock.owned_by, step, rep)
        if step.action == "notify_manager" and due <= desk.stamp:
            desk.escalate(clock, "owned", rep, to_manager=True)
