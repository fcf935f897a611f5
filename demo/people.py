"""Invented people at invented companies. No two share an address or a number, however these are spelt."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from random import Random

from phonenumbers import country_code_for_region

from demo.world import Country, World, world

GOOD_SIZES = ((51, 200), (201, 500), (501, 1_000))
OTHER_SIZES = ((1, 10), (11, 50), (1_001, 5_000), (10_001, 40_000))
ATTEMPTS, DIALS = 10_000, 200


@dataclass(frozen=True)
class Company:
    """Where somebody works."""

    name: str
    domain: str
    employees: int
    industry: str
    website: str


@dataclass(frozen=True)
class Person:
    """Somebody who may become a customer.

    Attributes:
        number: tells people apart; the first is 0.
        quality: how likely they are to buy, 0 to 1. The pipeline never learns it; all that they are and do follows
            from it, so that a good score finds it.
        phone: in E.164.
    """

    number: int
    quality: float
    given: str
    family: str
    country: Country
    company: Company | None
    title: str | None
    email: str | None
    phone: str | None

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


class Cast:
    """Makes people, one after the other."""

    def __init__(self, of: World | None = None) -> None:
        self._world = of or world()
        self._weights = [country.weight for country in self._world.countries]
        self._taken: set[str] = set()

    def person(self, number: int, quality: float, rng: Random, *, phone: float = 0.6, email: float = 1.0) -> Person:
        """A new one; `phone` and `email` are the chances that they tell theirs. One of both they always tell."""
        country = rng.choices(self._world.countries, self._weights)[0]
        given, family = rng.choice(country.given), rng.choice(country.family)
        company = self._company(country, quality, rng) if rng.random() < 0.55 + 0.45 * quality else None
        has_email = rng.random() < email
        number_given = self._phone(country, rng) if rng.random() < phone or not has_email else None
        address_given = has_email or number_given is None
        return Person(
            number=number,
            quality=quality,
            given=given,
            family=family,
            country=country,
            company=company,
            title=self._title(country, quality, rng) if company or rng.random() < 0.3 else None,
            email=self._email(given, family, country, company, quality, rng) if address_given else None,
            phone=number_given,
        )

    def _company(self, country: Country, quality: float, rng: Random) -> Company:
        words = self._world.companies
        # Of the industries, the first five are those that buy.
        industries = list(words.second)
        industry = rng.choice(industries[:5] if rng.random() < 0.3 + 0.6 * quality else industries)
        first, second = rng.choice(words.first), rng.choice(words.second[industry])
        low, high = rng.choice(GOOD_SIZES if rng.random() < 0.2 + 0.6 * quality else OTHER_SIZES)
        domain = f"{plain(first)}-{plain(second)}-{country.code.lower()}.example"
        return Company(
            name=f"{first} {second} {words.form[country.code]}",
            domain=domain,
            employees=rng.randint(low, high),
            industry=rng.choice(words.stated_industry[industry]),
            website=rng.choice((domain, f"https://www.{domain}/")),
        )

    def _title(self, country: Country, quality: float, rng: Random) -> str:
        by_language = self._world.titles[_seniority(quality + rng.gauss(0, 0.16), rng)]
        return rng.choice(by_language.get(country.language, by_language["en"]))

    def _email(
        self, given: str, family: str, country: Country, company: Company | None, quality: float, rng: Random
    ) -> str:
        if company and rng.random() < 0.5 + 0.5 * quality:
            domain = company.domain
        elif rng.random() < 0.06 * (1 - quality):
            domain = rng.choice(self._world.disposable)
        else:
            domain = rng.choice(country.free_mail)
        local = rng.choice((f"{plain(given)}.{plain(family)}", f"{plain(given)[0]}.{plain(family)}", plain(given)))
        return self._unique(f"{local}@{domain}", rng)

    def _unique(self, address: str, rng: Random) -> str:
        local, _, domain = address.partition("@")
        for attempt in range(ATTEMPTS):
            tried = f"{local}{rng.randint(2, 99) if attempt < 5 else rng.randint(100, 99_999)}" if attempt else local
            # Some providers ignore dots: without them no two may be the same anywhere.
            if self._take(f"{tried.replace('.', '')}@{domain}"):
                return f"{tried}@{domain}"
        raise ValueError(f"there are no more addresses at {domain}")

    def _phone(self, country: Country, rng: Random) -> str | None:
        """None once a country's numbers are used up, which only a very large cast does."""
        for _ in range(DIALS):
            pattern = rng.choice(country.phones)
            digits = "".join(str(rng.randint(0, 9)) if each == "#" else each for each in pattern)
            number = f"+{country_code_for_region(country.code)}{digits}"
            if self._take(number):
                return number
        return None

    def _take(self, key: str) -> bool:
        if key in self._taken:
            return False
        self._taken.add(key)
        return True


def _seniority(rank: float, rng: Random) -> str:
    steps = (
        (0.86, ("founder", "c_level")),
        (0.70, ("c_level", "vp")),
        (0.54, ("director", "vp")),
        (0.38, ("manager",)),
        (0.14, ("individual",)),
    )
    for least, titles in steps:
        if rank >= least:
            return rng.choice(titles)
    return rng.choice(("individual", "intern", "student"))


_SPELT = str.maketrans({"ß": "ss", "ø": "o", "\u0131": "i", "ü": "ue", "ö": "oe", "ä": "ae"})


def plain(name: str) -> str:
    """A name as mail addresses have it.

    >>> plain("Müller"), plain("von der Heide"), plain("O'Neill")
    ('mueller', 'vonderheide', 'oneill')
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", name.lower()).translate(_SPELT))
    return re.sub(r"[^a-z0-9]", "", folded)
