"""Exports a topic, or a part of it, to a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.settings import Settings
from log.export.columns import Exported
from log.export.formats import Format
from log.export.selection import Erasure, Selection, latest_erasures
from log.export.writers import writing
from log.progress import ReportProgress
from log.reader import Log, open_log
from schemas.topics import ERASED, Topic

ROWS_AT_ONCE = 10_000
"""Events written together: a row group of a Parquet file."""
RESULTS = ("exported", "repeated", "erased", "unreadable")


@dataclass(frozen=True)
class ExportJob:
    """What is to be exported, and where to.

    Attributes:
        topic: which topic.
        out: the file to write.
        kind: its format.
        start: only what was written at that time or later.
        end: only what was written before that time.
        personal: with names, addresses and messages.
    """

    topic: Topic
    out: Path
    kind: Format
    start: datetime | None = None
    end: datetime | None = None
    personal: bool = True


async def run_export(settings: Settings, job: ExportJob, report: ReportProgress) -> dict[str, int]:
    """Exports; returns how many records were exported, repeated, erased and unreadable.

    Raises:
        LogUnavailable: the topic can't be read.
    """
    async with open_log(settings) as log:
        selection = Selection(job.topic, await _erasures(log))
        places = log.places((job.topic,))
        begins = await (log.at(places, job.start) if job.start else log.begins(places))
        ends = await (log.at(places, job.end) if job.end else log.ends(places))
        with writing(job.out, job.kind, job.topic, personal=job.personal) as writer:
            waiting: list[Exported] = []
            async for record in log.read(begins, ends, report):
                if (exported := selection.take(record)) is not None:
                    waiting.append(exported)
                if len(waiting) >= ROWS_AT_ONCE:
                    writer.write(waiting)
                    waiting = []
            writer.write(waiting)
    return {name: selection.counts[name] for name in RESULTS}


async def _erasures(log: Log) -> dict[str, Erasure]:
    """Reads every erasure so far, by lead."""
    places = log.places((ERASED,))
    records = [log.decode(record) async for record in log.read(await log.begins(places), await log.ends(places))]
    return latest_erasures((record.event, record.written_at) for record in records)
