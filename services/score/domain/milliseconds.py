"""Times and durations in whole milliseconds: business times since 1970 (UTC), as the state and the rules count them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def timestamp_ms(moment: datetime) -> int:
    """Returns the milliseconds since 1970, rounded down; `moment` has a time zone."""
    return (moment - _EPOCH) // _MILLISECOND


def datetime_of(timestamp: int) -> datetime:
    """Returns the moment, in UTC, that is `timestamp` milliseconds after 1970 began."""
    return _EPOCH + timedelta(milliseconds=timestamp)


def duration_ms(duration: timedelta) -> int:
    """Returns the whole milliseconds of a duration, rounded down."""
    return duration // _MILLISECOND
