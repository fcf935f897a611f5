"""Time is handed in, so that a demo and a test can travel."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar


class Clock:
    """The machine's time, in UTC."""

    look_again: ClassVar[float] = 0.25
    """Seconds after which somebody who waits for a moment looks at the clock again, at the latest."""

    def now(self) -> datetime:
        """This moment, timezone-aware."""
        return datetime.now(UTC)


class OffsetClock(Clock):
    """The machine's time moved by an offset that several processes share through a file.

    The file holds one little-endian double: seconds to add. It is read anew at each call, so moving the offset
    moves every process at once, and between two moves time passes at its natural speed.
    """

    look_again: ClassVar[float] = 0.02  # it may jump

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(struct.pack("<d", 0.0))
        self._file = path.open("rb", buffering=0)

    def offset(self) -> timedelta:
        """How far this clock is ahead of the machine's."""
        self._file.seek(0)
        seconds: float = struct.unpack("<d", self._file.read(8))[0]
        return timedelta(seconds=seconds)

    def now(self) -> datetime:
        """This moment plus the shared offset."""
        return datetime.now(UTC) + self.offset()

    def move_to(self, moment: datetime) -> None:
        """Sets the shared offset so that it is `moment` now."""
        seconds = (moment - datetime.now(UTC)).total_seconds()
        with self._path.open("r+b", buffering=0) as file:
            file.write(struct.pack("<d", seconds))


class ManualClock(Clock):
    """Stands still until it is moved; for tests."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self.time

    def advance(self, by: timedelta) -> None:
        """Moves on."""
        self.time += by


def clock_from(offset_file: Path | None) -> Clock:
    """The clock that the settings ask for."""
    return OffsetClock(offset_file) if offset_file else Clock()
