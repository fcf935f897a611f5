"""Working time: what a deadline that waits for people counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Schedule
from services.route.domain.business_time import HORIZON_DAYS, Calendar, NoWorkingTime

# Clock changes at 2:00, at midnight (Cairo, Nuuk), by half an hour (Lord Howe), never (Kolkata), a lost day (Apia).
ZONES = (
    "Europe/London", "America/New_York", "Asia/Kolkata", "Africa/Cairo", "America/Nuuk",
    "Australia/Lord_Howe", "Pacific/Apia", "America/Havana",
)  # fmt: skip
OFFICE = {"mon-thu": "09:00-17:30", "fri": ["09:00-12:00", "13:00-16:00"]}
HOURS = (
    OFFICE,
    {"daily": "00:00-24:00"},
    {"sat-sun": ["00:00-03:00", "22:00-24:00"]},
    {"daily": ["00:30-01:15", "01:45-02:15", "02:20-03:05"]},
)


def calendar(zone: str = "Europe/London", hours: object = OFFICE, holidays: tuple[str, ...] = ()) -> Calendar:
    return Calendar(Schedule.model_validate({"timezone": zone, "working_hours": hours, "holidays": holidays}))


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


calendars = st.builds(
    calendar, st.sampled_from(ZONES), st.sampled_from(HOURS), st.sampled_from([(), ("2026-03-29..2026-03-30",)])
)
# Around the clock changes of spring and autumn 2026 of the zones above, and around Samoa's lost day.
moments = st.one_of(
    *(
        st.datetimes(datetime(*start), datetime(*end), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive by contract
        for start, end in (
            ((2026, 3, 7), (2026, 4, 6)),
            ((2026, 4, 22), (2026, 4, 26)),
            ((2026, 10, 22), (2026, 11, 3)),
            ((2011, 12, 28), (2012, 1, 2)),
        )
    )
).map(lambda moment: moment.replace(microsecond=0))
lengths = st.integers(0, 5 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


def worked(days: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much working time lies between `start` and `end`."""
    spans = takewhile(lambda span: span[0] < end, days.spans_from(start))
    return sum((min(until, end) - since for since, until in spans), timedelta())


def wall_says_open(schedule: Schedule, moment: datetime) -> bool:
    """The definition, read off the wall clock."""
    local = moment.astimezone(ZoneInfo(schedule.timezone))
    return any(window.contains(local.time()) for window in schedule.windows(local.date()))


@given(st.sampled_from(ZONES), st.sampled_from(HOURS), moments)
def test_it_is_working_time_when_the_wall_clock_shows_a_working_time(
    zone: str, hours: object, moment: datetime
) -> None:
    schedule = Schedule.model_validate({"timezone": zone, "working_hours": hours, "holidays": ["2026-03-29"]})
    days = Calendar(schedule)
    assert days.is_open(moment) == wall_says_open(schedule, moment)
    assert days.today(moment)[0] == moment.astimezone(ZoneInfo(zone)).date()
    assert days.today(moment)[1] == (moment.astimezone(ZoneInfo(zone)).date().isoformat() == "2026-03-29")


@given(st.sampled_from(ZONES), st.sampled_from(HOURS), moments)
def test_working_time_adds_up_minute_by_minute(zone: str, hours: object, moment: datetime) -> None:
    schedule = Schedule.model_validate({"timezone": zone, "working_hours": hours})
    start = moment.replace(second=0)
    minutes = sum(wall_says_open(schedule, start + timedelta(minutes=n)) for n in range(1_000))
    assert worked(Calendar(schedule), start, start + timedelta(minutes=1_000)) == timedelta(minutes=minutes)


@given(calendars, moments, lengths)
def test_the_time_worked_until_a_deadline_is_the_time_that_was_given(
    days: Calendar, start: datetime, given_time: timedelta
) -> None:
    deadline = days.add(start, given_time)
    assert deadline >= start + given_time
    assert worked(days, start, deadline) == given_time
    if given_time:
        assert days.is_open(deadline - timedelta(microseconds=1))


@given(calendars, moments, lengths, lengths)
def test_two_lengths_in_turn_are_their_sum_at_once(
    days: Calendar, start: datetime, one: timedelta, two: timedelta
) -> None:
    assert days.add(days.add(start, one), two) == days.add(start, one + two)


@given(calendars, moments, moments, lengths)
def test_who_starts_earlier_is_not_due_later(days: Calendar, one: datetime, two: datetime, length: timedelta) -> None:
    assert days.add(min(one, two), length) <= days.add(max(one, two), length)


@given(calendars, moments)
def test_nothing_is_worked_before_the_next_opening(days: Calendar, start: datetime) -> None:
    opening, _ = next(days.spans_from(start))
    assert days.is_open(opening)
    assert worked(days, start, opening) == timedelta()


def test_a_friday_evening_lead_is_due_on_monday_morning() -> None:
    assert calendar().add(at("2026-06-05T17:00"), timedelta(minutes=30)) == at("2026-06-08T09:30", "Europe/London")


def test_lunch_does_not_count() -> None:
    due = calendar().add(at("2026-06-05T11:45", "Europe/London"), timedelta(minutes=30))
    assert due == at("2026-06-05T13:15", "Europe/London")


def test_holidays_do_not_count() -> None:
    days = calendar(holidays=("2026-12-25", "2026-12-28"))
    assert days.add(at("2026-12-24T17:29"), timedelta(minutes=2)) == at("2026-12-29T09:01")


def test_a_day_of_23_hours_is_worked_23_hours() -> None:
    days = calendar(hours={"daily": "00:00-24:00"})
    start, end = at("2026-03-29T00:00", "Europe/London"), at("2026-03-30T00:00", "Europe/London")
    assert worked(days, start, end) == timedelta(hours=23)


def test_the_hour_that_a_clock_shows_twice_is_worked_twice() -> None:
    days = calendar(hours={"sun": "01:00-02:00"})
    assert worked(days, at("2026-10-24T00:00"), at("2026-10-26T00:00")) == timedelta(hours=2)


def test_a_day_that_a_country_skips_has_no_working_time() -> None:
    days = calendar("Pacific/Apia", hours={"fri": "09:00-17:00"})
    assert worked(days, at("2011-12-28T00:00"), at("2012-01-02T00:00")) == timedelta()


def test_two_years_of_leave_are_too_long_to_wait_for() -> None:
    days = calendar(holidays=("2026-01-01..2030-01-01",))
    with pytest.raises(NoWorkingTime, match=f"{HORIZON_DAYS} days after 2026-01-05"):
        days.add(at("2026-01-05T00:00"), timedelta(minutes=1))
    assert not list(days.spans_from(at("2026-01-05T00:00")))
