"""`leads.touched`: contact attempts, automatic and human."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.base import Code, Event, LongText, Reckoned, Record, Text
from schemas.events.captured import Origin

TouchChannel = Literal["email", "linkedin", "sms", "call_task", "call", "meeting"]
TouchStatus = Literal["planned", "sent", "failed", "suppressed", "unknown"]
TouchType = Literal[
    "leadstream.touch.planned.v1",
    "leadstream.touch.sent.v1",
    "leadstream.touch.failed.v1",
    "leadstream.touch.suppressed.v1",
    "leadstream.touch.unknown.v1",
]

TOUCH_NOT_MADE: frozenset[str] = frozenset(
    f"leadstream.touch.{status}.v1" for status in ("planned", "failed", "suppressed", "unknown")
)
"""Types of touch that reached nobody, or nobody knows."""


class TouchContent(Record, frozen=True, kw_only=True):
    """What is said, and to whom. Personal data."""

    to: Text | None = None
    subject: Text | None = None
    body: LongText | None = None


class Touch(Record, frozen=True, kw_only=True):
    """One contact attempt, as far as it got."""

    touch_id: Annotated[Text, Meta(description="The same for all events of one attempt.")]
    origin: Origin | None = None
    channel: TouchChannel
    human: Annotated[bool, Meta(description="True when a person did it; only that stops the contact clock.")]
    rep: Code | None = None
    sequence: Code | None = None
    step: Code | None = None
    due_at: Reckoned
    occurred_at: Annotated[Reckoned, Meta(description="When it reached this status, in business time.")]
    reason: Annotated[Text | None, Meta(description="Why it was planned, suppressed or failed.")] = None
    person: TouchContent = TouchContent()


class TouchRecorded(Event, frozen=True, kw_only=True):
    """A contact attempt was planned or reached a result; `type` says which."""

    type: TouchType
    data: Touch

    @property
    def status(self) -> TouchStatus:
        """`type` without its prefix and version."""
        status: TouchStatus = self.type.split(".")[2]  # type: ignore[assignment]  # the Literal allows no other
        return status
