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
    (
        *(f"leadstream.touch.{status}.v1" for status in ("planned", "failed", "suppressed", "unknown")),
        "leadstream.sequence.planned.v1",
        "leadstream.sequence.stopped.v1",
    )
)
"""Types of event on the topic that tell of no touch that surely reached the lead."""


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
    """A contact attempt reached a result; `type` says which.

    `touch.planned` is no longer written: `SequencePlanned` tells of all touches of a plan at once.
    """

    type: TouchType
    data: Touch

    @property
    def status(self) -> TouchStatus:
        """`type` without its prefix and version."""
        status: TouchStatus = self.type.split(".")[2]  # type: ignore[assignment]  # the Literal allows no other
        return status


class ScheduledTouch(Record, frozen=True, kw_only=True):
    """One touch of a sequence, before anything has come of it."""

    touch_id: Annotated[Text, Meta(description="The same in all events about this touch.")]
    step: Code
    channel: TouchChannel
    due_at: Reckoned
    reason: Annotated[
        Text | None, Meta(description="Why it is due then, where an earlier plan had it at another time.")
    ] = None


class SequenceChange(Record, frozen=True, kw_only=True):
    """Touches of one sequence that are planned, or are not wanted any more, and why."""

    origin: Origin | None = None
    sequence: Code
    rep: Annotated[Code | None, Meta(description="Who owns the lead.")] = None
    occurred_at: Annotated[Reckoned, Meta(description="When it was decided, in business time.")]
    reason: Annotated[Text, Meta(description="Why the plan was made, such as `entered`, or what stopped the sequence.")]
    touches: tuple[ScheduledTouch, ...]


class SequencePlanned(Event, frozen=True, kw_only=True):
    """A lead entered a sequence, or its plan has changed. It lists all touches that are planned from now on."""

    type: Literal["leadstream.sequence.planned.v1"] = "leadstream.sequence.planned.v1"
    data: SequenceChange


class SequenceStopped(Event, frozen=True, kw_only=True):
    """A sequence was stopped. It lists the touches that were still planned: each of them is suppressed.

    Where the stop was known before the lead entered the sequence, no plan was announced, and this lists all touches.
    """

    type: Literal["leadstream.sequence.stopped.v1"] = "leadstream.sequence.stopped.v1"
    data: SequenceChange
