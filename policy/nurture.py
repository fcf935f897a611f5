"""What leads are sent, when, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from policy.hours import TimeWindow, WeeklyHours
from policy.routing import RoutingConditions
from policy.template import MessageTemplate, TemplateChannel
from policy.types import (
    Duration,
    Email,
    Flag,
    Identifier,
    Link,
    OneOrMore,
    PolicyModel,
    Positive,
    PositiveDuration,
    Sentence,
    TimeZone,
)
from schemas.events import OutcomeKind
from schemas.events.signals import SignalType

StopCondition = Literal["reply", "meeting", "outcome", "unsubscribe", "bounce", "human_touch", "disqualified"]
"""What ends a sequence: a reply on any channel, a booked meeting, any outcome but `accepted` and `contacted`,
an unsubscription, an address that bounces, contact by a person (`policy.contact`), a disqualification."""


class SequenceTouch(PolicyModel):
    """One message or task of a step."""

    channel: TemplateChannel
    template: Identifier
    ignore_send_window: Flag = Field(
        default=False, description="Sent at any hour: for an answer the lead has just asked for."
    )


class SequenceStep(PolicyModel):
    """Touches that are due at the same moment, on parallel channels."""

    id: Identifier
    after: Duration = Field(description="Wait; then until the send window opens.")
    counted_from: Literal["start", "previous"] = "previous"
    touches: tuple[SequenceTouch, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_per_channel(self) -> Self:
        channels = [touch.channel for touch in self.touches]
        if len(set(channels)) != len(channels):
            raise ValueError("has two touches on one channel; a step takes one for each channel")
        return self


class Sequence(PolicyModel):
    """A row of steps for leads that meet `entry`; a lead enters the first sequence that it meets."""

    id: Identifier
    name: Sentence
    entry: RoutingConditions
    owned: Flag = Field(default=True, description="True: starts at the assignment; False: for leads without an owner.")
    steps: tuple[SequenceStep, ...] = Field(min_length=1)
    send_window: WeeklyHours = Field(description="In the lead's local time.")
    stop_on: tuple[StopCondition, ...] = (
        "reply",
        "meeting",
        "outcome",
        "unsubscribe",
        "bounce",
        "disqualified",
    )
    reenter_after: PositiveDuration | None = Field(default=None, description="None: once in a lead's life.")

    @model_validator(mode="after")
    def _unsubscribe_stops(self) -> Self:
        if "unsubscribe" not in self.stop_on:
            raise ValueError("stop_on must include unsubscribe: who unsubscribes is sent nothing more")
        return self


class SendingLimits(PolicyModel):
    """How much is sent at most; what exceeds a limit waits for the next day or week, or is suppressed."""

    per_mailbox_per_day: Positive = Field(description="Emails from one sender's address, per day of the sender.")
    mailboxes: Mapping[Email, Positive] = Field(default_factory=dict, description="Other limits for single addresses.")
    linkedin_per_rep_per_day: Positive = 20
    sms_per_day: Positive = Field(default=200, description="Of the whole company.")
    per_lead_per_week: Positive = Field(description="Automatic touches, all channels but call tasks, in 7 days.")
    between_touches: Duration = Field(description="Least time between two automatic touches on one channel.")
    quiet_hours: TimeWindow = Field(description="Nothing is sent then, whatever the send window; lead's local time.")

    def mailbox_limit(self, address: str) -> int:
        """Returns emails a day from `address`."""
        return self.mailboxes.get(address.lower(), self.per_mailbox_per_day)


class Sender(PolicyModel):
    """Who the messages come from; laws on commercial mail ask for a name and a postal address."""

    company: Sentence
    address: Sentence
    email: Email = Field(description="For leads without an owner.")
    booking_link: Link | None = None
    give_up_after: PositiveDuration = Field(description="A touch that could not be sent for so long is suppressed.")
    retry_after: tuple[PositiveDuration, ...] = Field(
        default=("5m", "30m", "2h", "8h"),
        validate_default=True,
        description="Waits after the first, second… attempt that failed; when all are used up, the touch has failed.",
    )


class StopRules(PolicyModel):
    """Which signals and outcomes mean which stop condition. Each sequence says which of those it stops on.

    `returned` holds a sequence until somebody has the lead again, whatever stands here.
    """

    signals: Mapping[SignalType, StopCondition] = Field(
        default={
            "email_reply": "reply",
            "linkedin_reply": "reply",
            "chat": "reply",
            "call": "reply",
            "meeting": "meeting",
            "unsubscribe": "unsubscribe",
        },
        description="Who calls or chats is talking to us: that is a reply too.",
    )
    outcomes: Mapping[OutcomeKind, OneOrMore[StopCondition]] = Field(
        default={
            "meeting": ("meeting", "outcome"),
            "sql": ("outcome",),
            "opportunity": ("outcome",),
            "quote_sent": ("outcome",),
            "signed": ("outcome",),
            "paid": ("outcome",),
            "won": ("outcome",),
            "lost": ("outcome",),
        },
        description="Besides, an outcome that takes a conversation (`policy.contact`) is a `human_touch`.",
    )

    @model_validator(mode="after")
    def _unsubscribe_is_heeded(self) -> Self:
        if self.signals.get("unsubscribe") != "unsubscribe":
            raise ValueError("signals must map unsubscribe to unsubscribe: who unsubscribes is sent nothing more")
        return self


class Nurture(PolicyModel):
    """Nurturing, whole."""

    sender: Sender
    default_timezone: TimeZone = Field(description="For leads whose time zone is not known.")
    limits: SendingLimits
    stops: StopRules = StopRules()
    templates: tuple[MessageTemplate, ...] = ()
    sequences: tuple[Sequence, ...] = Field(default=(), description="In order: a lead enters the first it meets.")

    def template(self, template_id: str) -> MessageTemplate:
        """Returns the template with this id.

        Raises:
            KeyError: there is none; a checked policy names no other.
        """
        for template in self.templates:
            if template.id == template_id:
                return template
        raise KeyError(template_id)

    def sequence(self, sequence_id: str) -> Sequence:
        """Returns the sequence with this id.

        Raises:
            KeyError: there is none, as when a newer policy dropped a sequence that a lead is still in.
        """
        for sequence in self.sequences:
            if sequence.id == sequence_id:
                return sequence
        raise KeyError(sequence_id)
