"""What people write is read one way, whichever service reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.reading.countries import country_codes, read_country
from policy.reading.email import Address, read_email
from policy.reading.phone import read_number


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Jane Doe <Jane@ACME.com>", Address("Jane", "acme.com")),
        ("Mailto: jane@acme.com", Address("jane", "acme.com")),
        ("'jane@acme.com',", Address("jane", "acme.com")),
        ("jane @ acme.com", Address("jane", "acme.com")),
        ("jane\uff20stra\u00dfe.de", Address("jane", "xn--strae-oqa.de")),
        ("a!#$%&*/=?^`{|}~b@acme.com", Address("a!#$%&*/=?^`{|}~b", "acme.com")),
        ("jane@acme.test", Address("jane", "acme.test")),
        ("jane@acme.localhost", None),
        ('"jane doe"@acme.com', None),
        ("jane@\u2603", None),
        (f"{'j' * 60}@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 30}.com", None),
    ],
)
def test_an_address_is_read(written: str, address: Address | None) -> None:
    assert read_email(written) == address


@given(st.from_regex(r"[\w.+'-]{1,40}", fullmatch=True))
def test_the_quick_reading_of_a_name_accepts_what_the_library_does(local: str) -> None:
    quick, whole = read_email(f"{local}@acme.com"), read_email(f"{local}/{local}@acme.com")
    if len(local) <= 15:  # both are within the length that a name may have, also in bytes
        assert (quick is None) == (whole is None)


@pytest.mark.parametrize(
    ("written", "country", "e164", "extension", "international"),
    [
        ("020 7946 0018", "GB", "+442079460018", None, False),
        ("0044 20 7946 0018", "US", "+442079460018", None, True),
        ("+44 20 7946 0018,12", None, "+442079460018", "12", True),
        ("+44 20 7946 0018;ext=12", None, "+442079460018", "12", True),
        ("+44 20 7946 0018, 0171 1234567", None, "+442079460018", None, True),
        ("+44 20 7946 0018 or +49 30 901820", None, "+442079460018", None, True),
        ("Phone: +44 20 7946 0018", None, "+442079460018", None, True),
    ],
)
def test_the_first_number_is_read(
    written: str, country: str | None, e164: str, extension: str | None, *, international: bool
) -> None:
    number = read_number(written, country)
    assert number is not None
    assert (number.e164, number.extension, number.international) == (e164, extension, international)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("Federal Republic of Germany", "DE"), ("Republic of Korea", "KR"),
        ("Democratic People's Republic of Korea", "KP"),
        ("the Democratic Republic of the Congo", "CD"), ("Republic of the Congo", "CG"), ("Antigua and Barbuda", "AG"),
        ("Saint Lucia", "LC"), ("united_kingdom", "GB"), ("University of Georgia", None), ("of", None), ("the", None),
    ],
)  # fmt: skip
def test_a_country_is_read(written: str, code: str | None) -> None:
    assert read_country(written) == code


@given(st.text(max_size=40))
def test_any_text_is_a_country_with_a_code_or_none(text: str) -> None:
    assert read_country(text) in {*country_codes(), None}
