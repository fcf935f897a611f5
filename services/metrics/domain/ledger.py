"""What the ledger remembers of one lead. Nothing in it names a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from operator import eq, is_
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Mode, Record
from schemas.events import Band, Qualification, SlaKind

SlaStatus = Literal["open", "met", "breached", "cancelled"]
SlaClockKey = tuple[str, SlaKind, datetime]
"""Submission, kind, start."""

STAGES = (
    "captured",
    "enriched",
    "scored",
    "mql",
    "assigned",
    "touched",
    "contacted",
    "meeting",
    "sql",
    "opportunity",
    "won",
    "lost",
)
"""The funnel, in order. `touched` is the first automatic message, `contacted` the first time a person spoke to
them. A lead is in a stage when an event said so: nothing is inferred from a later stage."""


def _default(value: object = None, description: str | None = None) -> Any:
    """A field that is not written while it has this value: most of a young lead's have."""
    at_default = partial(is_, None) if value is None else partial(eq, value)
    return Field(default=value, description=description, exclude_if=at_default)


class SlaClock(Record):
    """One SLA deadline of one submission, counted from `started_at`.

    A submission has another clock when its lead was parked, and qualified again by what it did later.
    """

    sla: SlaKind
    submission_id: str
    channel: str
    captured_at: AwareDatetime
    started_at: AwareDatetime
    deadline: AwareDatetime
    status: SlaStatus = _default("open")
    band: Band
    team: str | None = _default()
    rep: str | None = _default()
    seconds: float | None = _default(description="From `started_at` to the result; None while open.")

    @property
    def key(self) -> SlaClockKey:
        """What tells a lead's clocks apart."""
        return (self.submission_id, self.sla, self.started_at)


class Ledger(Record):
    """One lead's way through the funnel. Times are business times; each is the earliest that an event gave."""

    mode: Mode = Field(default="shadow", description="`live` once a live event was seen, else `history`.")

    captured_at: AwareDatetime | None = _default()
    first_submission: str | None = _default(description="The submission the lead began with.")
    channel: str | None = _default(description="Channel of the first submission.")
    source: str | None = _default()

    enriched_at: AwareDatetime | None = _default()
    scored_at: AwareDatetime | None = _default()
    mql_at: AwareDatetime | None = _default()
    first_band: Band | None = _default()
    band: Band | None = _default(description="The latest band.")
    qualification: Qualification | None = _default()

    assigned_at: AwareDatetime | None = _default()
    accepted_at: AwareDatetime | None = _default()
    team: str | None = _default()
    rep: str | None = _default(description="The present owner; None when parked or given back.")
    escalations: int = _default(0)
    clocks: tuple[SlaClock, ...] = _default(())

    touched_at: AwareDatetime | None = _default()
    contacted_at: AwareDatetime | None = _default()
    meeting_at: AwareDatetime | None = _default()
    sql_at: AwareDatetime | None = _default()
    opportunity_at: AwareDatetime | None = _default()
    won_at: AwareDatetime | None = _default()
    lost_at: AwareDatetime | None = _default()
    value: Decimal | None = _default(description="Of the won deal, else as last reported.")
    currency: str | None = _default()
    value_won: bool = _default(value=False)

    submissions: int = _default(0)
    signals: int = _default(0)
    touches: int = _default(0, "Contact attempts that were sent or made.")

    seen_submissions: tuple[str, ...] = _default(())
    seen_signals: tuple[str, ...] = _default(())
    seen_touches: tuple[str, ...] = _default(())
