"""What is to be imported and how; what became of it; and the file of refused rows."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.context import USAGE, CommandFailed
from cli.importing.mapping import IGNORED, Reader, map_columns
from cli.importing.table import Row, Table, guarded, open_table

FIRST_PROBLEMS = 10
REJECTS_ENDING = ".rejects.csv"
ADDED_COLUMNS = ("row", "reason")
"""What a file of rejects has besides the original's columns."""


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be read and sent."""

    channel: str = "csv_import"
    source: str | None = None
    """None: the file's name."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Column → field, for columns whose name does not tell."""
    history: bool = False
    """Leads of the past: they are decided about and counted, and nobody is written to."""
    submitted_at: datetime | None = None
    """When the leads were submitted, for rows that don't say."""
    date_format: str | None = None
    zone: str = "UTC"
    encoding: str | None = None
    delimiter: str | None = None
    dry_run: bool = False


@dataclass
class ImportSummary:
    """What became of the rows."""

    file: str
    mapping: dict[str, str]
    rows: int = 0
    accepted: int = 0
    new_leads: int = 0
    repeated: int = 0
    refused: int = 0
    rejects_file: str | None = None
    problems: list[str] = field(default_factory=list)
    """The first reasons for refusing, each with its row."""
    seconds: float = 0.0

    def refuse(self, row: Row, reason: str) -> None:
        """Counts a refused row."""
        self.refused += 1
        if len(self.problems) < FIRST_PROBLEMS:
            self.problems.append(f"row {row.number}: {reason}")


class Rejects:
    """`<file>.rejects.csv`: refused rows as they were, with their number and the reason. Written when there is one."""

    def __init__(self, table: Table) -> None:
        self.path = table.path.with_name(table.path.name + REJECTS_ENDING)
        self._table = table
        self._files = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, row: Row, reason: str) -> None:
        """Writes one row."""
        if self._writer is None:
            file = self._files.enter_context(self.path.open("w", encoding="utf-8-sig", newline=""))
            self._writer = csv.writer(file, delimiter=self._table.delimiter)
            self._writer.writerow([*map(guarded, self._table.columns), *ADDED_COLUMNS])
        width = len(self._table.columns)
        cells = [*row.cells, *[""] * (width - len(row.cells))]
        self._writer.writerow([*map(guarded, cells), row.number, guarded(reason)])

    @property
    def written(self) -> str | None:
        """The file's path, when there was anything to write."""
        return str(self.path) if self._writer is not None else None


@dataclass(frozen=True)
class ImportPlan:
    """A table, and how its rows become documents."""

    table: Table
    options: ImportOptions
    reader: Reader

    def check(self) -> None:
        """Refuses early what would refuse every row.

        Raises:
            CommandFailed: no column says who a lead is, or when, where that is needed.
        """
        targets = {column.target for column in self.reader.columns}
        if not any(target in ("email", "phone", "lead_id") or target.startswith("external_ids.") for target in targets):
            raise CommandFailed(
                f"no column of {self.table.path.name} says who a lead is. Name the one with the address or number: "
                f"--map 'COLUMN=email'. There are: {', '.join(self.table.columns)}"
            )
        if self.options.history and self.options.submitted_at is None and "submitted_at" not in targets:
            raise CommandFailed(
                "history needs to know when each lead was submitted. Name the column (--map 'COLUMN=submitted_at') or "
                "one moment for all (--submitted-at)"
            )

    def document(self, row: Row) -> dict[str, Any]:
        """The row as the direct API takes it.

        Raises:
            ValueError: it can't be.
        """
        from schemas.base import derived_id

        options = self.options
        document = self.reader.document(row.cells, dates_needed=options.history)
        document.setdefault("id", derived_id("csv", self.table.path.name, *row.cells))
        document["channel"] = options.channel
        document["source"] = options.source or self.table.path.name.removesuffix(REJECTS_ENDING)
        if options.submitted_at is not None:
            document.setdefault("submitted_at", options.submitted_at.isoformat())
        if options.history:
            document["mode"] = "history"
        return document


def plan_of(path: Path, options: ImportOptions) -> ImportPlan:
    """Looks at the file and checks what can be checked before its rows are read.

    Raises:
        CommandFailed: it can't be imported like this.
    """
    table = open_table(path, options.encoding, options.delimiter)
    mapping = dict(options.mapping)
    if path.name.endswith(REJECTS_ENDING):
        mapping = {**{name: IGNORED for name in ADDED_COLUMNS if name in table.columns}, **mapping}
    plan = ImportPlan(
        table, options, Reader(map_columns(table.columns, mapping), options.date_format, _zone(options.zone))
    )
    plan.check()
    return plan


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CommandFailed(f"--timezone: `{name}` is no IANA time zone, such as Europe/London", USAGE) from error
