"""Reads the latest events of a topic, of those that are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from operator import itemgetter

from log.progress import ReportProgress
from log.reader import Log, LogRecord, is_erased
from schemas.base import Event
from schemas.topics import Topic


@dataclass(frozen=True)
class Latest:
    """What was found.

    Attributes:
        records: the latest, in the order they were written.
        count: how many there are in all.
    """

    records: list[LogRecord]
    count: int


async def read_latest(
    log: Log,
    topic: Topic,
    wanted: Callable[[Event], bool],
    limit: int,
    since: datetime | None = None,
    report: ReportProgress | None = None,
) -> Latest:
    """Reads a topic's events, each once, without those of people who were erased since.

    Args:
        log: where they are read.
        topic: which topic.
        wanted: says of each event whether it counts.
        limit: how many of the latest are kept.
        since: only what was written at that time or later.
        report: hears of progress.
    """
    known: set[str] = set()
    # Only the latest are held: each may be a megabyte.
    latest: list[tuple[datetime, int, int, LogRecord]] = []
    erasures = await log.erasures()
    places = log.places((topic,))
    begins = await (log.at(places, since) if since else log.begins(places))
    async for raw in log.read(begins, await log.ends(places), report):
        record = log.decode(raw)
        event = record.event
        if event is None or event.id in known or not wanted(event) or is_erased(event, erasures):
            continue
        known.add(event.id)
        heappush(latest, (record.written_at, raw.partition, raw.offset, record))
        if len(latest) > limit:
            heappop(latest)
    return Latest([record for *_, record in sorted(latest, key=itemgetter(0, 1, 2))], len(known))
