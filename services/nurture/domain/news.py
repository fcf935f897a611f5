"""What signals, outcomes, touches by a person and scores mean for a lead's plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from policy import StopCondition
from policy.contact import contact_at, happened_at
from schemas.events import OutcomeKind, OutcomeRecorded, Scored, SignalRecorded, TouchRecorded
from schemas.events.signals import SignalType
from services.nurture.domain.result import Moment, Result
from services.nurture.domain.state import NurtureState, with_facts, with_return, with_stop
from services.nurture.domain.steer import steer

SIGNALS: Mapping[SignalType, StopCondition] = {
    "email_reply": "reply",
    "linkedin_reply": "reply",
    "chat": "reply",
    "call": "reply",
    "meeting": "meeting",
    "unsubscribe": "unsubscribe",
}
"""Signals that can stop a sequence. Who calls or chats is talking to us: that is an answer too."""

OUTCOMES: Mapping[OutcomeKind, tuple[StopCondition, ...]] = {
    "meeting": ("meeting", "outcome"),
    "sql": ("outcome",),
    "opportunity": ("outcome",),
    "quote_sent": ("outcome",),
    "signed": ("outcome",),
    "paid": ("outcome",),
    "won": ("outcome",),
    "lost": ("outcome",),
}
"""Outcomes that can stop a sequence, besides as contact; `returned` holds it, `accepted` lets it be."""


def on_scored(state: NurtureState, told: Scored, at: datetime, moment: Moment) -> Result:
    """Remembers who the lead is now; a disqualification stops."""
    known = with_facts(state, told)
    if told.qualification == "disqualified":
        known = with_stop(known, "disqualified", at)
    return steer(known, moment)


def on_signal(state: NurtureState, event: SignalRecorded, moment: Moment) -> Result:
    """Stops on what the lead did, if that stops anything."""
    condition = SIGNALS.get(event.data.signal)
    if condition is None:
        return Result(state, dropped="stops_nothing")
    return steer(with_stop(state, condition, happened_at(event)), moment)


def on_outcome(state: NurtureState, event: OutcomeRecorded, moment: Moment) -> Result:
    """Stops or holds on what became of the lead."""
    outcome, at = event.data.outcome, happened_at(event)
    if outcome == "returned":
        return steer(with_return(state, at), moment)
    conditions = OUTCOMES.get(outcome, ())
    if contact_at(event) is not None:
        conditions = (*conditions, "human_touch")
    for condition in conditions:
        state = with_stop(state, condition, at)
    return steer(state, moment) if conditions else Result(state, dropped="stops_nothing")


def on_touch(state: NurtureState, event: TouchRecorded, moment: Moment) -> Result:
    """Stops when a person has been in touch; what this service has sent itself it knows already."""
    contacted = contact_at(event)
    if contacted is None:
        return Result(state, dropped="no_contact_by_a_person")
    return steer(with_stop(state, "human_touch", contacted), moment)
