"""Folds events into the ledger, so that any interleaving of the topics gives the same ledger.

Times keep the earliest, counts add up, and what has a latest value (band, owner, clocks, deal value) is written
by one topic only, whose order per lead is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from policy.contact import contact_at, happened_at
from schemas.base import Event, Mode, as_money
from schemas.events import (
    Assignment,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadEnriched,
    LeadEscalated,
    LeadParked,
    LeadReassigned,
    LeadRecycled,
    LeadScored,
    Origin,
    OutcomeKind,
    OutcomeRecorded,
    SequencePlanned,
    SequenceStopped,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    TouchRecorded,
)
from services.metrics.domain.clocks import cancelled, opened, settled
from services.metrics.domain.ledger import Ledger

Changes = dict[str, Any]

REMEMBERED = 32
"""How many ids of each kind a lead keeps, to count a repeated signal, touch or submission once."""

_MODES: Mapping[Mode, int] = {"shadow": 0, "history": 1, "live": 2}
_STAGE_OF: Mapping[OutcomeKind, str] = {
    "meeting": "meeting_at",
    "sql": "sql_at",
    "opportunity": "opportunity_at",
    "won": "won_at",
    "lost": "lost_at",
}


def fold(ledger: Ledger | None, event: Event) -> Ledger | None:
    """The ledger with `event` taken in; None when it is a repeat of something counted already.

    Raises:
        TypeError: no lead's ledger is about such an event.
    """
    before = ledger if ledger is not None else Ledger(lead_id=event.lead_id)
    changes = _changes(before, event)
    if changes is None:
        return None
    if _MODES[event.mode] > _MODES[before.mode]:
        changes["mode"] = event.mode
    return before.model_copy(update=changes)


def _changes(before: Ledger, event: Event) -> Changes | None:  # noqa: C901, PLR0911, PLR0912  # one line per kind of event
    match event:
        case LeadCaptured():
            return _captured(before, event)
        case SignalRecorded():
            return _counted(before, "signals", event.data.signal_id)
        case LeadEnriched():
            return _began(before, event.data.origin) | _earliest(before, "enriched_at", event.time)
        case LeadScored():
            return _scored(before, event)
        case LeadAssigned() | LeadReassigned():
            return _assigned(before, event)
        case LeadParked() | LeadRecycled():
            released = {"team": None, "rep": None, "clocks": cancelled(before.clocks)}
            return _began(before, event.data.origin) | released
        case LeadAccepted():
            return _began(before, event.data.origin) | _earliest(before, "accepted_at", event.data.at)
        case LeadEscalated():
            return _began(before, event.data.origin) | {"escalations": before.escalations + 1}
        case SlaMet() | SlaBreached():
            return _began(before, event.data.origin) | {"clocks": settled(before.clocks, event)}
        case TouchRecorded():
            return _touched(before, event)
        case SequencePlanned() | SequenceStopped():
            return _began(before, event.data.origin)
        case OutcomeRecorded():
            return _outcome(before, event)
        case _:
            raise TypeError(f"the ledger takes no {type(event).__name__}")


def _captured(before: Ledger, event: LeadCaptured) -> Changes | None:
    counted = _counted(before, "submissions", event.data.origin.submission_id)
    return None if counted is None else counted | _began(before, event.data.origin)


def _began(before: Ledger, origin: Origin | None) -> Changes:
    """Where and when the lead first came in, by any event that still carries it."""
    if origin is None:
        return {}
    first = (before.captured_at, before.first_submission)
    if first[0] is not None and first <= (origin.captured_at, origin.submission_id):
        return {}
    return {
        "captured_at": origin.captured_at,
        "first_submission": origin.submission_id,
        "channel": origin.channel,
        "source": origin.source,
    }


def _scored(before: Ledger, event: LeadScored) -> Changes:
    scored = event.data
    changes = _began(before, scored.origin) | _earliest(before, "scored_at", event.time)
    if scored.qualification == "mql":
        changes |= _earliest(before, "mql_at", event.time)
    return changes | {
        "first_band": before.first_band or scored.band,
        "band": scored.band,
        "qualification": scored.qualification,
    }


def _assigned(before: Ledger, event: LeadAssigned | LeadReassigned) -> Changes:
    assignment: Assignment = event.data
    changes = _began(before, assignment.origin) | _earliest(before, "assigned_at", event.time)
    if event.mode == "live":
        changes["clocks"] = opened(before.clocks, assignment)
    return changes | {"team": assignment.team, "rep": assignment.rep}


def _touched(before: Ledger, event: TouchRecorded) -> Changes | None:
    changes = _began(before, event.data.origin)
    if event.status != "sent":
        return changes
    counted = _counted(before, "touches", event.data.touch_id)
    if counted is None:
        return None
    if event.data.human:
        return changes | counted | _contacted(before, event)
    return changes | counted | _earliest(before, "touched_at", happened_at(event))


def _contacted(before: Ledger, event: TouchRecorded | OutcomeRecorded) -> Changes:
    at = contact_at(event)
    return {} if at is None else _earliest(before, "contacted_at", at)


def _outcome(before: Ledger, event: OutcomeRecorded) -> Changes:
    outcome, changes = event.data, _contacted(before, event)
    stage = _STAGE_OF.get(outcome.outcome)
    if stage is not None:
        changes |= _earliest(before, stage, happened_at(event))
    won = outcome.outcome == "won"
    if outcome.value is not None and (won or not before.value_won):
        changes |= {"value": as_money(outcome.value), "currency": outcome.currency, "value_won": won}
    return changes


def _earliest(before: Ledger, field: str, at: datetime) -> Changes:
    known: datetime | None = getattr(before, field)
    return {field: at} if known is None or at < known else {}


def _counted(before: Ledger, field: str, identity: str) -> Changes | None:
    """One more, unless this id was counted lately."""
    seen: tuple[str, ...] = getattr(before, f"seen_{field}")
    mark = blake2b(identity.encode(), digest_size=6).hexdigest()
    if mark in seen:
        return None
    return {field: getattr(before, field) + 1, f"seen_{field}": (*seen[1 - REMEMBERED :], mark)}
