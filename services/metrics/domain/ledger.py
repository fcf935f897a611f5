"""What the ledger remembers of one lead. Nothing in it names a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Aware, LeadId, Mode, State
from schemas.events import Band, Qualification, SlaKind

ClockStatus = Literal["open", "met", "breached", "cancelled"]
ClockKey = tuple[str, SlaKind, datetime]
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


class Clock(State, frozen=True, kw_only=True):
    """One SLA deadline of one submission, counted from `started_at`.

    A submission has another clock when its lead was parked, and qualified again by what it did later.
    """

    sla: SlaKind
    submission_id: str
    channel: str
    captured_at: Aware
    started_at: Aware
    deadline: Aware
    status: ClockStatus = "open"
    band: Band
    team: str | None = None
    rep: str | None = None
    seconds: Annotated[float | None, Meta(description="From `started_at` to the result; None while open.")] = None

    @property
    def key(self) -> ClockKey:
        """What tells a lead's clocks apart."""
        return (self.submission_id, self.sla, self.started_at)


class Ledger(State, frozen=True, kw_only=True):
    """One lead's way through the funnel. Times are business times; each is the earliest that an event gave."""

    lead_id: LeadId
    mode: Annotated[Mode, Meta(description="`live` once a live event was seen, else `history`.")] = "shadow"

    captured_at: Aware | None = None
    first_submission: Annotated[str | None, Meta(description="The submission the lead began with.")] = None
    channel: Annotated[str | None, Meta(description="Channel of the first submission.")] = None
    source: str | None = None

    enriched_at: Aware | None = None
    scored_at: Aware | None = None
    mql_at: Aware | None = None
    first_band: Band | None = None
    band: Annotated[Band | None, Meta(description="The latest band.")] = None
    qualification: Qualification | None = None

    assigned_at: Aware | None = None
    accepted_at: Aware | None = None
    team: str | None = None
    rep: Annotated[str | None, Meta(description="The present owner; None when parked or given back.")] = None
    escalations: int = 0
    clocks: tuple[Clock, ...] = ()

    touched_at: Aware | None = None
    contacted_at: Aware | None = None
    meeting_at: Aware | None = None
    sql_at: Aware | None = None
    opportunity_at: Aware | None = None
    won_at: Aware | None = None
    lost_at: Aware | None = None
    value: Annotated[Decimal | None, Meta(description="Of the won deal, else as last reported.")] = None
    currency: str | None = None
    value_won: bool = False

    submissions: int = 0
    signals: int = 0
    touches: Annotated[int, Meta(description="Contact attempts that were sent or made.")] = 0

    seen_submissions: tuple[str, ...] = ()
    seen_signals: tuple[str, ...] = ()
    seen_touches: tuple[str, ...] = ()
