"""Events as an export sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from log.export.columns import Exported
from log.export.selection import Erasures, Selection
from schemas.base import Event
from schemas.events import LeadErased
from schemas.events.operations import Erased
from schemas.topics import Topic
from tests.unit.metrics import ledger_events as e


@dataclass
class Record:
    """A record of the log."""

    value: bytes | None
    timestamp: int = int(e.START.timestamp() * 1000)
    partition: int = 0
    offset: int = 0


def record(event: Event, written_at: datetime | None = None) -> Record:
    return Record(event.to_json(), int((written_at or event.time).timestamp() * 1000))


def exported(topic: Topic, *events: Event, erasures: Erasures | None = None) -> list[Exported]:
    """What of the events an export would hold."""
    selection = Selection(topic, erasures or {})
    return [found for event in events if (found := selection.take(record(event))) is not None]


def erased(seconds: float, lead: str = e.LEAD) -> LeadErased:
    return e.envelope(LeadErased, seconds, Erased(lead_id=lead, requested_at=e.at(seconds)), lead=lead)
