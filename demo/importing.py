"""Writes a list as a CSV file and has the real importer take it in."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rich.console import Console

from cli.importer import ImportOptions, import_csv
from cli.importing.sending import HttpClient
from demo.actions import Import


def import_list(what: Import, folder: Path, client: HttpClient) -> tuple[int, int]:
    """Leaves the file, and that of its refused rows, in `folder`. Returns how many rows were accepted and refused.

    The cells are divided by semicolons, as spreadsheets in half of Europe do it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / what.name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(what.header)
        writer.writerows(what.rows)
    summary = import_csv(path, ImportOptions(source=what.source), client, Console(file=io.StringIO()))
    return summary.accepted, summary.refused
