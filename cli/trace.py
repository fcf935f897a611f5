"""`leadstream trace`: everything that happened to one lead, with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import orjson
import typer

from cli.context import KAFKA, CommandFailed, Stack, find_stack, run
from cli.interrupts import ends_on_ctrl_c
from cli.leads import find_lead
from cli.log import Found, Log, Offsets, is_forgotten, open_log
from cli.output import Report, err, out, print_json, progress, show
from cli.personal import without_personal
from cli.story import in_order, start_of, story_table
from schemas.topics import COMMANDS, POLICIES, TOPICS, Topic

TOLD: tuple[Topic, ...] = tuple(topic for topic in TOPICS if topic.events and topic not in (POLICIES, COMMANDS))
"""Topics that hold events of leads."""


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
    if follow:
        ends_on_ctrl_c()
    run(_trace(find_stack(KAFKA), who, _Printer(personal=personal, as_json=as_json), follow=follow))


async def _trace(stack: Stack, who: str, printer: _Printer, *, follow: bool) -> None:
    async with open_log(stack.settings) as log:
        lead = await find_lead(stack, log, who)
        # Taken before the story is read: what comes in between is read twice rather than never.
        onwards = await log.ends(log.places(TOLD, lead))
        with progress("Reading the lead's partition") as report:
            story, forgotten = await read_story(log, lead, report)
        if not story and not forgotten and not follow:
            raise CommandFailed(f"nothing is in the log of lead {lead}")
        printer.begin(lead, story, forgotten)
        if follow:
            await _follow(log, lead, onwards, story, printer)


async def _follow(log: Log, lead: str, onwards: Offsets, story: Sequence[Found], printer: _Printer) -> None:
    known = {each.event.id for each in story if each.event}
    async for record in log.follow(onwards):
        if record.key != lead.encode():
            continue
        found = log.found(record)
        if found.event is None or found.event.id not in known:
            printer.print([found])
        if found.event is not None:
            known.add(found.event.id)


async def read_story(log: Log, lead: str, report: Report | None = None) -> tuple[list[Found], int]:
    """A lead's events in order, and how many more there are from before it was erased."""
    places, key = log.places(TOLD, lead), lead.encode()
    erasures = await log.erasures(lead)
    records = log.read(await log.begins(places), await log.ends(places), report)
    story = in_order([log.found(record) async for record in records if record.key == key])
    kept = [each for each in story if each.event is None or not is_forgotten(each.event, erasures)]
    return kept, len(story) - len(kept)


class _Printer:
    """Prints a story, and what is added to it."""

    def __init__(self, *, personal: bool, as_json: bool) -> None:
        self._personal = personal
        self._as_json = as_json
        self._start: datetime | None = None

    def begin(self, lead: str, story: Sequence[Found], forgotten: int) -> None:
        self._start = start_of(story)
        if not self._as_json:
            traces = dict.fromkeys(each.event.traceparent[3:35] for each in story if each.event)
            count = _events(len(story))
            out().print(f"[bold]Lead {lead}[/]  {count}  [dim]trace {', '.join(list(traces)[:3])}[/]")
        if forgotten:
            err().print(f"{_events(forgotten)} from before this person was erased: not shown.")
        self.print(story)

    def print(self, story: Sequence[Found]) -> None:
        if not self._as_json:
            self._start = self._start or start_of(story)
            show(story_table(story, self._start, personal=self._personal))
            return
        for each in story:
            if each.event is not None:
                document = orjson.loads(each.record.value)
                print_json(document if self._personal else without_personal(document), lines=True)


def _events(count: int) -> str:
    return f"{count} event{'s' * (count != 1)}"
