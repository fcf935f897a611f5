"""Writes exported events as JSON lines, CSV or Parquet. A file appears under its name only when it is whole."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from log.export.columns import Exported, arrow_schema, columns_of, visible
from log.export.formats import Format
from schemas.topics import Topic

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell of text that begins so is run as a formula by a spreadsheet; the last four are the full-width forms."""


class Writer(Protocol):
    """One file being written."""

    def write(self, events: Sequence[Exported]) -> None:
        """Adds events."""
        ...

    def close(self) -> None:
        """Writes what is still held back."""
        ...


@contextmanager
def writing(path: Path, kind: Format, topic: Topic, *, personal: bool) -> Iterator[Writer]:
    """Opens a writer for `path`; nothing is left there when it is broken off."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            writer = _writer(kind, file, topic, personal=personal)
            try:
                yield writer
            finally:
                writer.close()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _writer(kind: Format, file: IO[bytes], topic: Topic, *, personal: bool) -> Writer:
    if kind == "jsonl":
        return JsonLines(file, personal=personal)
    if kind == "csv":
        return Csv(file, topic, personal=personal)
    return Parquet(file, topic, personal=personal)


class JsonLines:
    """The events as they were written, one a line."""

    def __init__(self, file: IO[bytes], *, personal: bool) -> None:
        self._file = file
        self._personal = personal

    def write(self, events: Sequence[Exported]) -> None:
        """Adds a line for each."""
        lines = (orjson.dumps(visible(event, personal=self._personal)) + b"\n" for event in events)
        self._file.writelines(lines)

    def close(self) -> None:
        """Flushes the file; no event is held back."""
        self._file.flush()


class Csv:
    """The flat columns as text, safe to open in a spreadsheet."""

    def __init__(self, file: IO[bytes], topic: Topic, *, personal: bool) -> None:
        self._columns = columns_of(topic, personal=personal)
        self._file = file
        self._row([column.name for column in self._columns])

    def write(self, events: Sequence[Exported]) -> None:
        """Adds a row for each."""
        for event in events:
            self._row([cell(column.value(event)) for column in self._columns])

    def _row(self, cells: Sequence[str]) -> None:
        csv.writer(_Encoded(self._file)).writerow(cells)

    def close(self) -> None:
        """Flushes the file; no event is held back."""
        self._file.flush()


class _Encoded:
    """Lets the csv module write to a binary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode("utf-8", "backslashreplace"))


def cell(value: Any) -> str:
    """Writes a value as a CSV cell. Text that a spreadsheet would run as a formula gets a `'` before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return str(value)


class Parquet:
    """The flat columns with their types, compressed."""

    def __init__(self, file: IO[bytes], topic: Topic, *, personal: bool) -> None:
        self._columns = columns_of(topic, personal=personal)
        self._schema = arrow_schema(self._columns)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, events: Sequence[Exported]) -> None:
        """Adds a row group."""
        if events:
            arrays = [pa.array([column.value(event) for event in events], column.kind) for column in self._columns]
            self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def close(self) -> None:
        """Writes the footer, without which the file can't be read."""
        self._writer.close()
