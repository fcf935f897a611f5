"""Writes a list as a CSV file and has it imported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from demo.actions import Import

ImportFile = Callable[[Path, str], tuple[int, int]]
"""Imports a CSV file as the list of that name; returns how many rows were accepted and how many refused."""


def import_list(what: Import, folder: Path, import_file: ImportFile) -> tuple[int, int]:
    """Leaves the file, and that of its refused rows, in `folder`. Returns how many rows were accepted and refused.

    The cells are divided by semicolons, as spreadsheets in half of Europe do it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / what.name
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(what.header)
        writer.writerows(what.rows)
    return import_file(path, what.source)
