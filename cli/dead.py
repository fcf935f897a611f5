"""`leadstream dead` and `leadstream rejected`: what could not be processed, and what could not become an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.context import KAFKA, USAGE, CommandFailed, Stack, find_stack, run
from cli.output import err, out, print_json, progress, show
from log.latest import Latest, read_latest
from log.reader import LogRecord, document_of, open_log
from log.sentence import printable
from log.times import InvalidTimeError, format_time, parse_time
from schemas.base import Event
from schemas.events import EventDead, InputRejected
from schemas.topics import DEAD, REJECTED, Topic

Since = Annotated[
    str | None,
    typer.Option(help="Written since then: 2026-03-01, 2026-03-01T09:30, or 1d ago.", show_default="the beginning"),
]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, help="Show the latest so many.")]
Personal = Annotated[bool, typer.Option("--personal", help="Also what was written, which may be personal.")]
AsJson = Annotated[bool, typer.Option("--json", help="The events, one JSON document a line.")]
Service = Literal["capture", "enrich", "score", "route", "nurture", "metrics"]


@dataclass(frozen=True)
class Listing:
    """What is to be listed, and how."""

    topic: Topic
    since: datetime | None
    most: int
    personal: bool
    as_json: bool
    service: str | None = None
    reason: str | None = None

    def takes(self, event: Event) -> bool:
        """Says whether it is wanted."""
        if isinstance(event, EventDead):
            return self.service in (None, event.data.service) and self.reason in (None, event.data.reason)
        return isinstance(event, InputRejected) and self.reason in (None, event.data.reason)


def dead(
    *,
    since: Since = None,
    service: Annotated[Service | None, typer.Option(help="Only what this service set aside.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    most: Most = 50,
    personal: Personal = False,
    as_json: AsJson = False,
) -> None:
    """List the records that a service could not process, with reasons.

    Each keeps the record's bytes (`--personal --json`), and where it stood.
    """
    listing = Listing(DEAD, _since(since), most, personal, as_json, service, reason)
    _list(listing, "No record was set aside.")


def rejected(
    *,
    since: Since = None,
    reason: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    most: Most = 50,
    personal: Personal = False,
    as_json: AsJson = False,
) -> None:
    """List the input that could not become an event, with reasons.

    Its sender was told the same. Each keeps the bytes that came (`--personal --json`).
    """
    _list(Listing(REJECTED, _since(since), most, personal, as_json, reason=reason), "No input was rejected.")


def _since(text: str | None) -> datetime | None:
    try:
        return parse_time(text, datetime.now(UTC)) if text else None
    except InvalidTimeError as error:
        raise CommandFailed(f"--since: {error}", USAGE) from error


def _list(listing: Listing, nothing: str) -> None:
    latest = run(_read(find_stack(KAFKA), listing))
    if listing.as_json:
        for each in latest.records:
            print_json(document_of(each, personal=listing.personal), lines=True)
    elif not latest.records:
        out().print(nothing)
    else:
        show(as_table(latest.records, personal=listing.personal))
        if len(latest.records) < latest.count:
            err().print(f"The latest {len(latest.records)} of {latest.count}; --limit shows more.")


async def _read(stack: Stack, listing: Listing) -> Latest:
    async with open_log(stack.settings) as log:
        with progress(f"Reading {listing.topic.name}") as report:
            return await read_latest(log, listing.topic, listing.takes, listing.most, listing.since, report)


def as_table(found: Sequence[LogRecord], *, personal: bool = False) -> Table:
    """Gives a row for each: when, who, where, why."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    is_dead = any(isinstance(each.event, EventDead) for each in found)
    for column in ("time", "service", "record", "reason") if is_dead else ("time", "channel", "submission", "reason"):
        table.add_column(column, overflow="fold")
    for each in found:
        table.add_row(*_cells(each, personal=personal))
    return table


def _cells(found: LogRecord, *, personal: bool) -> tuple[Text, ...]:
    event = found.event
    cells: tuple[str, ...]
    if isinstance(event, EventDead):
        letter = event.data
        place = f"{letter.topic}/{letter.partition} at {letter.offset}"
        # What our own code said of a record may quote it.
        detail = letter.detail if personal or letter.step == "decode" else ""
        cells = (letter.service, f"{place}\nlead {event.subject}", f"{letter.reason} at {letter.step}\n{detail}")
    elif isinstance(event, InputRejected):
        rejection = event.data
        source = f"\n{rejection.source}" if rejection.source else ""
        cells = (f"{rejection.channel}{source}", event.subject, f"{rejection.reason}\n{rejection.detail}")
    else:
        cells = ("", "", found.problem)
    return (Text(format_time(found.written_at)), *(_lines(cell) for cell in cells))


def _lines(cell: str) -> Text:
    first, *more = cell.split("\n")
    text = Text(printable(first))
    for line in more:
        if line:
            text.append(f"\n{printable(line)}", style="dim")
    return text
