"""What a score, a contact and an outcome change."""

from __future__ import annotations

from bisect import insort
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from policy.contact import contact_at, happened_at
from schemas.events import LeadAccepted, LeadRecycled, OutcomeRecorded, Scored
from services.route.domain import sla
from services.route.domain.decision_builder import SLA_TIMER, UNTOUCHED_TIMER, DecisionBuilder, why_disqualified
from services.route.domain.ownership import assign, park, reassign, release, route, route_again, without
from services.route.domain.selection import Parking
from services.route.domain.state import (
    CONTACTS_KEPT,
    OUTCOMES_KEPT,
    PENDING_KEPT,
    Owner,
    PendingOutcome,
    RouteState,
    ScoredSnapshot,
)


def on_scored(state: RouteState, scored: Scored, builder: DecisionBuilder) -> RouteState:
    """Takes the new score in; gives the lead an owner if it has none and should have one."""
    lead, known = ScoredSnapshot.of(scored), state.lead
    new_enquiry = known is None or known.origin.submission_id != lead.origin.submission_id
    state = state.changed(lead=lead)
    if _keeps_owner(state.owner, builder, new_enquiry=new_enquiry) or _waits_for_enquiry(state, lead):
        return state
    chosen = route(state, lead, builder, why_disqualified(scored))
    if isinstance(chosen, Parking):
        return _park_or_release(state, lead, chosen, builder)
    state = assign(state, lead, chosen, builder, new_enquiry=new_enquiry)
    if state.pending:
        pending, state = state.pending, state.changed(pending=())
        for each in pending:
            state = _concerning_owner(state, each, builder)
    return state


def _keeps_owner(owner: Owner | None, builder: DecisionBuilder, *, new_enquiry: bool) -> bool:
    if owner is None:
        return False
    rep = builder.routing.reps.get(owner.rep)
    return rep is not None and rep.active and (builder.routing.keep_owner or not new_enquiry)


def _waits_for_enquiry(state: RouteState, lead: ScoredSnapshot) -> bool:
    """Returns a lead that was given back, with nobody else to take it, is offered again once it enquires again."""
    return state.owner is None and state.released_at is not None and lead.origin.captured_at <= state.released_at


def _park_or_release(state: RouteState, lead: ScoredSnapshot, why: Parking, builder: DecisionBuilder) -> RouteState:
    """Without an owner; where there was one, who has left or whose it need not stay, that is emitted."""
    return park(state, lead, why, builder) if state.owner is None else release(state, why, builder)


def on_contact(state: RouteState, at: datetime, builder: DecisionBuilder) -> RouteState:
    """Returns a person contacted the lead at `at`. The same state comes back when that changes nothing."""
    state = _with_last_contact(state, at)
    clock = state.clock
    if clock is None:
        return state
    after = sla.with_contact(clock, at)
    if after is clock:
        return state
    if after.status != clock.status:
        builder.emit_contacted(after, builder.owner(state))
    if clock.contacted_at is None:
        builder.cancel_timers(SLA_TIMER)
    return state.changed(clock=after)


def _with_last_contact(state: RouteState, at: datetime) -> RouteState:
    if at in state.contacts:
        return state
    if state.clock is None:
        contacts = list(state.contacts)
        insort(contacts, at)
        return state.changed(contacts=tuple(contacts[-CONTACTS_KEPT:]))
    last = state.contacts[-1] if state.contacts else at
    return state.changed(contacts=(at,)) if at >= last else state


def on_outcome(state: RouteState, event: OutcomeRecorded, builder: DecisionBuilder) -> RouteState:
    """Returns the CRM or a rep reports a step of the sale. The same state comes back when that changes nothing."""
    outcome, occurred_at, contacted = event.data, happened_at(event), contact_at(event)
    if contacted is not None:
        state = on_contact(state, contacted, builder)
    if outcome.outcome == "lost":
        return _lost(state, occurred_at, builder)
    if outcome.outcome not in ("accepted", "returned"):
        return state
    mark = blake2b(outcome.outcome_id.encode(), digest_size=6).hexdigest()
    if mark in state.outcomes_seen:
        return state
    state = state.changed(outcomes_seen=(*state.outcomes_seen[1 - OUTCOMES_KEPT :], mark))
    pending = PendingOutcome(
        kind=outcome.outcome, rep=outcome.rep, reason=outcome.reason, occurred_at=occurred_at, at=builder.now
    )
    if state.routed_by is None:
        return state.changed(pending=(*state.pending, pending)[:PENDING_KEPT])
    return _concerning_owner(state, pending, builder)


def _lost(state: RouteState, at: datetime, builder: DecisionBuilder) -> RouteState:
    """Nobody needs to hurry any more."""
    if state.lost_at is not None and state.lost_at >= at:
        return state
    builder.cancel_timers(SLA_TIMER, UNTOUCHED_TIMER)
    return state.changed(lost_at=at)


def _concerning_owner(state: RouteState, pending: PendingOutcome, builder: DecisionBuilder) -> RouteState:
    owner = state.owner
    if owner is not None:
        # An outcome that waited for the owner is decided as of then.
        builder = replace(builder, now=max(pending.at, owner.since))
    if pending.kind == "returned":
        return _returned(state, pending, builder)
    if owner is None or state.accepted or state.clock is None:
        return state
    rep = builder.routing.reps.get(pending.rep or owner.rep)
    builder.emit_sla(LeadAccepted, state.clock, "owned", pending.occurred_at, rep)
    return state.changed(accepted=True)


def _returned(state: RouteState, pending: PendingOutcome, builder: DecisionBuilder) -> RouteState:
    """Returns the owner gave the lead back: the next one gets it, and not that one again."""
    owner, lead = state.owner, state.lead
    rep = pending.rep or (owner.rep if owner else None)
    if rep is not None:
        state = without(state, rep)
    state = state.changed(released_at=max(pending.occurred_at, state.released_at or pending.occurred_at))
    if owner is None or rep != owner.rep or lead is None:
        return state
    placed = route_again(state, builder, frozenset(state.excluded))
    if placed is None and lead.origin.captured_at > pending.occurred_at:
        return state  # It has enquired again since; an owner who gave it back is better than none.
    name = builder.routing.reps[rep].name if rep in builder.routing.reps else rep
    why = Parking("returned", f"Returned by {name}: {pending.reason or 'no reason given'}")
    if placed is None:
        return release(state, replace(why, reason=f"{why.reason}; nobody else can take it → parked"), builder)
    builder.emit_parked(LeadRecycled, lead, why)
    return reassign(state, placed, builder, why.reason)
