"""Countries: from what people write to ISO 3166-1 alpha-2, and the time zone most of a country lives in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from services.enrich.domain.tables import rows, words_in
from services.enrich.domain.text import clean, words

_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_FIRST_FLAG_LETTER = 0x1F1E6

_AMBIGUOUS = frozenset({"georgia", "jersey", "congo", "kongo", "guinea", "korea", "america", "amerika"})
"""Names that more than one place answers to."""

_TLD_COUNTRIES = {"uk": "GB", "xn--p1ai": "RU", "xn--fiqs8s": "CN", "xn--j1amh": "UA", "xn--90ais": "BY"}
"""Country domains that are not the country's code."""


class CountryMatch(NamedTuple):
    """A country and how sure we are that it is meant, 0 to 1."""

    code: str
    confidence: float


@dataclass(frozen=True, slots=True)
class _Country:
    name: str
    timezone: str | None
    one_timezone: bool


@cache
def _countries() -> Mapping[str, _Country]:
    return {
        code: _Country(
            name=names.split("|", 1)[0],
            timezone=None if zone == "-" else zone.removeprefix("~"),
            one_timezone=not zone.startswith("~"),
        )
        for code, _alpha3, zone, names in rows("countries.txt")
    }


@cache
def _by_spelling() -> Mapping[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for code, alpha3, _zone, names in rows("countries.txt"):
        for spelling in (code, alpha3, *names.split("|")):
            found.setdefault(_spelling(spelling), code)
    # Not ISO codes, but what people mean by them.
    return found | {("uk",): "GB", ("el",): "GR", ("eng",): "GB"}


def _spelling(text: str) -> tuple[str, ...]:
    said = words(text)
    return said[1:] if len(said) > 1 and said[0] == "the" else said


@lru_cache(maxsize=4096)
def read_country(text: str | None) -> CountryMatch | None:
    """The country that somebody means by a name (in many languages), an ISO code or a flag."""
    if not text:
        return None
    flag = _FLAG.search(text)
    if flag:
        code = "".join(chr(ord(letter) - _FIRST_FLAG_LETTER + ord("A")) for letter in flag[0])
        return CountryMatch(code, 0.9) if code in _countries() else None
    cleaned = clean(text)
    if cleaned is None:
        return None
    said = _spelling(cleaned)
    found = _by_spelling().get(said)
    if found is None:
        return None
    ambiguous = len(said) == 1 and said[0] in _AMBIGUOUS
    return CountryMatch(found, 0.6 if ambiguous else 0.95)


@lru_cache(maxsize=4096)
def country_of_domain(domain: str) -> str | None:
    """The country whose top-level domain it is, unless that domain is mostly used abroad."""
    top = domain.rsplit(".", 1)[-1]
    if top in words_in("words.txt")["borrowed domains"]:
        return None
    code = _TLD_COUNTRIES.get(top) or (top.upper() if len(top) == 2 else "")
    return code if code in _countries() else None


def is_country(code: str) -> bool:
    """Whether it is an ISO 3166-1 alpha-2 code, or XK for Kosovo."""
    return code in _countries()


def timezone_of(country: str) -> tuple[str, bool] | None:
    """The IANA time zone most people of a country live in, and whether practically all of them do.

    Raises:
        KeyError: `country` is not a code that `is_country` knows.
    """
    known = _countries()[country]
    return (known.timezone, known.one_timezone) if known.timezone else None
