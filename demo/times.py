"""When people do things: by the hour of their day and the day of their week."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

BY_HOUR = (1, 1, 0, 0, 0, 1, 2, 5, 10, 14, 15, 14, 10, 12, 14, 13, 11, 9, 6, 5, 5, 4, 3, 2)
"""How busy each hour of a person's day is."""
WEEKEND = 0.3
"""How busy a day of the weekend is, of a weekday."""
OPENS, CLOSES = time(9), time(17)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def floor(moment: datetime, grid: timedelta) -> datetime:
    """The last moment of the grid that is not later."""
    return moment - (moment - _EPOCH) % grid


def somewhen(start: datetime, end: datetime, zone: str, rng: Random) -> datetime:
    """A moment in [start, end) as enquiries come: mostly on weekdays, mostly in the daytime of `zone`."""
    busiest = max(BY_HOUR)
    while True:
        moment = start + (end - start) * rng.random()
        local = moment.astimezone(ZoneInfo(zone))
        busy = BY_HOUR[local.hour] / busiest * (WEEKEND if local.weekday() >= 5 else 1.0)
        if rng.random() < busy:
            return moment


def office_time(moment: datetime, zone: str) -> datetime:
    """The moment itself in office hours of `zone`; else somewhat after they next begin."""
    local = moment.astimezone(ZoneInfo(zone))
    into_the_day = timedelta(minutes=local.minute * 2)
    if local.time() >= CLOSES:
        local = datetime.combine(local.date() + timedelta(days=1), OPENS, local.tzinfo) + into_the_day
    elif local.time() < OPENS:
        local = datetime.combine(local.date(), OPENS, local.tzinfo) + into_the_day
    while local.weekday() >= 5:
        local = datetime.combine(local.date() + timedelta(days=1), local.time(), local.tzinfo)
    return local.astimezone(UTC)
