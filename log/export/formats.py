"""The formats an export can have. Apart from the writers, because those take long to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


def format_of(path: Path, wanted: Format | None) -> Format:
    """Gives the format asked for, else the one that the file's ending names.

    Raises:
        ValueError: the ending names none.
    """
    if wanted is not None:
        return wanted
    ending = path.suffix.removeprefix(".").lower()
    for known in FORMATS:
        if ending == known:
            return known
    raise ValueError(f"`{path.name}` does not end in {', '.join(f'.{name}' for name in FORMATS)}; say --format")
