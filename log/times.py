"""Times and durations, as people write and read them. All times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


class InvalidTimeError(ValueError):
    """It is no moment; the message says how to write one."""


def parse_time(text: str, now: datetime) -> datetime:
    """Reads `2026-03-01`, `2026-03-01T09:30`, `2026-03-01T09:30+02:00`, or `15m` for that long before `now`.

    A moment without an offset is UTC.

    Raises:
        InvalidTimeError: it is none of these.
    """
    from policy import parse_duration

    text = text.strip()
    try:
        return now - parse_duration(text)
    except (ValueError, OverflowError):
        pass  # not a duration, so a moment; what is neither is refused below
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidTimeError(
            f"`{text}` is no moment; write 2026-03-01, 2026-03-01T09:30, 2026-03-01T09:30+02:00, or 15m (ago)"
        ) from None


def format_time(moment: datetime, *, milliseconds: bool = False) -> str:
    """Writes a time as `2026-03-01 09:30:00`, in UTC."""
    utc = moment.astimezone(UTC)
    text = f"{utc:%Y-%m-%d %H:%M:%S}"
    return f"{text}.{utc.microsecond // 1_000:03d}" if milliseconds else text


def describe_duration(duration: timedelta | float) -> str:
    """Writes a length of time, or of seconds, as precise as it is interesting.

    >>> describe_duration(0.0123), describe_duration(75), describe_duration(-90_000)
    ('12 ms', '1 min 15 s', '-1 d 1 h')
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    sign, seconds = ("-", -seconds) if seconds <= -0.0005 else ("", abs(seconds))
    return sign + _positive(seconds)


def _positive(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{round(seconds * 1_000)} ms"
    if seconds < 9.95:
        return f"{round(seconds, 1):g} s"
    if seconds < 59.5:
        return f"{round(seconds)} s"
    if seconds < HOUR - 0.5:
        return _two(seconds, MINUTE, "min", 1, "s")
    if seconds < DAY - MINUTE / 2:
        return _two(seconds, HOUR, "h", MINUTE, "min")
    return _two(seconds, DAY, "d", HOUR, "h")


def _two(seconds: float, size: float, unit: str, smaller: float, rest_unit: str) -> str:
    in_smaller = round(seconds / smaller)
    whole, rest = divmod(in_smaller, round(size / smaller))
    return f"{whole} {unit} {rest} {rest_unit}" if rest else f"{whole} {unit}"
