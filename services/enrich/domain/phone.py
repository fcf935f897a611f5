"""Telephone numbers: to E.164, and what their prefix says of where the person is."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, timezone

from policy.reading.countries import country_codes, timezone_of
from policy.reading.phone import Number, read_number
from services.enrich.domain.region import Region, region_of_number

_NOWHERE = "Etc/Unknown"


class Phone(NamedTuple):
    """A telephone number. `confidence` is that of the number being right as written here.

    `assigned`: its prefix is in use and its length right. `international`: it was written with its country code.
    `country` is None for numbers of no country (satellite, international toll-free).
    """

    e164: str
    assigned: bool
    international: bool
    country: str | None = None
    region: Region | None = None
    timezone: str | None = None

    @property
    def confidence(self) -> float:
        """How sure the number is to reach the person, 0 to 1."""
        if self.international:
            return 0.95 if self.assigned else 0.4
        return 0.8


def read_phone(text: str | None, country: str | None) -> Phone | None:
    """Reads the number that somebody typed; `country` is where a number without a country code is taken to be.

    None when nobody could be called on it. A number that no operator has given out is kept with low confidence if
    it came with its country code: numbering plans change more often than our copy of them. Without one it is more
    likely another country's.
    """
    number = read_number(text, country) if text else None
    if number is None:
        return None
    home = phonenumbers.region_code_for_number(number.parsed)
    assigned = home is not None and _is_assigned(number, home)
    if not assigned:
        if not number.international:
            return None
        home = phonenumbers.region_code_for_country_code(number.parsed.country_code or 0)
    return _located(number, home, assigned=assigned)


def _is_assigned(number: Number, country: str) -> bool:
    """Tells whether an operator has given it out. Nearly all are mobile or fixed lines, which are tried first."""
    digits = number.national
    for lengths, pattern in _usual_lines(country):
        if len(digits) in lengths and pattern.fullmatch(digits):
            return True
    return phonenumbers.is_valid_number_for_region(number.parsed, country)


@cache
def _usual_lines(country: str) -> tuple[tuple[Container[int], re.Pattern[str]], ...]:
    """Gives the lengths and the pattern of a country's mobile and fixed lines, as the library has them."""
    metadata = PhoneMetadata.metadata_for_region(country)
    every = metadata.general_desc if metadata else None
    if metadata is None or every is None:
        return ()
    return tuple(
        (
            line.possible_length or every.possible_length,
            re.compile(rf"(?=(?:{every.national_number_pattern})\Z)(?:{line.national_number_pattern})"),
        )
        for line in (metadata.mobile, metadata.fixed_line)
        if line is not None and line.national_number_pattern
    )


def _located(number: Number, home: str | None, *, assigned: bool) -> Phone:
    country = home if home in country_codes() else None
    region = region_of_number(country, number.national) if country else None
    return Phone(
        e164=number.e164,
        assigned=assigned,
        international=number.international,
        country=country,
        region=region,
        timezone=_timezone(number.parsed, country, region),
    )


def _timezone(number: PhoneNumber, country: str | None, region: Region | None) -> str | None:
    """The time zone, where the prefix leaves only one."""
    if region and region.timezone:
        return region.timezone
    if country is None:
        return None
    usual = timezone_of(country)
    if usual and usual[1]:
        return usual[0]
    zones = timezone.time_zones_for_number(number)
    return zones[0] if len(zones) == 1 and zones[0] != _NOWHERE else None
