"""When a message may go out: the lead's local time, the send window, quiet hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from policy import TimeWindow, WeeklyHours
from policy.hours import open_spans

_LOOK_AHEAD_DAYS = 9
"""A week has every kind of day; two more, because the first may be half over and a clock change may eat one."""

_DAY = 1_440

_DAYS_KEPT = 1_000


class Opening(NamedTuple):
    """A stretch of time in which sending is allowed: from `at`, until just before `until`; both UTC."""

    at: datetime
    until: datetime


@lru_cache(maxsize=1_024)
def zone_named(name: str | None, default: str) -> tzinfo:
    """The time zone called `name`, or the default when there is none of that name.

    A lead's time zone is what somebody sent; a name that means nothing must not stop the lead.
    """
    if name:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown; not a name at all; a folder such as `America`
            return zone_named(None, default)
    return ZoneInfo(default)


@dataclass(frozen=True, slots=True)
class SendingHours:
    """The hours of a week in which one lead may be sent to, less the quiet ones; both in `zone`."""

    zone: tzinfo
    window: WeeklyHours
    quiet: TimeWindow | None
    _known: dict[date, tuple[Opening, ...]] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The openings of the days asked for so far: most leads ask for the same days."""

    def next_opening(self, moment: datetime) -> Opening | None:
        """The first time at or after `moment` that sending is allowed; None when it never is."""
        today = moment.astimezone(self.zone).date()
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = today + timedelta(days=ahead)
            for opening in self._known.get(day) or self._openings(day):
                if opening.until > moment:
                    return opening if opening.at >= moment else Opening(moment.astimezone(UTC), opening.until)
        return None

    def _openings(self, day: date) -> tuple[Opening, ...]:
        """All of a day, in order; none that a clock change leaves empty."""
        spans = open_spans(day, self._open_minutes(day), self.zone, move_skipped=True)
        found = tuple(Opening(at, until) for at, until in spans)
        if len(self._known) >= _DAYS_KEPT:
            self._known.clear()
        self._known[day] = found
        return found

    def _open_minutes(self, day: date) -> Iterator[tuple[int, int]]:
        """Minutes after midnight from which and before which sending is allowed on `day`, in order."""
        awake = _awake(self.quiet)
        for window in self.window.on(day.weekday()):
            for start, end in awake:
                if start < window.end and window.start < end:
                    yield max(start, window.start), min(end, window.end)


def _awake(quiet: TimeWindow | None) -> tuple[tuple[int, int], ...]:
    """The minutes of a day outside the quiet hours, as ranges in order."""
    if quiet is None:
        return ((0, _DAY),)
    if quiet.past_midnight:
        return ((quiet.end, quiet.start),)
    return ((0, quiet.start), (quiet.end, _DAY))
