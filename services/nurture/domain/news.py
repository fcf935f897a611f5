"""What signals, outcomes, scores and kept deadlines mean for a lead's plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from schemas.events import Outcome, OutcomeKind, Scored, Signal, SlaResult
from schemas.events.signals import SignalType
from schemas.policy import StopCondition
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
    "contacted": ("human_touch",),
    "meeting": ("meeting", "outcome"),
    "sql": ("outcome",),
    "opportunity": ("outcome",),
    "quote_sent": ("outcome",),
    "signed": ("outcome",),
    "paid": ("outcome",),
    "won": ("outcome",),
    "lost": ("outcome",),
}
"""Outcomes that can stop a sequence; `returned` holds it, `accepted` lets it be."""


def on_scored(state: NurtureState, told: Scored, at: datetime, moment: Moment) -> Result:
    """Remembers who the lead is now; a disqualification stops."""
    known = with_facts(state, told)
    if told.qualification == "disqualified":
        known = with_stop(known, "disqualified", at)
    return steer(known, moment)


def on_signal(state: NurtureState, signal: Signal, recorded_at: datetime, moment: Moment) -> Result:
    """Stops on what the lead did, if that stops anything."""
    condition = SIGNALS.get(signal.signal)
    if condition is None:
        return Result(state, dropped="stops_nothing")
    return steer(with_stop(state, condition, _happened(signal.occurred_at, recorded_at)), moment)


def on_outcome(state: NurtureState, outcome: Outcome, recorded_at: datetime, moment: Moment) -> Result:
    """Stops or holds on what became of the lead."""
    at = _happened(outcome.occurred_at, recorded_at)
    if outcome.outcome == "returned":
        return steer(with_return(state, at), moment)
    conditions = OUTCOMES.get(outcome.outcome, ())
    for condition in conditions:
        state = with_stop(state, condition, at)
    return steer(state, moment) if conditions else Result(state, dropped="stops_nothing")


def on_sla_met(state: NurtureState, told: SlaResult, moment: Moment) -> Result:
    """The contact clock is stopped by a person only: the owner has been in touch."""
    if told.sla != "contacted":
        return Result(state, dropped="stops_nothing")
    return steer(with_stop(state, "human_touch", told.at), moment)


def _happened(moment: datetime, recorded_at: datetime) -> datetime:
    """Nothing happens after it was recorded: a channel's fast clock must not stop what begins later."""
    return min(moment, recorded_at)
