"""Reads CSV files as spreadsheets and CRMs write them: any usual encoding and delimiter, one row at a time."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path

from cli.context import USAGE, CommandFailed

SAMPLE_BYTES = 256 * 1024
LONGEST_CELL = 1_000_000
DELIMITERS = ",;\t|"
CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254")
SURE = 0.3
"""Coherence, from 0 to 1, of the language that was recognised in a text."""

GUARDED = ("=", "+", "-", "@", "\t", "\r", "\x00")
"""A spreadsheet would take a cell that starts with one of these for a formula."""

_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n")


@dataclass(frozen=True)
class Row:
    """One line of the table. `number` is the line it starts on in a spreadsheet: the header is 1."""

    number: int
    cells: tuple[str, ...]
    position: int
    """Bytes of the file read so far, for a progress bar."""


@dataclass(frozen=True)
class Table:
    """A CSV file that has been looked at, and can be read any number of times."""

    path: Path
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    """Names of the columns: unique, and made up where the header has none."""
    size: int
    """Bytes."""
    skipped: int
    """Lines before the header."""

    def rows(self) -> Iterator[Row]:
        """The rows below the header that are not blank.

        Raises:
            CommandFailed: the file can't be read to its end.
        """
        csv.field_size_limit(LONGEST_CELL)
        with self.path.open("rb") as raw, TextIOWrapper(raw, self.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            number = -self.skipped
            try:
                for cells in reader:
                    number += 1
                    if number > 1 and any(cell.strip() for cell in cells):
                        yield Row(number, tuple(map(unguarded, cells)), raw.tell())
            except (csv.Error, UnicodeError) as error:
                raise CommandFailed(
                    f"{self.path.name} can't be read after row {max(number, 1)}: {error}. The rows before are done; "
                    "save the file anew as CSV UTF-8 and import it again"
                ) from error


def open_table(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Table:
    """Looks at a file: its encoding, its delimiter and its header.

    Raises:
        CommandFailed: there is no such file, it is empty, or it has no header.
    """
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE_BYTES)
            size = file.seek(0, 2)
    except OSError as error:
        raise CommandFailed(f"{path} can't be read: {error.strerror}", USAGE) from error
    if not sample.strip():
        raise CommandFailed(f"{path} is empty")
    csv.field_size_limit(LONGEST_CELL)
    encoding = encoding or _encoding(path, sample)
    text = _decoded(sample, encoding)
    marked = _SEPARATOR_LINE.match(text)
    below = text[marked.end() :] if marked else text
    delimiter = delimiter or (marked[1] if marked else delimiter_of(below))
    header = next(csv.reader(StringIO(below, newline=""), delimiter=delimiter), [])
    if any("@" in cell for cell in header):
        raise CommandFailed(f"the first line of {path.name} is a row, not a header; put the columns' names above it")
    if not any(cell.strip() for cell in header):
        raise CommandFailed(f"the first line of {path.name} names no columns")
    return Table(path, encoding, delimiter, _unique(header), size, 1 if marked else 0)


def _encoding(path: Path, sample: bytes) -> str:
    """The encoding that the whole file can be read in."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if sample.count(b"\0") > len(sample) // 4:
        return "utf-16-le" if sample[1:200:2].count(0) >= sample[0:200:2].count(0) else "utf-16-be"
    foreign = _lines_beyond_ascii(path)
    return "utf-8-sig" if foreign is None else _code_page(foreign)


def _lines_beyond_ascii(path: Path) -> bytes | None:
    """Some of the lines with other than ASCII characters; None when the whole file is UTF-8."""
    foreign: list[bytes] = []
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with path.open("rb") as file:
        while chunk := file.read(SAMPLE_BYTES):
            try:
                if is_utf8:
                    decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
            if sum(map(len, foreign)) < SAMPLE_BYTES:
                foreign += [line for line in chunk.splitlines() if not line.isascii()]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return None if is_utf8 else b"\n".join(foreign)


def _code_page(text: bytes) -> str:
    """The Windows code page in which the text makes most sense; windows-1252 when that is not sure."""
    from charset_normalizer import from_bytes

    best = from_bytes(text, cp_isolation=list(CODE_PAGES)).best()
    if best is not None and best.encoding in CODE_PAGES and best.coherence > SURE:
        return best.encoding
    try:
        text.decode("cp1252")
    except UnicodeDecodeError:
        return "iso-8859-1"  # has a character for every byte
    return "cp1252"


def _decoded(sample: bytes, encoding: str) -> str:
    """The sample as text; a character cut in two at its end does not matter."""
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        return decoder.decode(sample)
    except (UnicodeDecodeError, LookupError) as error:
        raise CommandFailed(f"the file can't be read as {encoding}; name its --encoding", USAGE) from error


def delimiter_of(text: str) -> str:
    """The delimiter under which most lines have the same number of cells, and the most cells."""

    def regularity(delimiter: str) -> tuple[int, int]:
        rows = islice(csv.reader(StringIO(text, newline=""), delimiter=delimiter), 200)
        counts = Counter(len(cells) for cells in rows if cells)
        width, alike = counts.most_common(1)[0] if counts else (1, 0)
        return (alike if width > 1 else 0, width)

    return max(DELIMITERS, key=regularity)


def _unique(header: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for place, cell in enumerate(header, 1):
        name = " ".join(cell.split())[:150] or f"column {place}"
        count, unique = 1, name
        while unique in names:
            count += 1
            unique = f"{name} ({count})"
        names.append(unique)
    return tuple(names)


def guarded(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would take for a formula.

    >>> guarded("=1+1"), guarded("+44 20 7946 0018"), guarded("Ada")
    ("'=1+1", "'+44 20 7946 0018", 'Ada')
    """
    return f"'{cell}" if cell.startswith(GUARDED) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`, so that a file of rejects can be mended and imported."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(GUARDED) else cell
