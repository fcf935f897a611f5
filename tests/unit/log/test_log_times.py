"""Moments and lengths of time on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.times import InvalidTimeError, describe_duration, format_time, parse_time
from policy import format_duration

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T09:30", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        (" 2026-03-01T09:30+02:00 ", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        ("15m", datetime(2026, 3, 2, 8, 45, tzinfo=UTC)),
        ("1d12h", datetime(2026, 2, 28, 21, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, moment: datetime) -> None:
    assert parse_time(text, NOW) == moment


@given(st.text(max_size=30))
def test_any_words_are_a_moment_or_refused_with_a_hint(text: str) -> None:
    try:
        moment = parse_time(text, NOW)
    except InvalidTimeError as error:
        said = str(error)
    else:
        assert moment.utcoffset() == timedelta(0)
        return
    assert "write 2026-03-01" in said


OFFSETS = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=OFFSETS).filter(lambda moment: 1 < moment.year < 9999))
def test_a_moment_with_its_offset_is_read_back(moment: datetime) -> None:
    assert parse_time(moment.isoformat(), NOW) == moment


@given(st.integers(1, 3_000_000))
def test_a_length_of_time_lies_before_now(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_time(format_duration(duration), NOW) == NOW - duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1 s"),
        (3.24, "3.2 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (75, "1 min 15 s"),
        (3_599.7, "1 h"),
        (7_500, "2 h 5 min"),
        (86_399, "1 d"),
        (273_600, "3 d 4 h"),
        (-90_000, "-1 d 1 h"),
        (-0.0001, "0 ms"),
    ],
)
def test_a_length_is_as_precise_as_it_is_interesting(seconds: float, said: str) -> None:
    assert describe_duration(seconds) == describe_duration(timedelta(seconds=seconds)) == said


@given(st.floats(0, 10**8), st.floats(0, 10**8))
def test_lengths_never_carry_over(one: float, other: float) -> None:
    for seconds in (one, other):
        said = describe_duration(seconds)
        assert not said.startswith(("60 s", "60 min", "24 h", "1000 ms"))
        assert " 60 " not in said


def test_a_moment_is_shown_in_utc() -> None:
    moment = datetime(2026, 3, 1, 9, 30, 1, 234_567, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-03-01 07:30:01"
    assert format_time(moment, milliseconds=True) == "2026-03-01 07:30:01.234"
