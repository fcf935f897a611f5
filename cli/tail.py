"""`leadstream tail`: follow a topic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.text import Text

from cli.context import KAFKA, USAGE, CommandFailed, Stack, find_stack, run
from cli.leads import lead_named
from cli.output import err, out, print_json
from log.describe import describe
from log.reader import Log, LogRecord, Offsets, document_of, is_erased, open_log
from log.sentence import printable
from log.timeline import STYLES, time_of
from log.times import InvalidTimeError, format_time, parse_time
from schemas.topics import BY_NAME, Topic

End = Literal["beginning", "latest"]
Start = datetime | End
ENDS: dict[str, End] = {"beginning": "beginning", "latest": "latest"}


@dataclass(frozen=True)
class TailOptions:
    """What is to be shown, and how.

    Attributes:
        start: since when it was written.
        lead: only this one: an id, an address or a number.
        most: end after this many events.
        follow: wait for more.
    """

    topic: Topic
    start: Start
    lead: str | None
    most: int | None
    follow: bool
    personal: bool
    as_json: bool


def tail(
    topic: Annotated[str, typer.Argument(help="Such as leads.captured, or just captured.")],
    *,
    start: Annotated[
        str, typer.Option("--from", help="beginning, latest, a moment such as 2026-03-01T09:30, or 15m for 15 min ago.")
    ] = "latest",
    lead: Annotated[str | None, typer.Option(help="Only this lead: its id, email address or phone number.")] = None,
    most: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="End after this many events.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for more, until Ctrl-C.")] = True,
    personal: Annotated[bool, typer.Option("--personal", help="Also names, addresses and messages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The events, one JSON document a line.")] = False,
) -> None:
    """Follow a topic, one event a line.

    A lead's events come in their order; times are UTC. Nothing personal is printed unless you ask, and nothing at all
    of what was known of a person before an erasure. Records that are no events of the topic are told as such.
    """
    options = TailOptions(topic_named(topic), _start(start), lead, most, follow, personal, as_json)
    run(_tail(find_stack(KAFKA), options))


def topic_named(text: str) -> Topic:
    """Finds the topic of that name, with or without `leads.`.

    Raises:
        CommandFailed: there is none.
    """
    found = BY_NAME.get(text) or BY_NAME.get(f"leads.{text}")
    if found is None:
        raise CommandFailed(f"there is no topic `{text}`; there are {', '.join(BY_NAME)}", USAGE)
    return found


def _start(text: str) -> Start:
    if text in ENDS:
        return ENDS[text]
    try:
        return parse_time(text, datetime.now(UTC))
    except InvalidTimeError as error:
        raise CommandFailed(f"--from: {error}; or `beginning`, or `latest`", USAGE) from error


async def _tail(stack: Stack, options: TailOptions) -> None:
    async with open_log(stack.settings) as log:
        lead = await lead_named(stack, log, options.lead) if options.lead else None
        erasures = await log.erasures(lead)
        places = log.places((options.topic,), lead)
        ends = await log.ends(places)
        begins = await _begins(log, options.start, ends)
        if options.follow and err().is_terminal:
            err().print(f"[dim]Following {options.topic.name}; Ctrl-C ends it.[/]")
        printed = 0
        async for record in log.follow(begins) if options.follow else log.read(begins, ends):
            if lead is not None and record.key != lead.encode():
                continue
            found = log.decode(record)
            if found.event is not None and is_erased(found.event, erasures):
                continue
            _print(found, options)
            printed += 1
            if printed == options.most:
                return


async def _begins(log: Log, start: Start, ends: Offsets) -> Offsets:
    if start == "latest":
        return ends
    return await (log.begins(ends) if start == "beginning" else log.at(ends, start))


def _print(found: LogRecord, options: TailOptions) -> None:
    if options.as_json:
        print_json(document_of(found, personal=options.personal), lines=True)
        return
    console = out()
    cut = console.is_terminal
    line = one_line(found, personal=options.personal)
    console.print(line, no_wrap=cut, overflow="ellipsis" if cut else None, soft_wrap=not cut)


def one_line(found: LogRecord, *, personal: bool = False) -> Text:
    """Puts an event, or what is none, into one line."""
    line = Text(format_time(time_of(found), milliseconds=True), style="dim")
    if found.event is None:
        place = f"{found.record.partition} at {found.record.offset}"
        return line.append(
            f"  {found.problem}: partition {place}, {len(found.record.value or b'')} bytes", "not dim red"
        )
    sentence = describe(found.event)
    line.append(f"  {printable(found.event.subject)}  ")
    line.append(sentence.what, f"not dim {STYLES[sentence.tone]}")
    details = [each for each in (*(sentence.personal if personal else ()), *sentence.more) if each]
    return line.append("".join(f"; {each}" for each in details))
