"""Durations, hours, days off and templates: what is read is what is meant."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from policy import (
    DateRange,
    Duration,
    LeadConditions,
    MissingValue,
    Schedule,
    TimeWindow,
    WeeklyHours,
    company_size,
    format_duration,
    parse_duration,
    render,
)
from policy.hours import DAYS
from policy.reading.countries import country_codes
from policy.template import PLACEHOLDERS, PUBLISHED, MessageTemplate, placeholders
from policy.types import Country, Domain, Email

DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("1h", 3_600), ("2d", 172_800), ("1h30m", 5_400), ("90s", 90), ("1w", 604_800), ("0m", 0)],
)
def test_durations_are_read_in_their_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "1.5h", "30m1h", "5min", "99999999d", "٣m", "5m\n5m"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)


@pytest.mark.parametrize("value", [5, 5.0, True, None, [], timedelta(seconds=-1), timedelta(microseconds=1)])
def test_a_number_without_a_unit_is_not_a_duration(value: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(value)


@given(st.integers(0, 3_660 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_survives_being_written_and_read(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
    assert DURATION.validate_python(DURATION.dump_python(duration, mode="json")) == duration


def test_durations_are_written_the_way_people_say_them() -> None:
    spoken = {"5m": 300, "1h30m": 5_400, "10d": 864_000, "2w": 1_209_600, "1d12h": 129_600, "0s": 0}
    assert {format_duration(timedelta(seconds=seconds)): seconds for seconds in spoken.values()} == spoken


@given(st.integers(0, 1_439), st.integers(1, 1_440))
def test_a_time_window_survives_being_written_and_read(start: int, end: int) -> None:
    if start == end:
        return
    window = TimeWindow(start=start, end=end)
    assert TimeWindow.model_validate(window.model_dump(mode="json")) == window


@pytest.mark.parametrize(
    "text", ["9-17", "25:00-26:00", "09:60-10:00", "09:00-09:00", "24:00-25:00", "", "24:00-08:00", "10:00-24:01"]
)
def test_what_is_not_a_time_window_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TimeWindow.model_validate(text)


def test_a_window_past_midnight_holds_the_night_and_not_the_day() -> None:
    quiet = TimeWindow.model_validate("20:00-08:00")
    assert quiet.contains(time(23, 59))
    assert quiet.contains(time(0, 0))
    assert quiet.contains(time(7, 59, 59))
    assert not quiet.contains(time(8, 0))
    assert not quiet.contains(time(19, 59))


def test_midnight_ends_a_day() -> None:
    assert TimeWindow.model_validate("20:00-00:00") == TimeWindow.model_validate("20:00-24:00")


def test_a_range_of_days_is_each_of_its_days_and_a_single_day_wins() -> None:
    week = WeeklyHours.model_validate({"fri": "09:00-12:00", "mon-fri": ["09:00-12:00", "13:00-17:00"]})
    assert week.mon == week.thu
    assert [str(window.model_dump()) for window in week.fri] == ["09:00-12:00"]
    assert week.on(5) == ()
    assert WeeklyHours.model_validate(week.model_dump(mode="json")) == week


@pytest.mark.parametrize(
    "hours",
    [
        {},
        {"mon": []},
        {"fri-mon": "09:00-17:00"},
        {"monday": "09:00-17:00"},
        {"mon": ["13:00-17:00", "09:00-12:00"]},
        {"mon": ["09:00-13:00", "12:00-17:00"]},
        {"mon": "22:00-06:00"},
        {1: "09:00-17:00"},
        {"mon": 9},
        "mon-fri",
    ],
)
def test_hours_that_make_no_sense_are_refused(hours: object) -> None:
    with pytest.raises(ValidationError):
        WeeklyHours.model_validate(hours)


@given(st.sampled_from(DAYS), st.sampled_from(DAYS))
def test_ranges_of_days_run_forward_through_the_week(first: str, last: str) -> None:
    key = f"{first}-{last}"
    if DAYS.index(first) > DAYS.index(last):
        with pytest.raises(ValidationError):
            WeeklyHours.model_validate({key: "09:00-17:00"})
        return
    week = WeeklyHours.model_validate({key: "09:00-17:00"}).week()
    assert [bool(day) for day in week] == [DAYS.index(first) <= i <= DAYS.index(last) for i in range(7)]


def test_nobody_works_on_a_day_off() -> None:
    schedule = Schedule.model_validate(
        {
            "timezone": "Europe/London",
            "working_hours": {"mon-fri": "09:00-17:00"},
            "holidays": ["2026-12-25", "2026-08-03..2026-08-14"],
        }
    )
    assert list(schedule.windows(date(2026, 12, 24)))
    assert not list(schedule.windows(date(2026, 12, 25)))
    assert not list(schedule.windows(date(2026, 8, 14)))
    assert not list(schedule.windows(date(2026, 8, 16)))  # a Sunday
    assert list(schedule.windows(date(2026, 8, 17)))


@pytest.mark.parametrize("text", ["2026-13-01", "25.12.2026", "2026-08-14..2026-08-03", "2026-8-3", "2026-02-30"])
def test_what_is_not_a_date_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        DateRange.model_validate(text)


@given(st.dates(), st.dates())
def test_days_off_survive_being_written_and_read(one: date, other: date) -> None:
    off = DateRange(first=min(one, other), last=max(one, other))
    assert DateRange.model_validate(off.model_dump(mode="json")) == off


def test_countries_are_iso_codes_and_the_uk_is_gb() -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Country)
    assert adapter.validate_python("gb") == "GB"
    assert len(country_codes()) > 240
    with pytest.raises(ValidationError, match="write GB"):
        adapter.validate_python("UK")
    with pytest.raises(ValidationError):
        adapter.validate_python("XX")


def test_addresses_and_domains_are_compared_in_lower_case() -> None:
    assert TypeAdapter[str](Email).validate_python("Anna@Example.COM") == "anna@example.com"
    assert TypeAdapter[str](Domain).validate_python("Gmail.com") == "gmail.com"
    for wrong in ("anna", "anna@", "anna@localhost", "a b@example.com", "Anna <anna@example.com>", "a@b..com"):
        with pytest.raises(ValidationError):
            TypeAdapter[str](Email).validate_python(wrong)


@pytest.mark.parametrize(
    ("employees", "size"),
    [
        (None, "unknown"),
        (0, "1-10"),
        (10, "1-10"),
        (11, "11-50"),
        (1_000, "501-1000"),
        (10_000, "5001-10000"),
        (10_001, "10001+"),
    ],
)
def test_every_number_of_employees_has_a_size(employees: int | None, size: str) -> None:
    assert company_size(employees) == size


def test_conditions_must_state_something() -> None:
    with pytest.raises(ValidationError, match="states no condition"):
        LeadConditions.model_validate({})
    assert LeadConditions.model_validate({"seniority": "vp"}).seniority == ("vp",)
    with pytest.raises(ValidationError, match="below"):
        LeadConditions.model_validate({"employees_at_least": 10, "employees_at_most": 9})


# ── templates ─────────────────────────────────────────────────────────────────────────────────────


def test_placeholders_are_filled_and_fall_back() -> None:
    text = "Hi {first_name|there}, {{company}} is {company}."
    assert render(text, {"first_name": "Ana", "company": "Acme"}) == "Hi Ana, {company} is Acme."
    assert render(text, {"first_name": None, "company": "Acme"}).startswith("Hi there,")
    assert render("{first_name|}!", {}) == "!"


def test_a_message_with_a_hole_is_not_rendered() -> None:
    with pytest.raises(MissingValue, match="company"):
        render("About {company}", {"company": ""})


def test_a_value_is_never_read_as_a_template_and_adds_no_line() -> None:
    evil = "{owner_email}\r\nBcc: all@example.com\x00{{"
    rendered = render("{first_name}", {"first_name": evil, "owner_email": "secret"})
    assert "secret" not in rendered
    assert not set("\r\n\x00") & set(rendered)


@given(st.text(), st.dictionaries(st.sampled_from(PLACEHOLDERS), st.text()))
def test_an_accepted_template_renders_or_names_the_missing_value(body: str, values: dict[str, str]) -> None:
    try:
        template = MessageTemplate(id="t", channel="sms", body=body)
    except ValidationError:
        return
    missing = {name for name, fallback in placeholders(body) if fallback is None and not values.get(name)}
    if missing:
        with pytest.raises(MissingValue):
            render(template.body, values)
    else:
        assert render(template.body, values) is not None


@pytest.mark.parametrize(
    "body", ["{", "}", "Hi {first_name", "{0}", "{first_name.__class__}", "{first_nam}", "{}", "{a|{b}}"]
)
def test_a_template_that_could_not_be_filled_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        MessageTemplate(id="t", channel="sms", body=body)


@pytest.mark.parametrize("name", ["city", "product"])
def test_a_placeholder_that_nothing_fills_is_refused_with_what_to_write_instead(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"unknown placeholder {{{name}}}; no lead's {name} is known; write"):
        MessageTemplate(id="t", channel="sms", body=f"About {{{name}|it}}")


def test_only_an_email_has_a_subject() -> None:
    with pytest.raises(ValidationError, match="needs a subject"):
        MessageTemplate(id="t", channel="email", body="x")
    with pytest.raises(ValidationError, match="only an email"):
        MessageTemplate(id="t", channel="sms", subject="x", body="x")
    with pytest.raises(ValidationError):
        MessageTemplate(id="t", channel="email", subject="a\nBcc: b", body="x")


def test_a_placeholder_that_is_no_longer_accepted_is_read_where_it_was_published() -> None:
    template = {"id": "hello", "channel": "sms", "body": "See you in {city|town}"}
    with pytest.raises(ValidationError, match="no lead's city is known"):
        MessageTemplate.model_validate(template)
    assert MessageTemplate.model_validate(template, context=PUBLISHED).body == template["body"]
