"""`leadstream import`: a CSV list of leads, sent to capture row by row, with a file of what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import FAILED, USAGE, CommandFailed, find_stack, required
from cli.importing.plan import ImportOptions, ImportPlan, ImportSummary, Rejects, plan_of
from cli.importing.sending import BATCH_ROWS, Client, HttpClient, Sender, reason_of
from cli.importing.table import Row
from cli.output import err, out, print_json
from log.times import parse_time

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ImportOptions", "ImportSummary", "import_", "import_csv"]


def import_csv(path: Path, options: ImportOptions, client: Client | None, console: Console) -> ImportSummary:
    """Imports a file; with `dry_run`, only tells what would be done (and needs no client).

    The same file imported again changes nothing: a row's id is made from the file's name and its cells.

    Raises:
        CommandFailed: the file can't be read, or capture does not take its rows.
    """
    started = monotonic()
    plan = plan_of(path, options)
    summary = ImportSummary(str(path), {column.name: column.target for column in plan.reader.columns})
    if options.dry_run:
        from cli.importing.trial import try_out

        try_out(plan, summary, console)
    else:
        assert client is not None, "only a dry run needs nobody to send to"
        _send_all(plan, summary, Sender(client), console)
    summary.seconds = round(monotonic() - started, 3)
    return summary


def _send_all(plan: ImportPlan, summary: ImportSummary, sender: Sender, console: Console) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]} rows"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with Rejects(plan.table) as rejects, bar:
        task = bar.add_task(plan.table.path.name, total=plan.table.size, done=0)
        for batch in _batches(plan, summary, rejects):
            _send(batch, summary, sender, rejects)
            bar.update(task, completed=batch[-1][0].position, done=summary.rows)
        summary.rejects_file = rejects.written


Batch = list[tuple[Row, dict[str, Any]]]


def _batches(plan: ImportPlan, summary: ImportSummary, rejects: Rejects) -> Iterator[Batch]:
    """The rows that capture is asked about. When the file breaks off, those before that are still sent."""
    batch: Batch = []
    broken: CommandFailed | None = None
    try:
        for row in plan.table.rows():
            summary.rows += 1
            try:
                batch.append((row, plan.document(row)))
            except ValueError as error:
                summary.refuse(row, str(error))
                rejects.add(row, str(error))
            if len(batch) == BATCH_ROWS:
                yield batch
                batch = []
    except CommandFailed as error:
        broken = error
    if batch:
        yield batch
    if broken is not None:
        raise broken


def _send(batch: Batch, summary: ImportSummary, sender: Sender, rejects: Rejects) -> None:
    results = sender.results([document for _, document in batch])
    for (row, _), result in zip(batch, results, strict=True):
        if result.get("status") != 202:
            reason = reason_of(result)
            summary.refuse(row, reason)
            rejects.add(row, reason)
        elif result.get("duplicate"):
            summary.repeated += 1
        else:
            summary.accepted += 1
            summary.new_leads += bool(result.get("new"))


# -- the command -------------------------------------------------------------------------------------------------------


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header.", dir_okay=False)],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=FIELD", help="What a column means; - leaves it out.")
    ] = None,
    channel: Annotated[str, typer.Option(help="What the leads came through.")] = "csv_import",
    source: Annotated[str | None, typer.Option(help="Which list.", show_default="the file's name")] = None,
    submitted_at: Annotated[
        str | None, typer.Option("--submitted-at", help="When, for rows that don't say: 2026-03-01, or 7d (ago).")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option("--date-format", help="How dates are written, such as %d/%m/%Y.", show_default="ISO")
    ] = None,
    *,
    timezone: Annotated[str, typer.Option(help="Of dates that name none.")] = "UTC",
    encoding: Annotated[str | None, typer.Option(help="Of the file.", show_default="found out")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between cells.", show_default="found out")] = None,
    history: Annotated[bool, typer.Option("--history", help="Leads of the past: nobody is written to.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done; send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Import a list of leads; what is refused goes to FILE.rejects.csv. Importing a file again changes nothing."""
    options = ImportOptions(
        channel=channel,
        source=source,
        mapping=mapping_of(mapping or []),
        history=history,
        submitted_at=_submitted(submitted_at),
        date_format=date_format,
        zone=timezone,
        encoding=encoding,
        delimiter=_one_character(delimiter),
        dry_run=dry_run,
    )
    client = None
    if not dry_run:
        stack = find_stack()
        client = HttpClient(stack.url("capture"), required("LEADSTREAM_CAPTURE_TOKEN").split(",")[0].strip())
    summary = import_csv(file, options, client, err() if as_json or not dry_run else out())
    if as_json:
        print_json(asdict(summary))
    else:
        err().print(summary_text(summary, dry_run=dry_run), soft_wrap=True, markup=False)
    if summary.refused:
        raise typer.Exit(FAILED)


def mapping_of(said: list[str]) -> dict[str, str]:
    """Reads `COLUMN=FIELD` options; a column's name may contain `=`.

    Raises:
        CommandFailed: one is not of that form.
    """
    mapping = {}
    for each in said:
        column, equals, target = each.rpartition("=")
        if not equals or not column.strip() or not target.strip():
            raise CommandFailed(f"--map {each}: write COLUMN=FIELD, such as 'Work mail=email'", USAGE)
        mapping[column.strip()] = target.strip()
    return mapping


def _submitted(text: str | None) -> datetime | None:
    if text is None:
        return None
    from infra.clock import Clock

    try:
        return parse_time(text, Clock().now())
    except ValueError as error:
        raise CommandFailed(f"--submitted-at: {error}", USAGE) from error


def _one_character(delimiter: str | None) -> str | None:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
    if delimiter is not None and len(delimiter) != 1:
        raise CommandFailed("--delimiter is one character, or `tab`", USAGE)
    return delimiter


def summary_text(summary: ImportSummary, *, dry_run: bool = False) -> str:
    """The summary in sentences."""
    rows, accepted, refused = f"{summary.rows:,} rows", f"{summary.accepted:,}", f"{summary.refused:,} refused"
    if dry_run:
        lines = [f"{rows} looked at: {accepted} would be accepted, {refused}."]
    else:
        leads, before = f"{summary.new_leads:,} new leads", f"{summary.repeated:,} imported before"
        lines = [f"{rows} in {summary.seconds:.1f} s: {accepted} accepted ({leads}), {before}, {refused}."]
    lines += [f"  {problem}" for problem in summary.problems]
    if summary.refused > len(summary.problems):
        lines.append(f"  and {summary.refused - len(summary.problems):,} more")
    if summary.rejects_file:
        lines.append(f"Refused rows are in {summary.rejects_file}; mend them there and import that file.")
    return "\n".join(lines)
