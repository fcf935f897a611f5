"""The topics: who writes and reads each, and which events it carries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from schemas import events as e
from schemas.base import Event, decoder
from schemas.strict import Malformed, Problem, check, malformed

PARTITIONS = 12
"""Partitions of every topic that concerns a lead: immutable, equal for all."""

ALL_SERVICES = ("enrich", "score", "route", "nurture", "metrics")


class _Typed(msgspec.Struct, gc=False):
    """The one field that says how to read the rest."""

    type: str


def _type_said(value: bytes) -> str:
    said: str = decoder(_Typed)(value).type
    return said


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

    def decode(self, value: bytes) -> Event:
        """Reads one record's value, whoever wrote it.

        Raises:
            Malformed: it is not JSON or not one of the topic's events, or something in it is out of bounds.
        """
        try:
            found = self.readers.get(_type_said(value))
            if found is None:
                raise Malformed((Problem("/type", f"is none of {self.name}'s types"),))
            event = found(value)
        except msgspec.DecodeError as error:
            raise malformed(error) from None
        except (RecursionError, UnicodeError) as error:
            raise Malformed((Problem("", type(error).__name__),)) from None
        check(event)
        return event

    @cached_property
    def readers(self) -> Mapping[str, Callable[[bytes], Event]]:
        """Type → what reads a record of it that we wrote: types, lengths and numbers are checked, no more."""
        return {name: decoder(event) for event in self.events for name in event.TYPES}

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
