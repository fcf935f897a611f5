"""Hours of the day and week: when people work, when messages may be sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_serializer, model_validator

from policy.types import DateRange, PolicyModel, TimeZone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1_440
Span = tuple[datetime, datetime]
"""From, and until just before; UTC."""

_EARLIEST, _LATEST = timedelta(hours=-16), timedelta(hours=40)
"""Around a date's UTC midnight, the moments that are that date somewhere on earth lie between these."""
_WINDOW = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.ASCII)


class TimeWindow(PolicyModel):
    """Part of a day, written `09:00-17:30`; the end is excluded, and `24:00` is midnight.

    An end before the start runs past midnight (`20:00-08:00`), where that makes sense.
    """

    start: int = Field(ge=0, lt=DAY_MINUTES, description="Minutes after midnight.")
    end: int = Field(gt=0, le=DAY_MINUTES, description="Minutes after midnight, excluded.")

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = _WINDOW.fullmatch(value.strip())
        if found is None:
            raise ValueError(f"`{value}` is not a time window; write 09:00-17:30")
        hours_1, minutes_1, hours_2, minutes_2 = map(int, found.groups())
        if max(minutes_1, minutes_2) > 59 or max(hours_1, hours_2) > 24:
            raise ValueError(f"`{value}` names a time that does not exist; the day ends at 24:00")
        start, end = hours_1 * 60 + minutes_1, hours_2 * 60 + minutes_2
        if start >= DAY_MINUTES or end > DAY_MINUTES:
            raise ValueError(f"`{value}` is outside the day, which is 00:00-24:00")
        return {"start": start, "end": end or DAY_MINUTES}

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.start == self.end:
            raise ValueError("starts and ends at the same time; write 00:00-24:00 for the whole day")
        return self

    @model_serializer
    def _write(self) -> str:
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))

    @property
    def past_midnight(self) -> bool:
        """True when it ends on the next day."""
        return self.end < self.start

    def contains(self, at: time) -> bool:
        """Returns whether the local time of day `at` lies in the window."""
        minute = at.hour * 60 + at.minute
        if self.past_midnight:
            return minute >= self.start or minute < self.end
        return self.start <= minute < self.end


def _in_sequence(windows: tuple[TimeWindow, ...]) -> tuple[TimeWindow, ...]:
    for window in windows:
        if window.past_midnight:
            raise ValueError("runs past midnight; give each day its own part, such as 22:00-24:00 and 00:00-06:00")
    for earlier, later in pairwise(windows):
        if later.start < earlier.end:
            raise ValueError("windows of one day must not overlap and must be in order")
    return windows


DayHours = Annotated[tuple[TimeWindow, ...], AfterValidator(_in_sequence)]
"""The windows of one day, in order; empty is a day off."""


def days_of(key: str) -> tuple[str, ...]:
    """Returns the days that a key such as `mon`, `mon-fri` or `daily` stands for; empty when it is none of these."""
    if key == "daily":
        return DAYS
    first, _, last = key.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        return ()
    return DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]


class WeeklyHours(PolicyModel):
    """Hours of a week in somebody's local time; a day left out is off.

    Written by day or by range of days: `{mon-thu: 09:00-17:30, fri: [09:00-12:00, 13:00-16:00]}`.
    A single day overrides a range that includes it.
    """

    mon: DayHours = ()
    tue: DayHours = ()
    wed: DayHours = ()
    thu: DayHours = ()
    fri: DayHours = ()
    sat: DayHours = ()
    sun: DayHours = ()

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        spread: dict[Any, Any] = {}
        # Widest ranges first, so that the narrower one has the last word.
        for key in sorted(value, key=lambda key: -len(days_of(key)) if isinstance(key, str) else 0):
            windows = (value[key],) if isinstance(value[key], str) else value[key]
            spread.update(dict.fromkeys(days_of(key) if isinstance(key, str) else (), windows) or {key: windows})
        return spread

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if not any(self.week()):
            raise ValueError("has no hours at all; name at least one day, such as mon-fri: 09:00-17:30")
        return self

    def week(self) -> tuple[tuple[TimeWindow, ...], ...]:
        """Returns the windows of each day, Monday first, as `date.weekday()` counts."""
        return (self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun)

    def on(self, weekday: int) -> tuple[TimeWindow, ...]:
        """Returns the windows of a day by `date.weekday()`: 0 is Monday."""
        return self.week()[weekday]


class Schedule(PolicyModel):
    """Working hours, in a time zone, but for days off."""

    timezone: TimeZone
    working_hours: WeeklyHours
    holidays: tuple[DateRange, ...] = Field(default=(), description="Days off, in that time zone.")

    def is_holiday(self, day: date) -> bool:
        """Returns whether `day`, a date in the schedule's time zone, is off; a weekend is no holiday."""
        return any(day in off for off in self.holidays)

    def windows(self, day: date) -> Iterator[TimeWindow]:
        """Yields the windows worked on `day`, a date in the schedule's time zone."""
        if not self.is_holiday(day):
            yield from self.working_hours.on(day.weekday())


# -- hours on the wall, as moments ----------------------------------------------------------------------------------


def open_spans(
    day: date, minutes: Iterable[tuple[int, int]], zone: tzinfo, *, move_skipped: bool = False
) -> list[Span]:
    """Returns when the clock on the zone's wall shows `day` and a time in one of the windows, in order.

    A window that a clock change skips is never shown, and one that it repeats is shown twice; of one that it cuts,
    what is left is.

    Args:
        day: the date on the wall.
        minutes: the windows: minutes after midnight from which, and before which.
        zone: whose wall.
        move_skipped: a window that is skipped whole is taken as if the clock had not changed yet, so later on the
            wall, for what must happen that day.
    """
    midnight, offsets = datetime.combine(day, time(), UTC), offsets_on(day, zone)
    spans: list[Span] = []
    for start, end in minutes:
        begins, ends = midnight + timedelta(minutes=start), midnight + timedelta(minutes=end)
        shown = [(max(begins - offset, since), min(ends - offset, until)) for since, until, offset in offsets]
        shown = [span for span in shown if span[0] < span[1]]
        if not shown and move_skipped:
            before = offsets[0][2]
            shown = [(begins - before, ends - before)]
        spans += shown
    return sorted(spans) if len(offsets) > 1 else spans


@lru_cache(maxsize=4_096)
def offsets_on(day: date, zone: tzinfo) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """Returns the moments that may be `day` in the zone, cut where its distance from UTC changes: from, until, and
    that distance. It changes at most once in two days, anywhere, ever.
    """
    midnight = datetime.combine(day, time(), UTC)
    since, until = midnight + _EARLIEST, midnight + _LATEST
    before, after = _offset(since, zone), _offset(until, zone)
    if before == after:
        return ((since, until, before),)
    low, high = since, until
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return (since, high, before), (high, until, after)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None, "a time with a zone has an offset"
    return offset
