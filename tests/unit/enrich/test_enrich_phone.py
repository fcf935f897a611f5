"""Telephone numbers: one spelling for all, and what the prefix gives away."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.reading.phone import read_number
from services.enrich.domain.phone import _is_assigned, read_phone


@pytest.mark.parametrize(
    ("written", "country", "e164"),
    [
        ("+49 30 901820", "US", "+4930901820"),
        ("+49 (0)30 901820", "US", "+4930901820"),
        ("0049 30 901820", "US", "+4930901820"),
        ("030/901820", "DE", "+4930901820"),
        ("(415) 867-5309", "US", "+14158675309"),
        ("+1 415 867 5309 ext 12", "DE", "+14158675309"),
        ("tel:+33-1-42-68-53-00", "US", "+33142685300"),
        ("11 91234-5678", "BR", "+5511912345678"),
        ("\uff0b\uff14\uff19 30 901820", "US", "+4930901820"),
        ("0171 1234567, 030 1234", "DE", "+491711234567"),
        ("\u202a+442079460958\u202c", "US", "+442079460958"),
    ],
)
def test_a_number_is_written_one_way(written: str, country: str, e164: str) -> None:
    phone = read_phone(written, country)
    assert phone is not None
    assert phone.e164 == e164


@pytest.mark.parametrize("written", ["", "123", "call me", "+", "+999 12345678", "0", "n/a", "+49"])
def test_what_nobody_can_be_called_on_is_left_out(written: str) -> None:
    assert read_phone(written, "DE") is None


@pytest.mark.parametrize(
    ("written", "country", "region", "timezone"),
    [
        ("+49 30 901820", "DE", None, "Europe/Berlin"),
        ("+1 212 736 5000", "US", "New York", "America/New_York"),
        ("+1 415 867 5309", "US", "California", "America/Los_Angeles"),
        ("+1 416 867 5309", "CA", "Ontario", "America/Toronto"),
        ("+55 11 91234-5678", "BR", "São Paulo", "America/Sao_Paulo"),
        ("+61 2 9374 4000", "AU", None, "Australia/Sydney"),
        ("+7 912 345 67 89", "RU", None, None),
        ("+91 98765 43210", "IN", None, "Asia/Kolkata"),
        ("+383 44 123 456", "XK", None, "Europe/Belgrade"),
        ("+800 1234 5678", None, None, None),
    ],
)
def test_the_prefix_says_where_somebody_is(
    written: str, country: str | None, region: str | None, timezone: str | None
) -> None:
    phone = read_phone(written, None)
    assert phone is not None
    assert (phone.country, phone.region and phone.region.name, phone.timezone) == (country, region, timezone)


def test_a_number_without_country_code_is_trusted_less() -> None:
    with_code, without = read_phone("+49 30 901820", None), read_phone("030 901820", "DE")
    assert with_code is not None
    assert without is not None
    assert with_code.e164 == without.e164
    assert with_code.confidence > without.confidence


def test_a_number_that_no_operator_has_given_out_is_kept_with_doubt() -> None:
    phone = read_phone("+1 555 123 4567", None)
    assert phone is not None
    assert not phone.assigned
    assert phone.confidence < 0.5


@given(st.text(max_size=40), st.none() | st.sampled_from(["US", "DE", "BR", "GB"]))
def test_any_text_is_a_number_of_digits_or_nothing(text: str, country: str | None) -> None:
    phone = read_phone(text, country)
    assert phone is None or (phone.e164[0] == "+" and phone.e164[1:].isdigit())


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
def test_every_country_s_example_number_is_read_in_each_spelling(country: str) -> None:
    number = phonenumbers.example_number(country)
    assert number is not None
    spellings = {
        phone.e164
        for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164)
        if (phone := read_phone(phonenumbers.format_number(number, style), "US"))
    }
    assert spellings == {phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.from_regex(r"[1-9][0-9]{4,11}", fullmatch=True))
def test_a_number_is_assigned_exactly_where_the_library_says_so(country: str, digits: str) -> None:
    number = read_number(f"+{phonenumbers.country_code_for_region(country)}{digits}", None)
    if number is not None:
        assert _is_assigned(number, country) == phonenumbers.is_valid_number_for_region(number.parsed, country)


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.integers(0, 10))
def test_an_example_number_of_any_kind_is_assigned(country: str, kind: int) -> None:
    example = phonenumbers.example_number_for_type(country, kind)
    if example is not None:
        number = read_number(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164), None)
        assert number is None or _is_assigned(number, country)
