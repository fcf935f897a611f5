"""What a score, a contact and an outcome change."""

from __future__ import annotations

from bisect import insort
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from policy.contact import contact_at, happened_at
from schemas.events import LeadAccepted, LeadRecycled, OutcomeRecorded, Scored
from services.route.domain import sla
from services.route.domain.choice import Parking
from services.route.domain.desk import SLA_TIMER, UNTOUCHED_TIMER, Desk, why_disqualified
from services.route.domain.ownership import assign, park, reassign, release, route, route_again, without
from services.route.domain.state import CONTACTS, REMEMBERED, WAITING, Lead, Owner, RouteState, Waiting


def on_scored(state: RouteState, scored: Scored, desk: Desk) -> RouteState:
    """Takes the new score in; gives the lead an owner if it has none and should have one."""
    lead, known = Lead.of(scored), state.lead
    new_enquiry = known is None or known.origin.submission_id != lead.origin.submission_id
    state = state.changed(lead=lead)
    if _keeps_owner(state.owner, desk, new_enquiry=new_enquiry) or _waits_for_enquiry(state, lead):
        return state
    chosen = route(state, lead, desk, why_disqualified(scored))
    if isinstance(chosen, Parking):
        return _parked(state, lead, chosen, desk)
    state = assign(state, lead, chosen, desk, new_enquiry=new_enquiry)
    waiting, state = state.waiting, state.changed(waiting=())
    for each in waiting:
        state = _concerning_owner(state, each, desk)
    return state


def _keeps_owner(owner: Owner | None, desk: Desk, *, new_enquiry: bool) -> bool:
    if owner is None:
        return False
    rep = desk.plan.reps.get(owner.rep)
    return rep is not None and rep.active and (desk.plan.keep_owner or not new_enquiry)


def _waits_for_enquiry(state: RouteState, lead: Lead) -> bool:
    """A lead that was given back, with nobody else to take it, is offered again once it enquires again."""
    return state.owner is None and state.released_at is not None and lead.origin.captured_at <= state.released_at


def _parked(state: RouteState, lead: Lead, why: Parking, desk: Desk) -> RouteState:
    """Without an owner; where there was one, who has left or whose it need not stay, that is said."""
    return park(state, lead, why, desk) if state.owner is None else release(state, why, desk)


def on_contact(state: RouteState, at: datetime, desk: Desk) -> RouteState:
    """A person contacted the lead at `at`. The same state comes back when that changes nothing."""
    state = _with_last_contact(state, at)
    clock = state.clock
    if clock is None:
        return state
    after = sla.with_contact(clock, at)
    if after is clock:
        return state
    if after.verdict != clock.verdict:
        desk.tell_contacted(after, desk.owner(state))
    if clock.contacted_at is None:
        desk.forget(SLA_TIMER)
    return state.changed(clock=after)


def _with_last_contact(state: RouteState, at: datetime) -> RouteState:
    if at in state.contacts:
        return state
    if state.clock is None:
        contacts = list(state.contacts)
        insort(contacts, at)
        return state.changed(contacts=tuple(contacts[-CONTACTS:]))
    last = state.contacts[-1] if state.contacts else at
    return state.changed(contacts=(at,)) if at >= last else state


def on_outcome(state: RouteState, event: OutcomeRecorded, desk: Desk) -> RouteState:
    """The CRM or a rep reports a step of the sale. The same state comes back when that changes nothing."""
    outcome, occurred_at, contacted = event.data, happened_at(event), contact_at(event)
    if contacted is not None:
        state = on_contact(state, contacted, desk)
    if outcome.outcome == "lost":
        return _lost(state, occurred_at, desk)
    if outcome.outcome not in ("accepted", "returned"):
        return state
    mark = blake2b(outcome.outcome_id.encode(), digest_size=6).hexdigest()
    if mark in state.seen:
        return state
    state = state.changed(seen=(*state.seen[1 - REMEMBERED :], mark))
    report = Waiting(kind=outcome.outcome, rep=outcome.rep, reason=outcome.reason, occurred_at=occurred_at, at=desk.now)
    if state.home is None:
        return state.changed(waiting=(*state.waiting, report)[:WAITING])
    return _concerning_owner(state, report, desk)


def _lost(state: RouteState, at: datetime, desk: Desk) -> RouteState:
    """Nobody needs to hurry any more."""
    if state.lost_at is not None and state.lost_at >= at:
        return state
    desk.forget(SLA_TIMER, UNTOUCHED_TIMER)
    return state.changed(lost_at=at)


def _concerning_owner(state: RouteState, report: Waiting, desk: Desk) -> RouteState:
    owner = state.owner
    if owner is not None:
        # A report that waited for the owner is decided as of then.
        desk = replace(desk, now=max(report.at, owner.since))
    if report.kind == "returned":
        return _returned(state, report, desk)
    if owner is None or state.accepted or state.clock is None:
        return state
    rep = desk.plan.reps.get(report.rep or owner.rep)
    desk.tell_clock(LeadAccepted, state.clock, "owned", report.occurred_at, rep)
    return state.changed(accepted=True)


def _returned(state: RouteState, report: Waiting, desk: Desk) -> RouteState:
    """The owner gave the lead back: the next one gets it, and not that one again."""
    owner, lead = state.owner, state.lead
    rep = report.rep or (owner.rep if owner else None)
    if rep is not None:
        state = without(state, rep)
    state = state.changed(released_at=max(report.occurred_at, state.released_at or report.occurred_at))
    if owner is None or rep != owner.rep or lead is None:
        return state
    placed = route_again(state, desk, frozenset(state.excluded))
    if placed is None and lead.origin.captured_at > report.occurred_at:
        return state  # It has enquired again since; an owner who gave it back is better than none.
    name = desk.plan.reps[rep].name if rep in desk.plan.reps else rep
    why = Parking("returned", f"Returned by {name}: {report.reason or 'no reason given'}")
    if placed is None:
        return release(state, replace(why, reason=f"{why.reason}; nobody else can take it → parked"), desk)
    desk.tell_parked(LeadRecycled, lead, why)
    return reassign(state, placed, desk, why.reason)
