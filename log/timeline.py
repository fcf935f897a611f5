"""One lead's timeline: its events in order, each in a sentence, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from log.describe import describe
from log.progress import ReportProgress
from log.reader import Log, LogRecord, is_erased
from log.sentence import Tone, printable
from log.times import describe_duration, format_time
from schemas.events import LeadCaptured
from schemas.topics import COMMANDS, POLICIES, TOPICS, Topic

LEAD_TOPICS: tuple[Topic, ...] = tuple(topic for topic in TOPICS if topic.events and topic not in (POLICIES, COMMANDS))
"""Topics that hold events of leads."""

STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "quiet": "dim"}
_RANK = {topic.name: rank for rank, topic in enumerate(TOPICS)}


async def read_timeline(log: Log, lead: str, report: ReportProgress | None = None) -> tuple[list[LogRecord], int]:
    """Reads a lead's events in order, and how many more there are from before it was erased."""
    places, key = log.places(LEAD_TOPICS, lead), lead.encode()
    erasures = await log.erasures(lead)
    records = log.read(await log.begins(places), await log.ends(places), report)
    timeline = in_order([log.decode(record) async for record in records if record.key == key])
    kept = [each for each in timeline if each.event is None or not is_erased(each.event, erasures)]
    return kept, len(timeline) - len(kept)


def in_order(found: Iterable[LogRecord]) -> list[LogRecord]:
    """Sorts the events, each once, by time; of one moment, causes come first, and a topic's in their order."""
    once: dict[object, LogRecord] = {}
    for each in found:
        once.setdefault(each.event.id if each.event else (each.record.topic, each.record.offset), each)
    return sorted(once.values(), key=lambda each: (time_of(each), _RANK[each.topic.name], each.record.offset))


def time_of(found: LogRecord) -> datetime:
    """Gives when it happened; of what can't be read, when it was written."""
    return found.event.time if found.event else found.written_at


def start_of(timeline: Sequence[LogRecord]) -> datetime | None:
    """Gives when the lead was captured, or else when the timeline begins."""
    captured = [each.event.time for each in timeline if isinstance(each.event, LeadCaptured)]
    return min(captured, default=time_of(timeline[0]) if timeline else None)


def timeline_table(timeline: Iterable[LogRecord], start: datetime | None, *, personal: bool = False) -> Table:
    """Puts the events into rows: time, delay since `start`, service, what happened and why."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=23, no_wrap=True)
    table.add_column(width=12, justify="right", no_wrap=True)
    table.add_column(width=8, no_wrap=True)
    table.add_column(ratio=1)
    for each in timeline:
        table.add_row(*_row(each, start, personal=personal))
    return table


def _row(found: LogRecord, start: datetime | None, *, personal: bool) -> tuple[Text, Text, Text, Text]:
    moment = time_of(found)
    delay = (moment - start).total_seconds() if start else 0.0
    return (
        Text(format_time(moment, milliseconds=True), style="dim"),
        Text(("+" if delay >= 0 else "") + describe_duration(delay), style="cyan"),
        Text(printable(_service(found)), style="bold"),
        _description(found, personal=personal),
    )


def _service(found: LogRecord) -> str:
    return found.event.source.removeprefix("leadstream/") if found.event else "?"


def _description(found: LogRecord, *, personal: bool) -> Text:
    if found.event is None:
        where = f"{found.topic.name}/{found.record.partition} at {found.record.offset}"
        return Text(f"a record of a stranger, {found.problem}: {where}", style="red")
    sentence = describe(found.event)
    text = Text(sentence.what, style=STYLES[sentence.tone])
    if found.event.policy:
        text.append(f"  policy {printable(found.event.policy)}", style="dim")
    for line in (*(sentence.personal if personal else ()), *sentence.more):
        if line:
            text.append(f"\n  {line}", style="dim")
    return text
