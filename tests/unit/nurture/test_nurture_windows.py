"""Sending hours: the lead's local time, the send window, quiet hours, clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import TimeWindow, WeeklyHours
from services.nurture.domain.windows import SendingHours, zone_named

LONDON = ZoneInfo("Europe/London")
OFFICE = WeeklyHours.model_validate({"mon-fri": "09:00-17:00"})
NIGHT = TimeWindow.model_validate("19:30-08:00")
LUNCH = TimeWindow.model_validate("12:00-13:00")


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_inside_the_window_is_now() -> None:
    opening = SendingHours(LONDON, OFFICE, NIGHT).next_opening(utc(2, 10, 30))
    assert opening == (utc(2, 10, 30), utc(2, 17))


@pytest.mark.parametrize(
    ("asked", "opens"),
    [
        (utc(2, 6), utc(2, 9)),
        (utc(2, 17), utc(3, 9)),  # the end is excluded
        (utc(6, 18), utc(9, 9)),  # Friday evening: Monday
        (utc(7, 12), utc(9, 9)),
    ],
)
def test_outside_the_window_waits_for_the_next(asked: datetime, opens: datetime) -> None:
    opening = SendingHours(LONDON, OFFICE, NIGHT).next_opening(asked)
    assert opening is not None
    assert opening.at == opens


def test_the_lead_s_own_time_counts() -> None:
    hours = SendingHours(ZoneInfo("America/Los_Angeles"), OFFICE, NIGHT)
    opening = hours.next_opening(utc(2, 10))
    assert opening is not None
    assert opening.at == utc(2, 17)  # 09:00 there


def test_quiet_hours_cut_the_window_in_two() -> None:
    hours = SendingHours(LONDON, OFFICE, LUNCH)
    assert hours.next_opening(utc(2, 12, 15)) == (utc(2, 13), utc(2, 17))
    assert hours.next_opening(utc(2, 10)) == (utc(2, 10), utc(2, 12))


def test_quiet_hours_over_midnight_cut_both_ends_of_the_day() -> None:
    hours = SendingHours(LONDON, WeeklyHours.model_validate({"daily": "00:00-24:00"}), NIGHT)
    assert hours.next_opening(utc(2, 3)) == (utc(2, 8), utc(2, 19, 30))
    assert hours.next_opening(utc(2, 22)) == (utc(3, 8), utc(3, 19, 30))


def test_a_window_within_quiet_hours_never_opens() -> None:
    hours = SendingHours(LONDON, WeeklyHours.model_validate({"mon": "20:00-22:00"}), NIGHT)
    assert hours.next_opening(utc(2, 10)) is None


def test_the_window_follows_the_clock_change() -> None:
    hours = SendingHours(LONDON, OFFICE, NIGHT)
    friday_evening = utc(27, 20)  # clocks go forward on Sunday, 29 March
    opening = hours.next_opening(friday_evening)
    assert opening is not None
    assert opening.at == utc(30, 8)  # 09:00 in British Summer Time


def test_a_window_in_the_hour_that_a_clock_change_skips_moves_with_the_clock() -> None:
    hours = SendingHours(LONDON, WeeklyHours.model_validate({"sun": "01:10-01:50"}), None)
    opening = hours.next_opening(utc(28, 12))
    assert opening is not None
    assert f"{opening.at.astimezone(LONDON):%d %H:%M}" == "29 02:10"


@pytest.mark.parametrize(
    "nonsense", ["Mars/Olympus", "../../etc/passwd", "", None, "America", "\x00", "Europe/Lond\udcffon"]
)
def test_a_time_zone_that_means_nothing_gives_the_default(nonsense: str | None) -> None:
    assert zone_named(nonsense, "Europe/Berlin") == ZoneInfo("Europe/Berlin")


moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # Hypothesis wants naive bounds
zones = st.sampled_from(
    ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland"]
)
minutes = st.integers(4 * 60, 23 * 60)
"""From 04:00 on: away from the hours that clock changes skip or repeat."""


@st.composite
def spans(draw: st.DrawFn) -> TimeWindow:
    start, end = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    return TimeWindow(start=start, end=end)


@st.composite
def sending_hours(draw: st.DrawFn) -> SendingHours:
    days = draw(st.dictionaries(st.sampled_from(["mon", "tue", "wed", "sat", "sun"]), spans(), min_size=1))
    quiet = draw(st.none() | spans() | st.builds(TimeWindow, start=st.just(20 * 60), end=st.just(8 * 60)))
    return SendingHours(ZoneInfo(draw(zones)), WeeklyHours(**{day: (span,) for day, span in days.items()}), quiet)


def allowed(hours: SendingHours, moment: datetime) -> bool:
    local = moment.astimezone(hours.zone)
    awake = hours.quiet is None or not hours.quiet.contains(local.time())
    return awake and any(window.contains(local.time()) for window in hours.window.on(local.weekday()))


@given(sending_hours(), moments)
def test_an_opening_is_allowed_from_its_start_to_its_end(hours: SendingHours, moment: datetime) -> None:
    opening = hours.next_opening(moment)
    if opening is not None:
        assert moment <= opening.at < opening.until
        assert allowed(hours, opening.at)
        assert allowed(hours, opening.until - timedelta(microseconds=1))
        assert not allowed(hours, opening.until)


@given(sending_hours(), moments)
def test_nothing_earlier_was_allowed(hours: SendingHours, moment: datetime) -> None:
    opening = hours.next_opening(moment)
    last = opening.at if opening else moment + timedelta(days=8)
    probe = moment
    while probe < last:
        assert not allowed(hours, probe)
        probe += timedelta(minutes=7)


@given(sending_hours(), moments)
def test_an_opening_is_its_own_next_opening(hours: SendingHours, moment: datetime) -> None:
    opening = hours.next_opening(moment)
    if opening is not None:
        assert hours.next_opening(opening.at) == opening
