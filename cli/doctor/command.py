"""`leadstream doctor`: everything at a glance, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.context import FAILED, KAFKA, find_stack, run
from cli.doctor.checks import Finding, Level, findings
from cli.doctor.collect import collect
from cli.output import err, out, print_json, show
from log.sentence import printable

MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "unknown": ("?", "dim"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
}


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="The findings as one JSON document.")] = False
) -> None:
    """Check everything, and say how to fix what is wrong.

    Kafka and its topics, Postgres with its roles, schemas and migrations, Redis, the policy, every service, lag,
    sequence gaps, dead letters of the last day, and the clocks. Ends with 1 when something is wrong.
    """
    stack = find_stack(KAFKA)
    with nullcontext() if as_json else err().status("Looking"):
        found = findings(run(collect(stack)))
    problems = [finding for finding in found if finding.level == "problem"]
    if as_json:
        print_json({"ok": not problems, "findings": [asdict(finding) for finding in found]})
    else:
        show(as_table(found))
        out().print(_summary(found))
    if problems:
        raise typer.Exit(FAILED)


def as_table(found: Sequence[Finding]) -> Table:
    """Gives a row for each; what to do stands below what is wrong."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in found:
        mark, style = MARKS[finding.level]
        what = Text(printable(finding.what), style="" if finding.level == "ok" else style)
        if finding.fix:
            what.append(f"\n→ {printable(finding.fix)}", style="not dim default")
        table.add_row(Text(mark, style=style), Text(finding.check, style="bold"), what)
    return table


def _summary(found: Sequence[Finding]) -> str:
    counts = {level: sum(finding.level == level for finding in found) for level in MARKS}
    if not counts["problem"] and not counts["warning"]:
        return "[green]Nothing is wrong.[/]"
    return f"[bold]{counts['problem']} problems, {counts['warning']} warnings.[/]"
