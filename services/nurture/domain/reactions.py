"""What signals, outcomes, touches by a person and scores mean for a lead's plan."""

from __future__ import annotations

from datetime import datetime

from policy.contact import contact_at, happened_at
from schemas.events import OutcomeRecorded, Scored, SignalRecorded, TouchRecorded
from services.nurture.domain.reconcile import reconcile
from services.nurture.domain.state import NurtureState, with_facts, with_return, with_stop
from services.nurture.domain.update import DecisionContext, LeadUpdate


def on_scored(state: NurtureState, scored: Scored, at: datetime, context: DecisionContext) -> LeadUpdate:
    """Remembers who the lead is now; a disqualification stops."""
    known = with_facts(state, scored)
    if scored.qualification == "disqualified":
        known = with_stop(known, "disqualified", at)
    return reconcile(known, context)


def on_signal(state: NurtureState, event: SignalRecorded, context: DecisionContext) -> LeadUpdate:
    """Stops on what the lead did, if that stops anything."""
    condition = context.policy.nurture.stops.signals.get(event.data.signal)
    if condition is None:
        return LeadUpdate(state, dropped="stops_nothing")
    return reconcile(with_stop(state, condition, happened_at(event)), context)


def on_outcome(state: NurtureState, event: OutcomeRecorded, context: DecisionContext) -> LeadUpdate:
    """Stops or holds on what became of the lead."""
    outcome, at = event.data.outcome, happened_at(event)
    if outcome == "returned":
        return reconcile(with_return(state, at), context)
    conditions = context.policy.nurture.stops.outcomes.get(outcome, ())
    if contact_at(event) is not None:
        conditions = (*conditions, "human_touch")
    for condition in conditions:
        state = with_stop(state, condition, at)
    return reconcile(state, context) if conditions else LeadUpdate(state, dropped="stops_nothing")


def on_touch(state: NurtureState, event: TouchRecorded, context: DecisionContext) -> LeadUpdate:
    """Stops when a person has been in touch; what this service has sent itself it knows already."""
    contacted = contact_at(event)
    if contacted is None:
        return LeadUpdate(state, dropped="no_contact_by_a_person")
    return reconcile(with_stop(state, "human_touch", contacted), context)
