"""How sure it is which country is meant, by what was written or by a mail domain."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from policy.reading.countries import country_codes, country_spelling, flag_country, read_country
from services.enrich.domain.tables import words_in

_AMBIGUOUS = frozenset({"georgia", "jersey", "congo", "kongo", "guinea", "korea", "america", "amerika"})
"""Names that more than one place answers to."""

_TLD_COUNTRIES = {"uk": "GB", "xn--p1ai": "RU", "xn--fiqs8s": "CN", "xn--j1amh": "UA", "xn--90ais": "BY"}
"""Country domains that are not the country's code."""


class CountryMatch(NamedTuple):
    """A country and how sure it is that it is meant, 0 to 1."""

    code: str
    confidence: float


@lru_cache(maxsize=4096)
def match_country(text: str | None) -> CountryMatch | None:
    """Reads the country that somebody states, and weighs it; None where none is recognised."""
    code = read_country(text)
    if code is None or text is None:
        return None
    if flag_country(text):
        return CountryMatch(code, 0.9)
    return CountryMatch(code, 0.6 if country_spelling(text) in _AMBIGUOUS else 0.95)


@lru_cache(maxsize=4096)
def country_of_domain(domain: str) -> str | None:
    """Gives the country whose top-level domain it is, unless that domain is mostly used abroad."""
    top = domain.rsplit(".", 1)[-1]
    if top in words_in("words.txt")["borrowed domains"]:
        return None
    code = _TLD_COUNTRIES.get(top) or (top.upper() if len(top) == 2 else "")
    return code if code in country_codes() else None
