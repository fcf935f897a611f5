"""What counts as contact with a lead, and when: the same for deadlines, the funnel and sequences."""

from __future__ import annotations

from datetime import datetime

from schemas.events import OutcomeKind, OutcomeRecorded, SignalRecorded, TouchRecorded

CONTACT_OUTCOMES: frozenset[OutcomeKind] = frozenset(
    ("contacted", "meeting", "sql", "opportunity", "quote_sent", "signed", "paid", "won")
)
"""Outcomes that nobody reaches without a person having spoken with the lead.

`accepted` is none: who takes a lead on has not spoken with it yet. Nor are `lost` and `returned`, which a rep may say
of a lead without ever having called.
"""


def happened_at(event: SignalRecorded | TouchRecorded | OutcomeRecorded) -> datetime:
    """Returns when what the event tells of happened.

    Nothing happens after it was recorded: a reporter's fast clock must not keep or break a deadline, stop what begins
    later, or age everything else the lead did.
    """
    return min(event.data.occurred_at, event.time)


def contact_at(event: TouchRecorded | OutcomeRecorded) -> datetime | None:
    """Returns when a person was in contact with the lead, by what the event tells; None when it tells of no contact.

    That is a touch a person made, or an outcome that takes one. What is sent automatically is no contact.
    """
    if isinstance(event, TouchRecorded):
        is_contact = event.data.human and event.status == "sent"
    else:
        is_contact = event.data.outcome in CONTACT_OUTCOMES
    return happened_at(event) if is_contact else None
