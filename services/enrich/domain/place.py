"""Where somebody is: country, state or province, and time zone, from all that points at them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from policy.reading.countries import timezone_of
from policy.types import timezone_names
from services.enrich.domain.country import CountryMatch
from services.enrich.domain.evidence import Evidence, evidence
from services.enrich.domain.phone import Phone
from services.enrich.domain.region import Region, read_region

# Trust in what points at a place, 0 to 1. A country that was stated brings its own.
_BY_NUMBER = 0.8
_BY_UNASSIGNED_NUMBER = 0.3
_BY_TOP_LEVEL_DOMAIN = 0.6
_BY_REGION = 0.5


class Hints(NamedTuple):
    """What a submission says of where somebody is. `country` is what was stated, `mail_country` the domain's."""

    country: CountryMatch | None
    region: str | None
    timezone: str | None
    mail_country: str | None
    phone: Phone | None


_Stated = tuple[CountryMatch | None, str | None, str | None, str | None]
"""Hints without the telephone number."""
_PointedAt = tuple[bool, bool, str | None, Region | None, str | None]
"""A telephone number's fields without the number itself."""


def read_place(hints: Hints) -> tuple[Evidence, ...]:
    """Reads country, region and time zone. The last two are bound to their country: `region:US` counts only there."""
    phone = hints.phone
    # What a number points at is remembered, the number itself is not.
    return _read_place(hints[:-1], phone[1:] if phone else None)


@lru_cache(maxsize=8192)
def _read_place(stated: _Stated, pointed_at: _PointedAt | None) -> tuple[Evidence, ...]:
    return tuple(_place(Hints(*stated, Phone("", *pointed_at) if pointed_at else None)))


def _place(hints: Hints) -> Iterator[Evidence]:
    country = max(_countries(hints), key=lambda candidate: candidate[0].confidence, default=None)
    code = None
    if country is not None:
        (code, confidence), source = country
        yield evidence("country", "profile.country", code, source, confidence)
    yield from _region(hints, code)
    yield from _timezone(hints, code)


def _countries(hints: Hints) -> Iterator[tuple[CountryMatch, str]]:
    if hints.country is not None:
        yield hints.country, "submission"
    phone = hints.phone
    # A number without a country code says nothing: the country was put there by us.
    if phone is not None and phone.country is not None and phone.international:
        trust = _BY_NUMBER if phone.assigned else _BY_UNASSIGNED_NUMBER
        yield CountryMatch(phone.country, trust), "phone_prefix"
    if hints.mail_country is not None:
        yield CountryMatch(hints.mail_country, _BY_TOP_LEVEL_DOMAIN), "email_tld"
    region = read_region(hints.region, None)
    if region is not None and region.country is not None:
        yield CountryMatch(region.country, _BY_REGION), "region"


def _region(hints: Hints, country: str | None) -> Iterator[Evidence]:
    stated = read_region(hints.region, country)
    if stated is not None:
        yield evidence(_bound("region", stated.country), "profile.region", stated.name, "submission", 0.9)
    elif hints.phone is not None and hints.phone.region is not None and hints.phone.country == country:
        trust = 0.7 if hints.phone.international else 0.5
        yield evidence(_bound("region", country), "profile.region", hints.phone.region.name, "phone_prefix", trust)


def _timezone(hints: Hints, country: str | None) -> Iterator[Evidence]:
    if hints.timezone in timezone_names():
        yield evidence("timezone", "profile.timezone", hints.timezone, "submission", 0.95)
        return
    found = _timezone_by_place(hints, country)
    if found is not None:
        name, source, confidence = found
        yield evidence(_bound("timezone", country), "profile.timezone", name, source, confidence)


def _timezone_by_place(hints: Hints, country: str | None) -> tuple[str, str, float] | None:
    if country is None:
        return None
    region = read_region(hints.region, country)
    if region is not None and region.timezone is not None:
        return region.timezone, "region", 0.8
    phone = hints.phone
    if phone is not None and phone.timezone is not None and phone.country == country:
        return phone.timezone, "phone_prefix", 0.75
    usual = timezone_of(country)
    if usual is None:
        return None
    name, one_only = usual
    return name, "country", 0.7 if one_only else 0.35


def _bound(group: str, country: str | None) -> str:
    return group if country is None else f"{group}:{country}"
