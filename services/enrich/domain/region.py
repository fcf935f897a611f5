"""States and provinces of the countries where sales territories follow them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from policy.reading.text import clean, words
from services.enrich.domain.placeholders import is_placeholder
from services.enrich.domain.tables import rows

COUNTRY_DIGITS = {"US": 3, "CA": 3, "BR": 2}
"""How many leading digits of a national number are the area code, where area codes follow the states."""


class Region(NamedTuple):
    """A state or province. `country` is None where only its name is known."""

    name: str
    country: str | None = None
    timezone: str | None = None


@cache
def _regions() -> tuple[tuple[Region, tuple[str, ...], tuple[str, ...]], ...]:
    """Each region with its spellings and its area codes."""
    return tuple(
        (
            Region(name=names.split("|")[0], country=country, timezone=zone),
            (code, *names.split("|")),
            () if areas == "-" else tuple(areas.split()),
        )
        for country, code, zone, names, areas in rows("regions.txt")
    )


@cache
def _by_spelling() -> Mapping[tuple[str | None, tuple[str, ...]], Region]:
    """By country and folded spelling; without a country only full names, and only of those that are unique."""
    found: dict[tuple[str | None, tuple[str, ...]], Region] = {}
    for region, spellings, _areas in _regions():
        for spelling in spellings:
            found[region.country, words(spelling)] = region
        for spelling in spellings[1:]:
            found.setdefault((None, words(spelling)), region)
    # Georgia is a country, and the others are cities of many countries' addresses.
    for doubtful in (("georgia",), ("victoria",), ("para",), ("maine",), ("virginia",), ("berlin",)):
        found.pop((None, doubtful), None)
    return found


@cache
def _by_area_code() -> Mapping[tuple[str, str], Region]:
    return {(region.country or "", area): region for region, _, areas in _regions() for area in areas}


@lru_cache(maxsize=4096)
def read_region(text: str | None, country: str | None) -> Region | None:
    """The region somebody means, under one spelling; a name we don't know stays as written."""
    cleaned = clean(text)
    if cleaned is None or is_placeholder(cleaned):
        return None
    return _by_spelling().get((country, words(cleaned))) or Region(name=cleaned, country=country)


def region_of_number(country: str, national: str) -> Region | None:
    """The region that the area code of a national number lies in."""
    digits = COUNTRY_DIGITS.get(country)
    return _by_area_code().get((country, national[:digits])) if digits else None
