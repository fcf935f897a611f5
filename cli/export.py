"""`leadstream export`: a topic, or a part of it, as a file for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import KAFKA, USAGE, CommandFailed, find_stack, run
from cli.exporting.formats import Format, format_of
from cli.moments import parse_moment
from cli.output import Report, err, print_json, progress

if TYPE_CHECKING:
    from cli.exporting.columns import Exported
    from cli.exporting.selection import Erasure
    from cli.log import Log
    from infra.settings import Settings
    from schemas.topics import Topic

AT_ONCE = 10_000
"""Events written together: a row group of a Parquet file."""
RESULTS = ("exported", "repeated", "erased", "unreadable")
MOMENT = "2026-03-01, 2026-03-01T09:30+01:00, or 7d for seven days ago."


@dataclass(frozen=True)
class Order:
    """What is to be exported, and where to."""

    topic: Topic
    out: Path
    kind: Format
    start: datetime | None = None
    end: datetime | None = None
    personal: bool = True


def export(
    topic: Annotated[str, typer.Option(help="Which topic, such as leads.captured.")],
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    *,
    kind: Annotated[
        Format | None, typer.Option("--format", help="How it is written.", show_default="the file's ending")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help=f"Written since then: {MOMENT}")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Written before then.", show_default="now")] = None,
    personal: Annotated[
        bool, typer.Option("--personal/--no-personal", help="With or without names, addresses and messages.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The counts as JSON.")] = False,
) -> None:
    """Write a topic to a file: each event once, and nothing of erased leads."""
    stack = find_stack(KAFKA)
    now = stack.clock.now()
    span = [_moment(name, text, now) for name, text in (("from", start), ("to", end))]
    order = order_of(topic, out, kind, span[0], span[1], personal=personal, force=force)
    with progress(topic) as report:
        counts = run(carry_out(stack.settings, order, report))
    if as_json:
        print_json({"file": str(out), "format": order.kind, **counts})
    else:
        err().print(summary(order, counts), soft_wrap=True, markup=False)


def order_of(
    topic: str,
    out: Path,
    kind: Format | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    personal: bool = True,
    force: bool = False,
) -> Order:
    """What is asked for, checked before anything is read.

    Raises:
        CommandFailed: it can't be done.
    """
    from schemas.topics import BY_NAME

    found = BY_NAME.get(topic)
    if found is None or not found.events:
        known = ", ".join(name for name, each in BY_NAME.items() if each.events)
        raise CommandFailed(f"there is no topic `{topic}` to export; there are {known}", USAGE)
    if out.exists() and not force:
        raise CommandFailed(f"{out} is there already; name another file, or say --force")
    if not out.parent.is_dir():
        raise CommandFailed(f"there is no folder {out.parent}")
    if start is not None and end is not None and end <= start:
        raise CommandFailed("--to must be later than --from", USAGE)
    try:
        return Order(found, out, format_of(out, kind), start, end, personal)
    except ValueError as error:
        raise CommandFailed(str(error), USAGE) from error


def _moment(name: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, now).astimezone(UTC)
    except ValueError as error:
        raise CommandFailed(f"--{name}: {error}", USAGE) from error


async def carry_out(settings: Settings, order: Order, report: Report) -> dict[str, int]:
    """Exports; returns how many records were exported, repeated, erased and unreadable.

    Raises:
        CommandFailed: the topic can't be read.
    """
    from cli.exporting.selection import Selection
    from cli.exporting.writers import writing
    from cli.log import open_log

    async with open_log(settings) as log:
        selection = Selection(order.topic, await _erasures(log))
        places = log.places((order.topic,))
        begins = await (log.at(places, order.start) if order.start else log.begins(places))
        ends = await (log.at(places, order.end) if order.end else log.ends(places))
        with writing(order.out, order.kind, order.topic, personal=order.personal) as writer:
            waiting: list[Exported] = []
            async for record in log.read(begins, ends, report):
                if (found := selection.take(record)) is not None:
                    waiting.append(found)
                if len(waiting) >= AT_ONCE:
                    writer.write(waiting)
                    waiting = []
            writer.write(waiting)
    return {name: selection.counts[name] for name in RESULTS}


async def _erasures(log: Log) -> dict[str, Erasure]:
    """Every erasure so far, by lead."""
    from cli.exporting.selection import latest_erasures
    from schemas.topics import ERASED

    places = log.places((ERASED,))
    records = [log.found(record) async for record in log.read(await log.begins(places), await log.ends(places))]
    return latest_erasures((found.event, found.written_at) for found in records)


def summary(order: Order, counts: Mapping[str, int]) -> str:
    """What was done, in a sentence for each thing that matters."""
    lines = [f"{counts['exported']:,} events of {order.topic.name} in {order.out}."]
    if counts["repeated"]:
        lines.append(f"{counts['repeated']:,} repeats left out.")
    if counts["erased"]:
        lines.append(f"{counts['erased']:,} left out because the person was erased.")
    if counts["unreadable"]:
        lines.append(f"{counts['unreadable']:,} records are no events of ours; see leads.dead.")
    return " ".join(lines)
