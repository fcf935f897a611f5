"""`leadstream funnel` and `leadstream sla`: what the metrics service knows, as tables or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import typer

from cli.context import USAGE, Answer, CommandFailed, ask, find_stack, required
from cli.output import out, print_json
from log.times import describe_duration, parse_time

if TYPE_CHECKING:
    from rich.table import Table

FunnelBy = Literal["channel", "band", "team", "rep", "source"]
SlaBy = Literal["band", "team", "rep", "channel"]
Shown = Literal["live", "history", "shadow"]
Report = dict[str, Any]

SECONDS = 60.0
"""How long a report over many leads may take."""
MOMENT = "2026-03-01, 2026-03-01T09:30+01:00, or 7d for seven days ago."
STAGES: Mapping[str, str] = {
    "captured": "Captured",
    "enriched": "Enriched",
    "scored": "Scored",
    "mql": "MQL",
    "assigned": "Owned",
    "touched": "First message",
    "contacted": "Contacted",
    "meeting": "Meeting",
    "sql": "SQL",
    "opportunity": "Opportunity",
    "won": "Won",
    "lost": "Lost",
}
GROUP_STAGES = ("captured", "mql", "assigned", "contacted", "meeting", "sql", "opportunity", "won", "lost")
"""Stages worth a column each; all of them are in `--json`."""

From = Annotated[str | None, typer.Option("--from", help=f"Leads captured since then: {MOMENT}")]
To = Annotated[str | None, typer.Option("--to", help="Leads captured before then.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as JSON, for a script.")]


def funnel(
    by: Annotated[FunnelBy, typer.Option(help="What the leads are grouped by.")] = "channel",
    start: From = None,
    end: To = None,
    mode: Annotated[Shown | None, typer.Option(help="Only these leads.", show_default="live and history")] = None,
    as_json: AsJson = False,
) -> None:
    """How many leads get how far, in total and by channel, band, team, rep or source."""
    report = _report("/v1/funnel", by=by, start=start, end=end, mode=mode)
    _show(report, lambda found: (funnel_total(found), funnel_groups(found)), as_json=as_json)


def sla(
    by: Annotated[SlaBy, typer.Option(help="What the deadlines are grouped by.")] = "band",
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Whether leads were owned and contacted in time, and how long it took."""
    report = _report("/v1/sla", by=by, start=start, end=end)
    _show(report, lambda found: (sla_table(found),), as_json=as_json)


def funnel_total(report: Report) -> Table:
    """All leads, a row for each stage, with a bar."""
    from rich.table import Table

    table = Table(title=f"Funnel{_span(report)}", title_justify="left", caption=_won(report["total"]["won_value"]))
    table.add_column("Stage")
    for heading in ("Leads", "of captured", "of the stage before"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in report["total"]["stages"]:
        share = row["of_captured"] or 0
        table.add_row(
            STAGES.get(row["stage"], row["stage"]),
            f"{row['leads']:,}",
            percent(row["of_captured"]),
            percent(row["of_previous"]),
            f"[blue]{'█' * round(20 * share)}[/]",
        )
    return table


def funnel_groups(report: Report) -> Table:
    """A row for each group, a column for each stage that counts."""
    from rich.table import Table

    table = Table(title=f"By {report['by']}", title_justify="left")
    table.add_column(report["by"].capitalize(), overflow="fold")
    for stage in GROUP_STAGES:
        table.add_column(STAGES[stage], justify="right")
    table.add_column("Won value", justify="right")
    for group in report["groups"]:
        leads = {row["stage"]: row["leads"] for row in group["stages"]}
        value = "\n".join(f"{amount:,.0f} {currency}" for currency, amount in group["won_value"].items())
        table.add_row(_text(group["key"]), *(f"{leads[stage]:,}" for stage in GROUP_STAGES), value)
    return table


def sla_table(report: Report) -> Table:
    """A row for each kind of deadline and group."""
    from rich.table import Table

    table = Table(title=f"SLA{_span(report)}", title_justify="left")
    for heading in ("Deadline", report["by"].capitalize()):
        table.add_column(heading)
    for heading in ("Kept", "In time", "Late", "Running", "Median", "9 of 10 within"):
        table.add_column(heading, justify="right")
    for row in report["rows"]:
        table.add_row(
            row["sla"],
            _text(row["key"]),
            _coloured(row["kept"]),
            *(f"{row[name]:,}" for name in ("met", "breached", "open")),
            _length(row["median_seconds"]),
            _length(row["p90_seconds"]),
        )
    return table


def percent(share: float | None) -> str:
    """A share for a table; nothing for none."""
    return "" if share is None else f"{share:.1%}"


def _length(seconds: float | None) -> str:
    return "" if seconds is None else describe_duration(seconds)


def _coloured(share: float | None) -> str:
    if share is None:
        return ""
    colour = "green" if share >= 0.9 else "yellow" if share >= 0.75 else "red"
    return f"[{colour}]{percent(share)}[/]"


def _text(value: object) -> str:
    """Square brackets in a name are no markup."""
    return str(value).replace("[", r"\[")


def _won(values: Mapping[str, float]) -> str | None:
    return "Won: " + ", ".join(f"{amount:,.2f} {_text(name)}" for name, amount in values.items()) if values else None


def _span(report: Report) -> str:
    start, end = report["from"], report["to"]
    return (f" from {start}" if start else "") + (f" to {end}" if end else "")


def _report(path: str, *, by: str, start: str | None, end: str | None, mode: str | None = None) -> Report:
    """Asks the metrics service."""
    query = query_of(by, start, end, mode, datetime.now(UTC))
    stack = find_stack("LEADSTREAM_METRICS_URL", "LEADSTREAM_ADMIN_TOKEN")
    url = f"{stack.url('metrics')}{path}?{urlencode(query)}"
    return checked(ask(url, token=required("LEADSTREAM_ADMIN_TOKEN"), seconds=SECONDS))


def query_of(by: str, start: str | None, end: str | None, mode: str | None, now: datetime) -> dict[str, str]:
    """The API's query parameters.

    Raises:
        CommandFailed: `start` or `end` can't be read.
    """
    query = {"by": by}
    for name, text in (("from", start), ("to", end)):
        if text:
            try:
                query[name] = parse_time(text, now).isoformat()
            except ValueError as error:
                raise CommandFailed(f"--{name}: {error}", USAGE) from error
    return query | ({"mode": mode} if mode else {})


def checked(answer: Answer) -> Report:
    """The report in an answer.

    Raises:
        CommandFailed: it is a refusal, or no answer of the metrics service.
    """
    if not isinstance(answer.body, dict):
        raise CommandFailed(
            f"something else than the metrics service answered (status {answer.status}); check LEADSTREAM_METRICS_URL"
        )
    if not answer.good:
        raise CommandFailed(f"{answer.body.get('title', answer.status)}: {answer.body.get('detail', '')}")
    return answer.body


def _show(report: Report, tables: Callable[[Report], Sequence[Table]], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    console = out()
    for table in tables(report):
        console.print(table)
