"""`leadstream export`: a topic, or a part of it, as a file for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import KAFKA, USAGE, CommandFailed, find_stack, run
from cli.output import err, print_json, progress
from log.export.formats import Format, format_of
from log.times import parse_time

if TYPE_CHECKING:
    from log.export.job import ExportJob

MOMENT = "2026-03-01, 2026-03-01T09:30+01:00, or 7d for seven days ago."


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
    from log.export.job import run_export

    stack = find_stack(KAFKA)
    now = stack.clock.now()
    span = [_moment(name, text, now) for name, text in (("from", start), ("to", end))]
    job = job_of(topic, out, kind, span[0], span[1], personal=personal, force=force)
    with progress(topic) as report:
        counts = run(run_export(stack.settings, job, report))
    if as_json:
        print_json({"file": str(out), "format": job.kind, **counts})
    else:
        err().print(summary(job, counts), soft_wrap=True, markup=False)


def job_of(
    topic: str,
    out: Path,
    kind: Format | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    personal: bool = True,
    force: bool = False,
) -> ExportJob:
    """Checks what is asked for, before anything is read.

    Raises:
        CommandFailed: it can't be done.
    """
    from log.export.job import ExportJob
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
        return ExportJob(found, out, format_of(out, kind), start, end, personal)
    except ValueError as error:
        raise CommandFailed(str(error), USAGE) from error


def _moment(name: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text, now).astimezone(UTC)
    except ValueError as error:
        raise CommandFailed(f"--{name}: {error}", USAGE) from error


def summary(job: ExportJob, counts: Mapping[str, int]) -> str:
    """Says what was done, in a sentence for each thing that matters."""
    lines = [f"{counts['exported']:,} events of {job.topic.name} in {job.out}."]
    if counts["repeated"]:
        lines.append(f"{counts['repeated']:,} repeats left out.")
    if counts["erased"]:
        lines.append(f"{counts['erased']:,} left out because the person was erased.")
    if counts["unreadable"]:
        lines.append(f"{counts['unreadable']:,} records are no events of ours; see leads.dead.")
    return " ".join(lines)
