"""`leads.signals`: what leads did."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, Moment, Record, Text

SignalType = Literal[
    "page_view",
    "pricing_visit",
    "demo_request",
    "download",
    "form_submission",
    "email_open",
    "email_click",
    "email_reply",
    "linkedin_reply",
    "chat",
    "call",
    "meeting",
    "event_attendance",
    "product_usage",
    "unsubscribe",
]


class Signal(Record, frozen=True, kw_only=True):
    """One thing a lead did."""

    signal_id: Annotated[Text, Meta(description="The channel's id for it; a repeat is the same signal.")]
    signal: SignalType
    channel: Code
    occurred_at: Moment
    detail: Annotated[Text | None, Meta(description="Page path, asset or campaign; nothing personal.")] = None


class SignalRecorded(Event, frozen=True, kw_only=True):
    """A lead did something."""

    type: Literal["leadstream.signal.recorded.v1"] = "leadstream.signal.recorded.v1"
    data: Signal
