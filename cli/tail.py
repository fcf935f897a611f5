"""`leadstream tail`: follow a topic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

import orjson
import typer
from rich.text import Text

from cli.context import KAFKA, USAGE, CommandFailed, Stack, find_stack, run
from cli.interrupts import ends_on_ctrl_c
from cli.leads import find_lead
from cli.log import Found, Log, Offsets, is_forgotten, open_log
from cli.moments import WrongMomentError, parse_moment, shown
from cli.output import err, out, print_json
from cli.personal import without_personal
from cli.sentences import tell
from cli.story import STYLES, time_of
from cli.words import printable
from schemas.topics import BY_NAME, Topic

End = Literal["beginning", "latest"]
Start = datetime | End
ENDS: dict[str, End] = {"beginning": "beginning", "latest": "latest"}


@dataclass(frozen=True)
class Order:
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
    order = Order(topic_named(topic), _start(start), lead, most, follow, personal, as_json)
    if follow:
        ends_on_ctrl_c()
    run(_tail(find_stack(KAFKA), order))


def topic_named(text: str) -> Topic:
    """The topic of that name, with or without `leads.`.

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
        return parse_moment(text, datetime.now(UTC))
    except WrongMomentError as error:
        raise CommandFailed(f"--from: {error}; or `beginning`, or `latest`", USAGE) from error


async def _tail(stack: Stack, order: Order) -> None:
    async with open_log(stack.settings) as log:
        lead = await find_lead(stack, log, order.lead) if order.lead else None
        erasures = await log.erasures(lead)
        places = log.places((order.topic,), lead)
        ends = await log.ends(places)
        begins = await _begins(log, order.start, ends)
        if order.follow and err().is_terminal:
            err().print(f"[dim]Following {order.topic.name}; Ctrl-C ends it.[/]")
        told = 0
        async for record in log.follow(begins) if order.follow else log.read(begins, ends):
            if lead is not None and record.key != lead.encode():
                continue
            found = log.found(record)
            if found.event is not None and is_forgotten(found.event, erasures):
                continue
            _print(found, order)
            told += 1
            if told == order.most:
                return


async def _begins(log: Log, start: Start, ends: Offsets) -> Offsets:
    if start == "latest":
        return ends
    return await (log.begins(ends) if start == "beginning" else log.at(ends, start))


def _print(found: Found, order: Order) -> None:
    if order.as_json:
        print_json(as_document(found, personal=order.personal), lines=True)
        return
    console = out()
    cut = console.is_terminal
    line = one_line(found, personal=order.personal)
    console.print(line, no_wrap=cut, overflow="ellipsis" if cut else None, soft_wrap=not cut)


def as_document(found: Found, *, personal: bool) -> object:
    """The event as it stands on the topic; of a record that is none, where it is and why."""
    if found.event is None:
        record = found.record
        return {
            "unreadable": found.problem,
            "topic": found.topic.name,
            "partition": record.partition,
            "offset": record.offset,
            "bytes": len(record.value or b""),
        }
    document = orjson.loads(found.record.value)
    return document if personal else without_personal(document)


def one_line(found: Found, *, personal: bool = False) -> Text:
    """An event, or what is none, in one line."""
    line = Text(shown(time_of(found), milliseconds=True), style="dim")
    if found.event is None:
        place = f"{found.record.partition} at {found.record.offset}"
        return line.append(
            f"  {found.problem}: partition {place}, {len(found.record.value or b'')} bytes", "not dim red"
        )
    said = tell(found.event)
    line.append(f"  {printable(found.event.subject)}  ")
    line.append(said.what, f"not dim {STYLES[said.tone]}")
    details = [each for each in (*(said.personal if personal else ()), *said.more) if each]
    return line.append("".join(f"; {each}" for each in details))
