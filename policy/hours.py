"""Hours of the day and week: when people work, when messages may be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_serializer, model_validator

from policy.types import DateRange, PolicyModel, TimeZone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 1_440
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

    def windows(self, day: date) -> Iterator[TimeWindow]:
        """Yields the windows worked on `day`, a date in the schedule's time zone."""
        if not any(day in off for off in self.holidays):
            yield from self.working_hours.on(day.weekday())
