"""`leadstream dead` and `leadstream rejected`: what could not be processed, and what could not become an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import heappop, heappush
from operator import itemgetter
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.context import KAFKA, USAGE, CommandFailed, Stack, find_stack, run
from cli.log import Found, is_forgotten, open_log
from cli.moments import WrongMomentError, parse_moment, shown
from cli.output import err, out, print_json, progress, show
from cli.tail import as_document
from cli.words import printable
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
class Order:
    """What is to be listed, and how."""

    topic: Topic
    since: datetime | None
    most: int
    personal: bool
    as_json: bool
    service: str | None = None
    reason: str | None = None

    def takes(self, found: Found) -> bool:
        """Whether it is wanted."""
        event = found.event
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
    order = Order(DEAD, _since(since), most, personal, as_json, service, reason)
    _list(order, "No record was set aside.")


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
    _list(Order(REJECTED, _since(since), most, personal, as_json, reason=reason), "No input was rejected.")


def _since(text: str | None) -> datetime | None:
    try:
        return parse_moment(text, datetime.now(UTC)) if text else None
    except WrongMomentError as error:
        raise CommandFailed(f"--since: {error}", USAGE) from error


def _list(order: Order, nothing: str) -> None:
    latest, count = run(_read(find_stack(KAFKA), order))
    if order.as_json:
        for each in latest:
            print_json(as_document(each, personal=order.personal), lines=True)
    elif not latest:
        out().print(nothing)
    else:
        show(as_table(latest, personal=order.personal))
        if len(latest) < count:
            err().print(f"The latest {len(latest)} of {count}; --limit shows more.")


async def _read(stack: Stack, order: Order) -> tuple[list[Found], int]:
    """The latest of those wanted, in order, and how many there are in all."""
    known: set[str] = set()
    # Only the latest are held: each may be a megabyte.
    latest: list[tuple[datetime, int, int, Found]] = []
    async with open_log(stack.settings) as log:
        erasures = await log.erasures()
        places = log.places((order.topic,))
        begins = await (log.at(places, order.since) if order.since else log.begins(places))
        with progress(f"Reading {order.topic.name}") as report:
            async for record in log.read(begins, await log.ends(places), report):
                found = log.found(record)
                if found.event is None or found.event.id in known or not order.takes(found):
                    continue
                if is_forgotten(found.event, erasures):
                    continue
                known.add(found.event.id)
                heappush(latest, (found.written_at, record.partition, record.offset, found))
                if len(latest) > order.most:
                    heappop(latest)
    return [found for *_, found in sorted(latest, key=itemgetter(0, 1, 2))], len(known)


def as_table(found: Sequence[Found], *, personal: bool = False) -> Table:
    """One row each: when, who, where, why."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    is_dead = any(isinstance(each.event, EventDead) for each in found)
    for column in ("time", "service", "record", "reason") if is_dead else ("time", "channel", "submission", "reason"):
        table.add_column(column, overflow="fold")
    for each in found:
        table.add_row(*_cells(each, personal=personal))
    return table


def _cells(found: Found, *, personal: bool) -> tuple[Text, ...]:
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
    return (Text(shown(found.written_at)), *(_lines(cell) for cell in cells))


def _lines(cell: str) -> Text:
    first, *more = cell.split("\n")
    text = Text(printable(first))
    for line in more:
        if line:
            text.append(f"\n{printable(line)}", style="dim")
    return text
