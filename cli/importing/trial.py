"""The dry run: reads the first rows as capture would, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cli.importing.mapping import IGNORED, Column
from cli.importing.plan import ImportPlan, ImportSummary
from cli.importing.sending import reason_of
from policy import Identity
from services.capture.domain.errors import InvalidInput
from services.capture.domain.items import Received
from services.capture.domain.submissions import InputContext, lead_item

TRIED_ROWS = 1_000


def try_out(plan: ImportPlan, summary: ImportSummary, console: Console) -> None:
    """Reads the first rows as capture would, and shows what the columns are taken for."""
    examples: dict[str, str] = {}
    now = datetime.now(UTC)
    # Only the default region of phone numbers depends on the policy in force, which a dry run does not ask for.
    rules = Identity(default_phone_region="US")
    for row in plan.table.rows():
        if summary.rows == TRIED_ROWS:
            break
        summary.rows += 1
        for column, cell in zip(plan.reader.columns, row.cells, strict=False):
            if cell.strip():
                examples.setdefault(column.name, cell.strip())
        try:
            lead_item(
                plan.document(row), InputContext(rules, Received("dry-run", now, "csv_import", b"", {}), "dry-run")
            )
        except ValueError as error:
            summary.refuse(row, str(error))
        except InvalidInput as error:
            fields = [{"pointer": each.pointer, "reason": each.reason} for each in error.problems]
            summary.refuse(row, reason_of({"errors": fields, "detail": error.detail}))
        else:
            summary.accepted += 1
    _show_mapping(plan, examples, console)


def _show_mapping(plan: ImportPlan, examples: Mapping[str, str], console: Console) -> None:
    table = plan.table
    grid = Grid(
        title=f"{table.path.name}: {table.encoding}, cells divided by {table.delimiter!r}", title_justify="left"
    )
    for heading in ("Column", "Field", "First value"):
        grid.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=40)
    for column in plan.reader.columns:
        grid.add_row(Text(column.name), Text(_field(column)), Text(examples.get(column.name, "")))
    console.print(grid)


def _field(column: Column) -> str:
    if column.target == IGNORED:
        return "left out"
    return column.target if column.sure else f"{column.target} (a guess)"
