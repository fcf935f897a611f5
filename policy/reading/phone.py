"""Telephone numbers: from what people write to a number that could be called."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumber, ValidationResult

from policy.reading.text import clean

_SCHEME = re.compile(r"^(?:mailto|tel|phone)\s*:\s*", re.IGNORECASE)
_ZERO_ZERO = re.compile(r"^\W*00(?=[\s()-]*[1-9])")
"""The prefix for calls abroad in most countries, before a country code."""

_SECOND_NUMBER = re.compile(
    r"\||;(?!\s*ext)|\s/\s|\s(?:or|oder|ou|o)\s"
    # After a comma with few digits that is an extension.
    r"|,(?=\s*[+(0]|(?:\D*\d){7})",
    re.IGNORECASE,
)


class Number(NamedTuple):
    """A telephone number. `international`: it was written with its country code."""

    parsed: PhoneNumber
    national: str
    """Its digits without the country code, as they count."""
    international: bool

    @property
    def e164(self) -> str:
        """`+`, country code and national digits, without the extension."""
        return f"+{self.parsed.country_code}{self.national}"

    @property
    def extension(self) -> str | None:
        """Digits to dial once connected."""
        return self.parsed.extension or None


def read_number(text: str, country: str | None) -> Number | None:
    """Reads the first number in a text; None when none has a possible length.

    A number without a country code is taken for one of `country`, an ISO 3166-1 code. Whether an operator has given
    it out is not asked: tables of assigned ranges are always behind the world.
    """
    cleaned = clean(text)
    if cleaned is None:
        return None
    if not cleaned.isascii():  # full-width digits and plus signs
        cleaned = unicodedata.normalize("NFKC", cleaned)
    written = _ZERO_ZERO.sub("+", _SECOND_NUMBER.split(_SCHEME.sub("", cleaned), maxsplit=1)[0])
    try:
        number = phonenumbers.parse(written, country if country in phonenumbers.SUPPORTED_REGIONS else None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    national = phonenumbers.national_significant_number(number)
    return Number(number, national, written.lstrip(" (").startswith("+"))
