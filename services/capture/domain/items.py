"""What one piece of input becomes: an item to be accepted, or a refusal to be kept with its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from schemas.base import Cause, Event, Mode, Record, new_traceparent
from schemas.events import (
    Captured,
    IdentityMatch,
    InputRejected,
    LeadCaptured,
    OutcomeRecorded,
    Rejection,
    SignalRecorded,
    TouchRecorded,
)
from schemas.topics import CAPTURED, OUTCOMES, REJECTED, SIGNALS, TOUCHED, Topic
from services.capture.domain.identity import Key

SERVICE = "capture"

Kind = Literal["lead", "signal", "outcome", "touch"]

REJECTED_BYTES = 600_000
"""Bytes of a refused body per event: as base64 with its headers it fits a Kafka record of 1 MB."""

MOST_HEADERS = 40
LONGEST_HEADER = 300
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


class Row(NamedTuple):
    """An event as it goes on its topic."""

    topic: str
    key: bytes
    value: bytes


class Repeat(NamedTuple):
    """What makes two inputs the same one: its kind, where it came from, and its id there."""

    kind: Kind
    scope: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Received:
    """Authenticated input as it came in."""

    submission_id: str
    at: datetime
    channel: str
    body: bytes
    headers: Mapping[str, str]
    source: str | None = None

    @property
    def traceparent(self) -> str:
        """The trace that everything which follows from the input belongs to."""
        return new_traceparent(self.submission_id)


@dataclass(frozen=True, slots=True)
class Match:
    """The lead that an item belongs to, and why."""

    lead_id: str
    identity: IdentityMatch


@dataclass(frozen=True, slots=True)
class Item:
    """Input that could be read. Accepting it needs the lead that its keys belong to."""

    kind: Kind
    received: Received
    keys: tuple[Key, ...]
    """In order of precedence."""
    repeat: Repeat | None
    new_lead: str | None
    """The id of the lead to create when no key is known; None when the lead must exist."""
    mode: Mode
    time: datetime
    data: Record

    def row(self, match: Match) -> Row:
        """The event, now that its lead is known."""
        data = self.data
        if isinstance(data, Captured):
            data = data.replace(identity=match.identity)
        cause = Cause(
            id=self.received.submission_id,
            lead_id=match.lead_id,
            traceparent=self.received.traceparent,
            mode=self.mode,
        )
        topic, kind, event_type = _EVENTS[self.kind]
        event = kind.create(cause=cause, service=SERVICE, time=self.time, data=data, type=event_type)
        return Row(topic.name, match.lead_id.encode(), event.to_json())


_EVENTS: Mapping[Kind, tuple[Topic, type[Event], str]] = {
    "lead": (CAPTURED, LeadCaptured, "leadstream.lead.captured.v1"),
    "signal": (SIGNALS, SignalRecorded, "leadstream.signal.recorded.v1"),
    "outcome": (OUTCOMES, OutcomeRecorded, "leadstream.outcome.recorded.v1"),
    # Who reports a touch of their own has made it.
    "touch": (TOUCHED, TouchRecorded, "leadstream.touch.sent.v1"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Authenticated input that can't become an event."""

    received: Received
    reason: str
    detail: str

    def rows(self) -> list[Row]:
        """The events that keep it: one, or several for a long body, whose parts they hold in order."""
        body = self.received.body
        parts = [body[start : start + REJECTED_BYTES] for start in range(0, len(body), REJECTED_BYTES)] or [b""]
        return [self._row(number, part, len(parts)) for number, part in enumerate(parts)]

    def _row(self, number: int, part: bytes, count: int) -> Row:
        received = self.received
        suffix = f" (part {number + 1} of {count})" if count > 1 else ""
        rejection = Rejection(
            channel=received.channel,
            source=received.source,
            reason=self.reason,
            # It names the fields, whose names the sender chose.
            detail=self.detail[:2_000].replace("\x00", "\\0") + suffix,
            received_at=received.at,
            headers=kept_headers(received.headers),
            body=part,
        )
        cause = Cause(
            id=received.submission_id,
            lead_id=received.submission_id,
            traceparent=received.traceparent,
            mode="live",
        )
        event = InputRejected.create(cause=cause, service=SERVICE, time=received.at, data=rejection, ordinal=number)
        return Row(REJECTED.name, received.submission_id.encode(), event.to_json())


def kept_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """The request's headers as a rejection keeps them: bounded, encodable, and without credentials."""
    kept = {}
    for name, value in list(headers.items())[:MOST_HEADERS]:
        if name.lower() not in SECRET_HEADERS:
            text = str(value)[:LONGEST_HEADER].replace("\x00", "")
            kept[name.lower()[:LONGEST_HEADER]] = text.encode("utf-8", "replace").decode()
    return kept
