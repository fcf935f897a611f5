"""Arithmetic in working time: deadlines that wait for people to be at work, in any zone, over clock changes.

A moment is working time exactly when the clock on that zone's wall shows a working time of a working day. So a
window that a clock change skips is not worked, and one that it shows twice is worked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from policy import Schedule
from policy.hours import Span, offsets_on, open_spans

HORIZON_DAYS = 800
"""How far ahead working time is looked for; two years of leave, and whoever is away longer is not coming back."""

_KEPT_DAYS = 64


class NoWorkingTime(Exception):
    """A schedule has too little working time within `HORIZON_DAYS`."""


class Calendar:
    """One schedule's working time. Remembers what it worked out; that never changes an answer."""

    def __init__(self, schedule: Schedule) -> None:
        self.zone = ZoneInfo(schedule.timezone)
        self._schedule = schedule
        self._spans: dict[date, tuple[Span, ...]] = {}
        self._stretch: tuple[datetime, datetime, bool] = (datetime.max.replace(tzinfo=UTC),) * 2 + (False,)
        self._today: tuple[datetime, datetime, date, bool] | None = None

    def is_open(self, at: datetime) -> bool:
        """Returns whether `at` is working time."""
        since, until, answer = self._stretch
        if not since <= at < until:
            since, until, answer = self._stretch = self._stretch_around(at)
        return answer

    def today(self, at: datetime) -> tuple[date, bool]:
        """Returns the date on the wall at `at`, and whether it is a holiday; a weekend is none."""
        _, _, day, off = self._day(at)
        return day, off

    def add(self, start: datetime, worked: timedelta) -> datetime:
        """Returns the first moment, not before `start`, by which `worked` of working time has passed since.

        Nothing at all passes at once: `add(start, 0)` is `start`, also outside working time.

        Raises:
            NoWorkingTime: it would be later than `HORIZON_DAYS` after `start`.
        """
        if not worked:
            return start
        left = worked
        for since, until in self.spans_from(start):
            length = until - since
            if left <= length:
                return since + left
            left -= length
        raise NoWorkingTime(f"less than {worked} of working time in the {HORIZON_DAYS} days after {start:%Y-%m-%d}")

    def spans_from(self, start: datetime) -> Iterator[Span]:
        """Yields the working time from `start` on, in order, for `HORIZON_DAYS`."""
        first = start.astimezone(self.zone).date()
        for ahead in range(HORIZON_DAYS):
            for since, until in self._spans_of(first + timedelta(days=ahead)):
                if until > start:
                    yield max(since, start), until

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        known = self._spans.get(day)
        if known is None:
            if len(self._spans) >= _KEPT_DAYS:
                self._spans.clear()
            known = self._spans[day] = self._work_out(day)
        return known

    def _work_out(self, day: date) -> tuple[Span, ...]:
        windows = [(window.start, window.end) for window in self._schedule.windows(day)]
        return tuple(open_spans(day, windows, self.zone)) if windows else ()

    def _stretch_around(self, at: datetime) -> tuple[datetime, datetime, bool]:
        """Returns the open span, or the part of the local day without one, that `at` lies in."""
        start, end, day, _ = self._day(at)
        closed_since = start
        for since, until in self._spans_of(day):
            if at < since:
                return closed_since, since, False
            if at < until:
                return since, until, True
            closed_since = until
        return closed_since, end, False

    def _day(self, at: datetime) -> tuple[datetime, datetime, date, bool]:
        """Returns the local day that `at` lies in: from, until, date, whether it is a day off."""
        known = self._today
        if known is None or not known[0] <= at < known[1]:
            day = at.astimezone(self.zone).date()
            off = self._schedule.is_holiday(day)
            known = self._today = (self._midnight(day), self._midnight(day + timedelta(days=1)), day, off)
        return known

    def _midnight(self, day: date) -> datetime:
        """Returns the first moment of a local day; where a clock change skips midnight, the change."""
        midnight = datetime.combine(day, time(), UTC)
        for since, until, offset in offsets_on(day, self.zone):
            if midnight - offset < until:
                return max(midnight - offset, since)
        raise AssertionError("a day begins somewhere")
