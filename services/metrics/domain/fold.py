"""Folds events into the ledger, so that any interleaving of the topics gives the same ledger.

Times keep the earliest, counts add up, and what has a latest value (band, owner, clocks, deal value) is written
by one topic only, whose order per lead is fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from services.metrics.domain.ledger import Ledger
from services.metrics.domain.sla_clocks import cancelled, opened, settled

Updates = dict[str, Any]

_BLANK = Ledger()

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
    """Takes `event` into the ledger.

    Returns:
        The new ledger; `ledger` itself when the event tells nothing new; None when it is a repeat of something that
        was counted already.

    Raises:
        TypeError: no lead's ledger is about such an event.
    """
    before = ledger if ledger is not None else _BLANK
    update = _UPDATES.get(type(event))
    if update is None:
        raise TypeError(f"the ledger takes no {type(event).__name__}")
    updates = update(before, event)
    if updates is None:
        return None
    if _MODES[event.mode] > _MODES[before.mode]:
        updates["mode"] = event.mode
    if before is ledger and all(getattr(before, field) == value for field, value in updates.items()):
        return ledger
    return before.replace(**updates)


def _captured(before: Ledger, event: LeadCaptured) -> Updates | None:
    counted = _counted(before, "submissions", event.data.origin.submission_id)
    return None if counted is None else counted | _began(before, event.data.origin)


def _planned(before: Ledger, event: SequencePlanned | SequenceStopped) -> Updates:
    return _began(before, event.data.origin)


def _began(before: Ledger, origin: Origin | None) -> Updates:
    """Says where and when the lead first came in, by any event that still carries it."""
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


def _signalled(before: Ledger, event: SignalRecorded) -> Updates | None:
    return _counted(before, "signals", event.data.signal_id)


def _enriched(before: Ledger, event: LeadEnriched) -> Updates:
    return _began(before, event.data.origin) | _earliest(before, "enriched_at", event.time)


def _scored(before: Ledger, event: LeadScored) -> Updates:
    scored = event.data
    updates = _began(before, scored.origin) | _earliest(before, "scored_at", event.time)
    if scored.qualification == "mql":
        updates |= _earliest(before, "mql_at", event.time)
    return updates | {
        "first_band": before.first_band or scored.band,
        "band": scored.band,
        "qualification": scored.qualification,
    }


def _assigned(before: Ledger, event: LeadAssigned | LeadReassigned) -> Updates:
    assignment: Assignment = event.data
    updates = _began(before, assignment.origin) | _earliest(before, "assigned_at", event.time)
    if event.mode == "live":
        updates["clocks"] = opened(before.clocks, assignment)
    return updates | {"team": assignment.team, "rep": assignment.rep}


def _released(before: Ledger, event: LeadParked | LeadRecycled) -> Updates:
    released = {"team": None, "rep": None, "clocks": cancelled(before.clocks)}
    return _began(before, event.data.origin) | released


def _accepted(before: Ledger, event: LeadAccepted) -> Updates:
    return _began(before, event.data.origin) | _earliest(before, "accepted_at", event.data.at)


def _escalated(before: Ledger, event: LeadEscalated) -> Updates:
    return _began(before, event.data.origin) | {"escalations": before.escalations + 1}


def _sla_settled(before: Ledger, event: SlaMet | SlaBreached) -> Updates:
    return _began(before, event.data.origin) | {"clocks": settled(before.clocks, event)}


def _touched(before: Ledger, event: TouchRecorded) -> Updates | None:
    updates = _began(before, event.data.origin)
    if event.status != "sent":
        return updates
    counted = _counted(before, "touches", event.data.touch_id)
    if counted is None:
        return None
    if event.data.human:
        return updates | counted | _contacted(before, event)
    return updates | counted | _earliest(before, "touched_at", happened_at(event))


def _contacted(before: Ledger, event: TouchRecorded | OutcomeRecorded) -> Updates:
    at = contact_at(event)
    return {} if at is None else _earliest(before, "contacted_at", at)


def _outcome(before: Ledger, event: OutcomeRecorded) -> Updates:
    outcome, updates = event.data, _contacted(before, event)
    stage = _STAGE_OF.get(outcome.outcome)
    if stage is not None:
        updates |= _earliest(before, stage, happened_at(event))
    won = outcome.outcome == "won"
    if outcome.value is not None and (won or not before.value_won):
        updates |= {"value": as_money(outcome.value), "currency": outcome.currency, "value_won": won}
    return updates


def _earliest(before: Ledger, field: str, at: datetime) -> Updates:
    known: datetime | None = getattr(before, field)
    return {field: at} if known is None or at < known else {}


def _counted(before: Ledger, field: str, identity: str) -> Updates | None:
    """Counts one more, unless this id was counted lately."""
    seen: tuple[str, ...] = getattr(before, f"seen_{field}")
    mark = blake2b(identity.encode(), digest_size=6).hexdigest()
    if mark in seen:
        return None
    return {field: getattr(before, field) + 1, f"seen_{field}": (*seen[1 - REMEMBERED :], mark)}


_UPDATES: Mapping[type[Event], Callable[[Ledger, Any], Updates | None]] = {
    LeadCaptured: _captured,
    SignalRecorded: _signalled,
    LeadEnriched: _enriched,
    LeadScored: _scored,
    LeadAssigned: _assigned,
    LeadReassigned: _assigned,
    LeadParked: _released,
    LeadRecycled: _released,
    LeadAccepted: _accepted,
    LeadEscalated: _escalated,
    SlaMet: _sla_settled,
    SlaBreached: _sla_settled,
    TouchRecorded: _touched,
    SequencePlanned: _planned,
    SequenceStopped: _planned,
    OutcomeRecorded: _outcome,
}
"""Kind of event → what it changes in a ledger; None when it was counted already."""
