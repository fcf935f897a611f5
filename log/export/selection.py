"""Which records of the log are exported: events of ours, once each, and nothing that an erasure covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Protocol

import orjson

from log.export.columns import Exported
from schemas.base import Event
from schemas.events import LeadErased, Origin
from schemas.strict import Malformed
from schemas.topics import Topic


class RawRecord(Protocol):
    """What we use of a record."""

    partition: int
    offset: int
    timestamp: int
    value: bytes | None


@dataclass(frozen=True)
class Erasure:
    """When a lead was erased: by the event, and by when it reached the log."""

    time: datetime
    written_at: datetime

    def covers(self, exported: Exported) -> bool:
        """Says whether it holds for the event: for what came before it, and for late echoes of what came before it.

        An event of an imported lead has a time long past, so it is judged by when it was written.
        """
        event = exported.event
        origin: Origin | None = getattr(event.data, "origin", None)
        return (
            exported.written_at <= self.written_at
            or (event.mode == "live" and event.time <= self.time)
            or (event.mode == "live" and origin is not None and origin.captured_at <= self.time)
        )


Erasures = Mapping[str, Erasure]


def latest_erasures(events: Iterable[tuple[Event | None, datetime]]) -> dict[str, Erasure]:
    """Picks the last erasure of each lead, from (event, written at). What is no erasure is ignored."""
    found: dict[str, Erasure] = {}
    for event, written_at in events:
        if isinstance(event, LeadErased):
            known = found.get(event.subject)
            if known is None or written_at > known.written_at:
                found[event.subject] = Erasure(event.time, written_at)
    return found


@dataclass
class Selection:
    """Lets each event through once and counts what it holds back.

    Remembers eight bytes an event, so that a repeat anywhere in the export is seen.
    """

    topic: Topic
    erasures: Erasures
    counts: Counter[str] = field(default_factory=Counter)
    """`exported`, `repeated`, `erased`, `unreadable`."""
    _seen: set[bytes] = field(default_factory=set)

    def take(self, record: RawRecord) -> Exported | None:
        """Gives the record as an event to export; None for one that is held back."""
        exported = self._read(record)
        result = "unreadable" if exported is None else self._judge(exported)
        self.counts[result] += 1
        return exported if result == "exported" else None

    def _read(self, record: RawRecord) -> Exported | None:
        value = record.value or b""
        try:
            event: Event = self.topic.decode(value)
            original: dict[str, Any] = orjson.loads(value)
        except (Malformed, orjson.JSONDecodeError):
            return None
        written_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        return Exported(event, original, self.topic.name, record.partition, record.offset, written_at)

    def _judge(self, exported: Exported) -> str:
        event = exported.event
        erasure = self.erasures.get(event.subject)
        if erasure is not None and not isinstance(event, LeadErased) and erasure.covers(exported):
            return "erased"
        mark = blake2b(event.id.encode(), digest_size=8).digest()
        if mark in self._seen:
            return "repeated"
        self._seen.add(mark)
        return "exported"
