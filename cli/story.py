"""One lead's story: its events in order, each in a sentence, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cli.log import Found
from cli.moments import length, shown
from cli.sentences import tell
from cli.words import Tone, printable
from schemas.events import LeadCaptured
from schemas.topics import TOPICS

STYLES: dict[Tone, str] = {"plain": "", "good": "green", "bad": "red", "quiet": "dim"}
_RANK = {topic.name: rank for rank, topic in enumerate(TOPICS)}


def in_order(found: Iterable[Found]) -> list[Found]:
    """Each event once, by its time; of one moment, the cause before what it led to, and a topic's in its order."""
    once: dict[object, Found] = {}
    for each in found:
        once.setdefault(each.event.id if each.event else (each.record.topic, each.record.offset), each)
    return sorted(once.values(), key=lambda each: (time_of(each), _RANK[each.topic.name], each.record.offset))


def time_of(found: Found) -> datetime:
    """When it happened; of what can't be read, when it was written."""
    return found.event.time if found.event else found.written_at


def start_of(story: Sequence[Found]) -> datetime | None:
    """When the lead was captured, or else when the story begins."""
    captured = [each.event.time for each in story if isinstance(each.event, LeadCaptured)]
    return min(captured, default=time_of(story[0]) if story else None)


def story_table(story: Iterable[Found], start: datetime | None, *, personal: bool = False) -> Table:
    """The events as rows: time, delay since `start`, service, what happened and why."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=23, no_wrap=True)
    table.add_column(width=12, justify="right", no_wrap=True)
    table.add_column(width=8, no_wrap=True)
    table.add_column(ratio=1)
    for each in story:
        table.add_row(*_row(each, start, personal=personal))
    return table


def _row(found: Found, start: datetime | None, *, personal: bool) -> tuple[Text, Text, Text, Text]:
    moment = time_of(found)
    delay = (moment - start).total_seconds() if start else 0.0
    return (
        Text(shown(moment, milliseconds=True), style="dim"),
        Text(("+" if delay >= 0 else "") + length(delay), style="cyan"),
        Text(printable(_service(found)), style="bold"),
        _words(found, personal=personal),
    )


def _service(found: Found) -> str:
    return found.event.source.removeprefix("leadstream/") if found.event else "?"


def _words(found: Found, *, personal: bool) -> Text:
    if found.event is None:
        where = f"{found.topic.name}/{found.record.partition} at {found.record.offset}"
        return Text(f"a record of a stranger, {found.problem}: {where}", style="red")
    said = tell(found.event)
    text = Text(said.what, style=STYLES[said.tone])
    if found.event.policy:
        text.append(f"  policy {printable(found.event.policy)}", style="dim")
    for line in (*(said.personal if personal else ()), *said.more):
        if line:
            text.append(f"\n  {line}", style="dim")
    return text
