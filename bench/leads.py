"""Leads to post: seeded, each of a person of its own, mixed as a business sees them."""

from __future__ import annotations

import random
from typing import Any

import orjson

TITLES = ("VP Engineering", "Head of Marketing", "CTO", "Sales Manager", "Software Engineer", "Founder", "Student", "")
COUNTRIES = ("DE", "US", "GB", "FR", "Austria", "Nederland", "India", "Brazil")
GIVEN = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Katherine", "José", "Zoë")
FAMILY = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Johnson", "Núñez", "Ångström")
SOURCES = ("pricing", "demo", "newsletter", "webinar")
MESSAGE = "We are looking for a way to answer our enquiries within minutes. Could you call us this week?"


def lead(number: int, rng: random.Random, run: int) -> dict[str, Any]:
    """The `number`-th lead of a run; runs have no people in common."""
    given, family, company = rng.choice(GIVEN), rng.choice(FAMILY), rng.randrange(5_000)
    return {
        "email": f"{given}.{family}.{run}.{number}@company{company}.example".lower(),
        "name": f"{given} {family}",
        "phone": f"+49 151 {run * 200_000 + number:08d}",
        "title": rng.choice(TITLES) or None,
        "company": {
            "name": f"Company {company} GmbH",
            "website": f"https://company{company}.example",
            "employees": rng.choice((3, 20, 80, 250, 2_000)),
            "country": rng.choice(COUNTRIES),
        },
        "attribution": {"utm_source": rng.choice(("google", "linkedin", "newsletter")), "utm_medium": "cpc"},
        "consent": {"marketing": True},
        "source": rng.choice(SOURCES),
        "message": MESSAGE,
    }


def bodies(count: int, batch: int, run: int, seed: int = 1) -> list[bytes]:
    """Request bodies that hold `count` leads: one each, or an array of `batch`."""
    rng = random.Random(seed)
    leads = [lead(number, rng, run) for number in range(count)]
    if batch == 1:
        return [orjson.dumps(each) for each in leads]
    return [orjson.dumps(leads[start : start + batch]) for start in range(0, count, batch)]
