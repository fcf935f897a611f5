"""Arithmetic in working time: deadlines that wait for people to be at work, in any zone, over clock changes.

A moment is working time exactly when the clock on that zone's wall shows a working time of a working day. So a
window that a clock change skips is not worked, and one that it shows twice is worked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from policy import Schedule

HORIZON_DAYS = 800
"""How far ahead working time is looked for; two years of leave, and whoever is away longer is not coming back."""

_EARLIEST, _LATEST = timedelta(hours=-16), timedelta(hours=40)
"""Around a date's UTC midnight, the moments that are that date somewhere on earth lie between these."""
_KEPT_DAYS = 64

Span = tuple[datetime, datetime]
"""From, and until just before; UTC."""


class NoWorkingTime(Exception):
    """A schedule has too little working time within `HORIZON_DAYS`."""


class Calendar:
    """One schedule's working time. Remembers what it worked out; that never changes an answer."""

    def __init__(self, schedule: Schedule) -> None:
        self.zone = ZoneInfo(schedule.timezone)
        self._week = schedule.working_hours.week()
        self._off = schedule.holidays
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
        for since, until in self._spans_from(start):
            length = until - since
            if left <= length:
                return since + left
            left -= length
        raise NoWorkingTime(f"less than {worked} of working time in the {HORIZON_DAYS} days after {start:%Y-%m-%d}")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Returns how much working time lies between `start` and `end`; zero when `end` is not after `start`."""
        total = timedelta()
        for since, until in self._spans_from(start):
            if since >= end:
                break
            total += min(until, end) - since
        return total

    def next_opening(self, at: datetime) -> datetime:
        """`at` when that is working time, else the next moment that is.

        Raises:
            NoWorkingTime: there is none within `HORIZON_DAYS`.
        """
        for since, _ in self._spans_from(at):
            return since
        raise NoWorkingTime(f"no working time in the {HORIZON_DAYS} days after {at:%Y-%m-%d}")

    def _spans_from(self, start: datetime) -> Iterator[Span]:
        """Working time from `start` on, in order, for `HORIZON_DAYS`."""
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
        windows = self._week[day.weekday()]
        if not windows or any(day in off for off in self._off):
            return ()
        midnight = datetime.combine(day, time(), UTC)
        return tuple(
            (max(begin, since), min(end, until))
            for since, until, offset in self._offsets(midnight + _EARLIEST, midnight + _LATEST)
            for begin, end in (
                (midnight - offset + timedelta(minutes=w.start), midnight - offset + timedelta(minutes=w.end))
                for w in windows
            )
            if max(begin, since) < min(end, until)
        )

    def _offsets(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """Yields the stretch cut where the zone's distance from UTC changes: at most once in two days, anywhere, ever."""
        before, after = self._offset(since), self._offset(until)
        if before == after:
            yield since, until, before
            return
        low, high = since, until
        while high - low > timedelta(seconds=1):
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (middle, high) if self._offset(middle) == before else (low, middle)
        yield since, high, before
        yield high, until, after

    def _offset(self, at: datetime) -> timedelta:
        offset = at.astimezone(self.zone).utcoffset()
        assert offset is not None, "a time with a zone has an offset"
        return offset

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
            off = any(day in each for each in self._off)
            known = self._today = (self._midnight(day), self._midnight(day + timedelta(days=1)), day, off)
        return known

    def _midnight(self, day: date) -> datetime:
        """Returns the first moment of a local day; where a clock change skips midnight, the change."""
        midnight = datetime.combine(day, time(), UTC)
        for since, until, offset in self._offsets(midnight + _EARLIEST, midnight + _LATEST):
            if midnight - offset < until:
                return max(midnight - offset, since)
        raise AssertionError("a day begins somewhere")
