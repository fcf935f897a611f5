"""Where leads come from, and what each channel's are like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

Way = Literal["form", "json", "batch", "import"]


@dataclass(frozen=True)
class Channel:
    """One channel.

    Attributes:
        weight: its share of all leads.
        way: how its leads reach capture: an HTML form, the API one by one or in batches, an imported file.
        quality: alpha and beta of the beta distribution that its people's quality follows.
        phone, email: chances that somebody tells theirs.
        sources: which form, campaign or partner, with weights. A demo request comes from better people.
    """

    name: str
    weight: float
    way: Way
    quality: tuple[float, float]
    sources: Mapping[str, float]
    phone: float = 0.55
    email: float = 1.0

    def draw_quality(self, rng: Random) -> float:
        """How good the next one is."""
        return rng.betavariate(*self.quality)

    def draw_source(self, quality: float, rng: Random) -> str:
        """Which source such a person comes from."""
        weights = [weight * (3 * quality if name in EAGER else 1.0) for name, weight in self.sources.items()]
        return rng.choices(list(self.sources), weights)[0]


EAGER = frozenset({"demo-request", "book-a-demo"})

CHANNELS: tuple[Channel, ...] = (
    Channel("web_form", 30, "form", (2.2, 2.2), {"demo-request": 3, "contact": 5, "pricing": 2, "report-download": 4}),
    Channel("google_ads", 14, "json", (1.6, 2.8), {"search-brand": 2, "search-generic": 4, "display": 2}),
    Channel("api", 11, "json", (2.0, 2.4), {"product-signup": 5, "book-a-demo": 1}, phone=0.2),
    Channel("linkedin", 10, "json", (2.0, 2.2), {"lead-gen-cfo": 2, "lead-gen-sales": 4}, phone=0.25),
    Channel("csv_import", 10, "import", (1.4, 3.0), {"trade-fair-list": 2, "bought-list": 3}, phone=0.7),
    Channel("referral", 7, "json", (4.0, 2.0), {"customer": 3, "partner-portal": 2}),
    Channel("chat", 7, "json", (2.4, 2.0), {"website-chat": 1}, phone=0.3),
    Channel("event", 6, "batch", (2.2, 2.0), {"summit": 2, "webinar": 3}, phone=0.4),
    Channel("phone", 5, "json", (2.8, 2.0), {"hotline": 1}, phone=1.0, email=0.4),
)

BY_NAME: Mapping[str, Channel] = {channel.name: channel for channel in CHANNELS}


def draw_channel(rng: Random) -> Channel:
    """The next lead's channel."""
    return rng.choices(CHANNELS, [channel.weight for channel in CHANNELS])[0]
