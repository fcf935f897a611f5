"""`leadstream trace`: everything that happened to one lead, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import orjson
import typer

from cli.context import KAFKA, CommandFailed, Stack, find_stack, run
from cli.leads import lead_named
from cli.output import err, out, print_json, progress, show
from log.personal import without_personal
from log.reader import Log, LogRecord, Offsets, open_log
from log.timeline import LEAD_TOPICS, read_timeline, start_of, timeline_table


def trace(
    who: Annotated[str, typer.Argument(help="A lead id, an email address, or a phone number with its country code.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens next, until Ctrl-C.")] = False,
    personal: Annotated[bool, typer.Option("--personal", help="Also names, addresses and messages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON document a line.")] = False,
) -> None:
    """Tell everything that happened to a lead, in order, with reasons.

    Reads the lead's partition of every topic, from the beginning. Times are UTC; the delay counts from the capture.
    What was known of a person before an erasure is not shown.
    """
    run(_trace(find_stack(KAFKA), who, _Printer(personal=personal, as_json=as_json), follow=follow))


async def _trace(stack: Stack, who: str, printer: _Printer, *, follow: bool) -> None:
    async with open_log(stack.settings) as log:
        lead = await lead_named(stack, log, who)
        # Taken before the timeline is read: what comes in between is read twice rather than never.
        onwards = await log.ends(log.places(LEAD_TOPICS, lead))
        with progress("Reading the lead's partition") as report:
            timeline, erased = await read_timeline(log, lead, report)
        if not timeline and not erased and not follow:
            raise CommandFailed(f"nothing is in the log of lead {lead}")
        printer.begin(lead, timeline, erased)
        if follow:
            await _follow(log, lead, onwards, timeline, printer)


async def _follow(log: Log, lead: str, onwards: Offsets, timeline: Sequence[LogRecord], printer: _Printer) -> None:
    known = {each.event.id for each in timeline if each.event}
    async for record in log.follow(onwards):
        if record.key != lead.encode():
            continue
        found = log.decode(record)
        if found.event is None or found.event.id not in known:
            printer.print([found])
        if found.event is not None:
            known.add(found.event.id)


class _Printer:
    """Prints a timeline, and what is added to it."""

    def __init__(self, *, personal: bool, as_json: bool) -> None:
        self._personal = personal
        self._as_json = as_json
        self._start: datetime | None = None

    def begin(self, lead: str, timeline: Sequence[LogRecord], erased: int) -> None:
        self._start = start_of(timeline)
        if not self._as_json:
            traces = dict.fromkeys(each.event.traceparent[3:35] for each in timeline if each.event)
            count = _events(len(timeline))
            out().print(f"[bold]Lead {lead}[/]  {count}  [dim]trace {', '.join(list(traces)[:3])}[/]")
        if erased:
            err().print(f"{_events(erased)} from before this person was erased: not shown.")
        self.print(timeline)

    def print(self, timeline: Sequence[LogRecord]) -> None:
        if not self._as_json:
            self._start = self._start or start_of(timeline)
            show(timeline_table(timeline, self._start, personal=self._personal))
            return
        for each in timeline:
            if each.event is not None:
                document = orjson.loads(each.record.value)
                print_json(document if self._personal else without_personal(document), lines=True)


def _events(count: int) -> str:
    return f"{count} event{'s' * (count != 1)}"
