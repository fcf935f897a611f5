"""What the ledger remembers of one lead. Nothing in it names a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.base import LeadId, Mode, Record
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
    status: SlaStatus = "open"
    band: Band
    team: str | None = None
    rep: str | None = None
    seconds: float | None = Field(default=None, description="From `started_at` to the result; None while open.")

    @property
    def key(self) -> SlaClockKey:
        """What tells a lead's clocks apart."""
        return (self.submission_id, self.sla, self.started_at)


class Ledger(Record):
    """One lead's way through the funnel. Times are business times; each is the earliest that an event gave."""

    lead_id: LeadId
    mode: Mode = Field(default="shadow", description="`live` once a live event was seen, else `history`.")

    captured_at: AwareDatetime | None = None
    first_submission: str | None = Field(default=None, description="The submission the lead began with.")
    channel: str | None = Field(default=None, description="Channel of the first submission.")
    source: str | None = None

    enriched_at: AwareDatetime | None = None
    scored_at: AwareDatetime | None = None
    mql_at: AwareDatetime | None = None
    first_band: Band | None = None
    band: Band | None = Field(default=None, description="The latest band.")
    qualification: Qualification | None = None

    assigned_at: AwareDatetime | None = None
    accepted_at: AwareDatetime | None = None
    team: str | None = None
    rep: str | None = Field(default=None, description="The present owner; None when parked or given back.")
    escalations: int = 0
    clocks: tuple[SlaClock, ...] = ()

    touched_at: AwareDatetime | None = None
    contacted_at: AwareDatetime | None = None
    meeting_at: AwareDatetime | None = None
    sql_at: AwareDatetime | None = None
    opportunity_at: AwareDatetime | None = None
    won_at: AwareDatetime | None = None
    lost_at: AwareDatetime | None = None
    value: Decimal | None = Field(default=None, description="Of the won deal, else as last reported.")
    currency: str | None = None
    value_won: bool = False

    submissions: int = 0
    signals: int = 0
    touches: int = Field(default=0, description="Contact attempts that were sent or made.")

    seen_submissions: tuple[str, ...] = ()
    seen_signals: tuple[str, ...] = ()
    seen_touches: tuple[str, ...] = ()
