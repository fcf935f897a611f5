"""Spellings of one address or number are one key; those of two are two."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.reading.countries import read_country
from policy.reading.email import read_email
from services.capture.domain.identity import Identifiers, Key, email_key, find_keys, phone_key
from tests.unit.capture.capture_cases import RULES

names = st.from_regex(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10}){0,2}", fullmatch=True)


def wide(text: str) -> str:
    """The text in the full-width forms that East Asian keyboards write."""
    return "".join(chr(ord(letter) + 0xFEE0) if letter != " " else letter for letter in text)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("<ada@example.com>", "ada@example.com"),
        ("ada@example.com.", "ada@example.com"),
        ("a.d.a+news@gmail.com", "ada@gmail.com"),
        ("Ada@GoogleMail.com", "ada@gmail.com"),
        ("ada+news@outlook.com", "ada@outlook.com"),
        ("a.da@outlook.com", "a.da@outlook.com"),
        ("ada@hotmail.com", "ada@hotmail.com"),
        ("ada+news@example.com", "ada+news@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("\u200bada@example.com\ufeff", "ada@example.com"),
        (wide("ada") + "@example.com", "ada@example.com"),
        ("josé@example.com", "josé@example.com"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("+@gmail.com", "+@gmail.com"),
    ],
)
def test_an_address_has_one_key_however_it_is_written(written: str, key: str) -> None:
    assert email_key(written, RULES) == key


@pytest.mark.parametrize(
    "written",
    ["", "ada", "ada@", "@example.com", "ada@example", "a da@example.com", "ada@@example.com", "ada@exa mple.com",
     ".ada@example.com", "ada.@example.com", "a..da@example.com", "ada@-example.com", "ada@example..com",
     "ada@example.123", "ada,bob@example.com", "ada@[127.0.0.1]", f"{'a' * 65}@example.com",
     f"ada@{'a' * 64}.com", f"ada@{'a.' * 130}com", "ada@example.com\x00", "ada@example.com, bob@example.com"],
)  # fmt: skip
def test_what_is_no_address_has_no_key(written: str) -> None:
    assert email_key(written, RULES) is None


@given(names, st.sampled_from(["gmail.com", "outlook.com", "example.com", "bücher.example"]), st.data())
def test_case_and_spaces_never_make_another_lead(name: str, domain: str, data: st.DataObject) -> None:
    address = f"{name}@{domain}"
    cased = "".join(letter.upper() if data.draw(st.booleans(), label=letter) else letter for letter in address)
    assert email_key(f" {cased}\t", RULES) == email_key(address, RULES) is not None


@given(names, st.data())
def test_dots_and_tags_never_make_another_lead_at_a_provider_that_ignores_them(name: str, data: st.DataObject) -> None:
    plain = name.replace(".", "")
    places = data.draw(st.lists(st.integers(1, max(len(plain) - 1, 1)), max_size=3, unique=True))
    dotted = "".join(
        ("." if place in places and place < len(plain) else "") + letter for place, letter in enumerate(plain)
    )
    tag = data.draw(st.from_regex(r"(\+[a-z0-9]{0,5})?", fullmatch=True))
    assert email_key(f"{dotted}{tag}@googlemail.com", RULES) == f"{plain}@gmail.com"


@given(st.text(max_size=300))
def test_any_text_is_read_as_an_address_or_not_at_all(text: str) -> None:
    address = read_email(text)
    if address is not None:
        again = read_email(f"{address.local}@{address.domain}")
        assert again is not None
        assert again.domain == address.domain
        assert address.domain.isascii()


@pytest.mark.parametrize(
    ("written", "country", "key"),
    [
        ("020 7946 0018", None, "+442079460018"),
        ("+44 20 7946 0018", "US", "+442079460018"),
        ("0044 20 7946 0018", None, "+442079460018"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("tel:+44-20-7946-0018", None, "+442079460018"),
        (wide("+44 20 7946 0018"), None, "+442079460018"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("(415) 555-2671", "United States", "+14155552671"),
        ("030 901820", "Deutschland", "+4930901820"),
        ("020 7946 0018", "no such place", "+442079460018"),
        ("07700 900123", None, "+447700900123"),
        ("+44 07700 900123", "US", "+447700900123"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("+44 20 7946 0018 ext. 12", None, "+442079460018x12"),
    ],
)
def test_a_number_has_one_key_however_it_is_written(written: str, country: str | None, key: str) -> None:
    assert phone_key(written, RULES, country) == key


@pytest.mark.parametrize(
    "written",
    [
        "",
        "n/a",
        "12",
        "call me",
        "555-2671" * 50,
        "+",
        "\x00",
        "7946 0018",
        "0000000000",
        "+1 999 999 9999",
        "1234567890",
        "+1 234 567 8901",
        "0987654321",
    ],
)
def test_what_is_no_number_has_no_key(written: str) -> None:
    assert phone_key(written, RULES) is None


@given(st.sampled_from(["GB", "US", "DE", "ES", "IN", "AU"]), st.data())
def test_the_ways_to_write_a_real_number_give_one_key(region: str, data: st.DataObject) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    styles = phonenumbers.PhoneNumberFormat
    style = data.draw(st.sampled_from([styles.E164, styles.INTERNATIONAL, styles.NATIONAL, styles.RFC3966]))
    written = phonenumbers.format_number(number, style)
    assert phone_key(written, RULES, region) == phonenumbers.format_number(number, styles.E164)


@given(st.text(max_size=60))
def test_any_text_is_read_as_a_number_or_not_at_all(text: str) -> None:
    key = phone_key(text, RULES)
    assert key is None or key.startswith("+")


@given(st.text(max_size=40))
def test_any_text_is_a_country_with_a_code_or_none(text: str) -> None:
    region = read_country(text)
    assert region is None or (len(region) == 2 and region.isupper())


def test_every_country_that_has_telephones_is_known_by_its_code() -> None:
    unknown = {region for region in phonenumbers.SUPPORTED_REGIONS if read_country(region) != region}
    assert unknown <= {"AC", "TA", "CC", "CX", "NF", "AX", "SJ", "BL", "MF", "BQ", "WF", "TK", "IO", "TF"}


def test_keys_come_in_order_of_precedence() -> None:
    who = Identifiers("ada@example.com", "020 7946 0018", (("hubspot", "7"),), lead_id="l-1")
    assert [key.kind for key in find_keys(who, RULES).keys] == ["lead_id", "email", "phone", "external_id"]


def test_a_role_address_identifies_nobody_when_the_policy_says_so_and_still_counts_as_contact() -> None:
    rules = RULES.model_copy(update={"match_role_addresses": False})
    found = find_keys(Identifiers("info@example.com"), rules)
    assert (found.keys, found.contactable) == ((), True)


def test_a_switchboard_identifies_nobody_but_an_extension_behind_it_does() -> None:
    rules = RULES.model_copy(update={"shared_phones": ("+442079460018",)})
    assert find_keys(Identifiers(phone="020 7946 0018"), rules).keys == ()
    assert find_keys(Identifiers(phone="020 7946 0018 x12"), rules).keys == (Key("phone", "+442079460018x12"),)


@pytest.mark.parametrize("off", ["match_on_email", "match_on_phone"])
def test_an_identifier_that_the_policy_does_not_match_on_is_no_key(off: str) -> None:
    rules = RULES.model_copy(update={off: False})
    kinds = [key.kind for key in find_keys(Identifiers("ada@example.com", "020 7946 0018"), rules).keys]
    assert kinds == [{"match_on_email": "phone", "match_on_phone": "email"}[off]]
