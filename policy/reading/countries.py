"""Countries: from what people write to ISO 3166-1 alpha-2, and the time zone that most of a country lives in.

The codes are those of the time zone database, names and time zones those of the Unicode CLDR, by Babel.
`countries.txt` adds what people write besides, and where most people of a country with several time zones live.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files

from babel import Locale
from babel.core import get_global

from policy.reading.text import clean, words

LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr", "ru", "zh", "ja", "ko")
"""Whose names for countries are known. Where two countries share a name, the earlier country's code has it."""

KOSOVO = "XK"
"""Has no code of ISO's; this one, of those that ISO leaves to users, is in use for it."""

_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_FIRST_FLAG_LETTER = 0x1F1E6

_FORMS = frozenset(
    ("republic", "kingdom", "commonwealth", "principality", "federal", "democratic", "people", "s", "islamic",
     "socialist", "united")
)  # fmt: skip
"""Words before the `of` of an official name: `Federal Republic of Germany` is Germany."""

_LEFT_OUT = frozenset(("the", "and"))
_SHORT = {"saint": "st"}


@cache
def country_codes() -> frozenset[str]:
    """Gives the ISO 3166-1 alpha-2 codes, and Kosovo's."""
    table = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8")
    codes = (line.split("\t")[0] for line in table.splitlines() if line and not line.startswith("#"))
    return frozenset((*codes, KOSOVO))


@lru_cache(maxsize=4096)
def read_country(text: str | None) -> str | None:
    """Gives the code of the country that somebody means by a name (in many languages), an ISO code or a flag."""
    cleaned = clean(text)
    if cleaned is None:
        return flag_country(text) if text else None
    return flag_country(text or "") or _named(cleaned)


def flag_country(text: str) -> str | None:
    """Gives the code of the first flag in a text."""
    flag = _FLAG.search(text)
    if flag is None:
        return None
    code = "".join(chr(ord(letter) - _FIRST_FLAG_LETTER + ord("A")) for letter in flag[0])
    return code if code in country_codes() else None


def country_spelling(text: str) -> str:
    """Gives the one form of a country's name: `The Bahamas` is `bahamas`, `Saint Lucia` is `stlucia`."""
    return "".join(_said(text))


def timezone_of(country: str) -> tuple[str, bool] | None:
    """Gives the IANA time zone that most of a country lives in, and whether practically all of it does.

    None for a country where nobody lives, and for what is no country's code.
    """
    listed = _listed("time zones").get(country)
    if listed is not None:
        return listed[0].removeprefix("~"), not listed[0].startswith("~")
    zones = get_global("territory_zones").get(country, ())
    return (zones[0], True) if len(zones) == 1 else None


def _named(text: str) -> str | None:
    said = _said(text)
    found = _by_spelling().get("".join(said))
    if found is None and "of" in said[:-1]:
        at = said.index("of")
        if at and _FORMS.issuperset(said[:at]):
            return _by_spelling().get("".join(said[at + 1 :]))
    return found


def _said(text: str) -> list[str]:
    every = words(text)
    return [_SHORT.get(word, word) for word in every if word not in _LEFT_OUT or len(every) == 1]


@cache
def _by_spelling() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code in sorted(country_codes()):
        for name in (code, *_alpha_3().get(code, ()), *_listed("names").get(code, ()), *_cldr_names(code)):
            found.setdefault(country_spelling(name), code)
    # Not ISO codes, but what people mean by them.
    found.update(uk="GB", el="GR", eng="GB")
    found.pop("", None)
    return found


def _cldr_names(code: str) -> Iterator[str]:
    for language in LANGUAGES:
        name = Locale.parse(language).territories.get(code)
        if name:
            yield name


@cache
def _alpha_3() -> Mapping[str, tuple[str, ...]]:
    """Gives the codes of three letters, by the one of two."""
    found: dict[str, tuple[str, ...]] = {}
    for alias, codes in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(codes) == 1:
            found[codes[0]] = (*found.get(codes[0], ()), alias)
    return found


@cache
def _listed(section: str) -> Mapping[str, tuple[str, ...]]:
    """Gives what `countries.txt` lists in a section, by country."""
    found: dict[str, tuple[str, ...]] = {}
    here = ""
    for line in files("policy.reading").joinpath("countries.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            here = line.strip("[]")
        elif here == section and line and not line.startswith("#"):
            code, _, entries = line.partition(" ")
            found[code] = tuple(entries.split("|"))
    return found
