"""The topics: who writes and reads each, and which events it carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from schemas import events as e
from schemas.base import Event

PARTITIONS = 12
"""Partitions of every topic that concerns a lead: immutable, equal for all."""

ALL_SERVICES = ("enrich", "score", "route", "nurture", "metrics")


@dataclass(frozen=True)
class Topic:
    """One topic of the stream."""

    name: str
    events: tuple[type[Event], ...]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    about: str
    partitions: int = PARTITIONS
    settings: Mapping[str, str] = field(default_factory=lambda: {"retention.ms": "-1", "cleanup.policy": "delete"})

    @cached_property
    def adapter(self) -> TypeAdapter[Event]:
        """Validates a record's value, whichever of the topic's events it is."""
        if len(self.events) == 1:
            return TypeAdapter(self.events[0])
        union: Any = self.events[0]
        for event in self.events[1:]:
            union = union | event
        return TypeAdapter(Annotated[union, Field(discriminator="type")])

    def decode(self, value: bytes) -> Event:
        """Reads one record's value.

        Raises:
            pydantic.ValidationError: it is not JSON or not one of the topic's events.
        """
        return self._read(value)

    @cached_property
    def _read(self) -> Callable[[bytes], Event]:
        """The adapter's `validate_json`, without its options: a tenth of the time for a small event."""
        read: Callable[[bytes], Event] = self.adapter.validator.validate_json
        return read

    def __hash__(self) -> int:
        return hash(self.name)


CAPTURED = Topic(
    "leads.captured",
    (e.LeadCaptured,),
    ("capture",),
    ("enrich", "metrics"),
    "Submissions accepted from a channel.",
)
SIGNALS = Topic(
    "leads.signals",
    (e.SignalRecorded,),
    ("capture", "nurture"),
    ("score", "nurture", "metrics"),
    "What leads did.",
)
ENRICHED = Topic("leads.enriched", (e.LeadEnriched,), ("enrich",), ("score", "metrics"), "Who the lead is.")
SCORED = Topic("leads.scored", (e.LeadScored,), ("score",), ("route", "nurture", "metrics"), "How promising, and why.")
ASSIGNED = Topic(
    "leads.assigned",
    (
        e.LeadAssigned,
        e.LeadReassigned,
        e.LeadEscalated,
        e.LeadAccepted,
        e.LeadParked,
        e.LeadRecycled,
        e.SlaMet,
        e.SlaBreached,
    ),
    ("route",),
    ("nurture", "metrics"),
    "Who owns it, why, and whether the deadlines were kept.",
)
TOUCHED = Topic(
    "leads.touched",
    (e.TouchRecorded, e.SequencePlanned, e.SequenceStopped),
    ("nurture", "capture"),
    ("route", "score", "nurture", "metrics"),
    "What sequences plan, and contact attempts, automatic and human.",
)
OUTCOMES = Topic(
    "leads.outcomes",
    (e.OutcomeRecorded,),
    ("capture",),
    ("score", "route", "nurture", "metrics"),
    "What became of the lead.",
)
REJECTED = Topic(
    "leads.rejected", (e.InputRejected,), ("capture",), ("metrics",), "Input that could not become an event."
)
DEAD = Topic(
    "leads.dead",
    (e.EventDead,),
    ("capture", *ALL_SERVICES),
    ("metrics",),
    "Records that a service could not process.",
)
POLICIES = Topic(
    "leads.policies",
    (e.PolicyPublished,),
    ("cli",),
    ("capture", *ALL_SERVICES),
    "Published business policies, read whole by every worker.",
    partitions=1,
)
COMMANDS = Topic("leads.commands", (e.CommandIssued,), ("cli",), ("capture", *ALL_SERVICES), "Operator commands.")
ERASED = Topic("leads.erased", (e.LeadErased,), ("capture",), ALL_SERVICES, "Erasures.")
KEYS = Topic(
    "leads.keys",
    (),
    ("capture",),
    (),
    "Data keys per person, wrapped; used in sealed mode.",
    settings={"cleanup.policy": "compact"},
)

TOPICS: tuple[Topic, ...] = (
    CAPTURED, SIGNALS, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES,
    REJECTED, DEAD, POLICIES, COMMANDS, ERASED, KEYS,
)  # fmt: skip

BY_NAME: Mapping[str, Topic] = {topic.name: topic for topic in TOPICS}
