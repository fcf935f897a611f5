"""What one batch adds to the counts that belong to no lead."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import NamedTuple

from schemas.events import EventDead, InputRejected, LeadCaptured


class Rejections(NamedTuple):
    """What rejected inputs are counted by."""

    key: str
    """The record's key, which says whose row the count is."""
    day: date
    channel: str
    reason: str


class DeadLetters(NamedTuple):
    """What dead letters are counted by."""

    key: str
    day: date
    service: str
    step: str
    reason: str


@dataclass(slots=True)
class Tally:
    """Counts of one batch; days are UTC."""

    submissions: Counter[str] = field(default_factory=Counter)
    """By channel."""
    rejections: Counter[Rejections] = field(default_factory=Counter)
    dead: Counter[DeadLetters] = field(default_factory=Counter)

    def submission(self, event: LeadCaptured) -> None:
        """Counts an accepted submission; what was imported or tried out is not traffic."""
        if event.mode == "live":
            self.submissions[event.data.origin.channel] += 1

    def rejection(self, event: InputRejected) -> None:
        """Counts input that could not become an event."""
        data = event.data
        self.rejections[Rejections(event.subject, _day(data.received_at), data.channel, data.reason)] += 1

    def dead_letter(self, event: EventDead) -> None:
        """Counts a record that a service set aside."""
        data = event.data
        self.dead[DeadLetters(event.subject, _day(event.time), data.service, data.step, data.reason)] += 1


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
