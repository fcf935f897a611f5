"""What one person does: first enquires, perhaps again, looks around, and may be won. All follows from their quality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from demo.actions import ACCEPTED, DUPLICATE, Action, Item, Post, json_action
from demo.channels import BY_NAME, Channel
from demo.people import Person
from demo.spelling import clumsy, email_spelling, misspelt_email, phone_spelling
from demo.times import floor, somewhen
from demo.world import World
from demo.writing import contacts_in, form_post, json_document

Again = Literal["retried", "at once", "other spelling", "misspelt first"]

GRID = timedelta(minutes=15)
"""Enquiries come on a grid: several at one moment, and the rest of the time passes in one step."""
SIGNALS_WAIT = timedelta(hours=3)
REPORTED_LATE = 0.08
"""How many signals are reported only days later."""

SIGNALS = {
    "page_view": 30.0, "pricing_visit": 10.0, "download": 8.0, "email_open": 18.0, "email_click": 8.0,
    "product_usage": 6.0, "event_attendance": 2.0, "demo_request": 1.5, "chat": 1.5,
}  # fmt: skip
BUYING = frozenset({"pricing_visit", "demo_request", "chat", "product_usage", "email_click"})


@dataclass(frozen=True)
class Journey:
    """One person's way."""

    person: Person
    channel: Channel
    source: str
    first_at: datetime
    again: tuple[Again, ...]
    seed: str

    def rng(self, purpose: str) -> Random:
        """The same dice for the same purpose, whatever else was thrown."""
        return Random(f"{self.seed}:{self.person.number}:{purpose}")


def again_of(person: Person, channel: Channel, world: World, rng: Random) -> tuple[Again, ...]:
    """In which ways somebody enquires more than once."""
    kinds: list[Again] = []
    if channel.way == "import":
        return ()
    if channel.way == "json" and rng.random() < 0.05:
        kinds.append("retried")
    if rng.random() < 0.03:
        kinds.append("at once")
    if rng.random() < 0.10:
        kinds.append("other spelling")
    if channel.way == "form" and person.email and person.phone and rng.random() < 0.12:
        domain = person.email.partition("@")[2]
        if domain in world.misspelt:
            kinds.append("misspelt first")
    return tuple(kinds)


def enquiries(journey: Journey, end: datetime, world: World) -> Iterator[Action]:
    """All submissions of somebody who enquires by themselves, first and again."""
    person, rng = journey.person, journey.rng("enquiries")
    lane = f"person {person.number}"
    first = {"email": person.email, "phone": person.phone}
    if "misspelt first" in journey.again and person.email:
        first["email"] = misspelt_email(person.email, world, rng)
    yield Action(journey.first_at, _submission(journey, first, journey.channel, rng), lane)
    if "misspelt first" in journey.again:
        yield Action(journey.first_at + GRID, _submission(journey, _as_spelt(person), journey.channel, rng), lane)
    if "retried" in journey.again:
        twice = journey.rng("enquiries")
        repeat = _submission(journey, first, journey.channel, twice, repeated=True)
        yield Action(journey.first_at + GRID, repeat, lane)
    if "at once" in journey.again:
        # In a lane of its own: two workers, or two requests of one, take it in at the same instant.
        spelt = first if "misspelt first" in journey.again else _spelt_anew(person, rng)
        yield Action(journey.first_at, _submission(journey, spelt, journey.channel, rng), f"{lane} at once")
    if "other spelling" in journey.again and journey.first_at + timedelta(hours=4) < end:
        later = somewhen(journey.first_at + timedelta(hours=2), end, person.country.timezone, rng)
        channel = BY_NAME[rng.choice(("web_form", "api", "google_ads", "chat"))]
        yield Action(floor(later, GRID), _submission(journey, _spelt_anew(person, rng), channel, rng), lane)


def _as_spelt(person: Person) -> dict[str, str | None]:
    return {"email": person.email, "phone": person.phone}


def _spelt_anew(person: Person, rng: Random) -> dict[str, str | None]:
    """Address, number, or both, each spelt otherwise."""
    email = email_spelling(person.email, rng) if person.email else None
    phone = phone_spelling(person.phone, person.country.code, rng) if person.phone else None
    if email and phone and rng.random() < 0.6:
        return {"email": email, "phone": None} if rng.random() < 0.5 else {"email": None, "phone": phone}
    return {"email": email, "phone": phone}


def _submission(
    journey: Journey, contact: dict[str, str | None], channel: Channel, rng: Random, *, repeated: bool = False
) -> Post:
    person = journey.person
    name = clumsy(person.name, rng) if rng.random() < 0.12 else person.name
    source = journey.source if channel is journey.channel else channel.draw_source(person.quality, rng)
    if channel.way == "form":
        return form_post(person, name, contact, source, rng)
    document = json_document(person, name, contact, channel, source, rng)
    expected = DUPLICATE if repeated else ACCEPTED
    return Post("/v1/leads", (Item(document, person.number, contacts_in(contact), expected=expected),))


def engagement(journey: Journey, end: datetime, world: World) -> Iterator[Action]:
    """What they do on the site, with our messages and in the product; the eager ones more, and more that matters."""
    person, rng = journey.person, journey.rng("engagement")
    who = {"email": person.email} if person.email else {"phone": person.phone}
    moment = journey.first_at
    # Who misspelt their address is not known by it before they try again.
    known_at = journey.first_at + (2 * GRID if "misspelt first" in journey.again else timedelta(0))
    for number in range(_how_many(1.0 + 8.0 * person.quality**1.5, rng)):
        signal = _which(person.quality, rng)
        # Of a new lead it is known only then what it did before.
        before = number == 0 and signal == "page_view"
        moment += timedelta(days=rng.expovariate(1 / 1.6)) if not before else timedelta(0)
        happened = journey.first_at - timedelta(minutes=rng.uniform(2, 600)) if before else moment
        reported = happened + timedelta(days=rng.uniform(1, 5)) if rng.random() < REPORTED_LATE else happened
        posted = max(reported, known_at + timedelta(minutes=rng.uniform(1, 30)))
        if posted >= end:
            break
        document = {"signal": signal, "id": f"sig-{person.number}-{number}", "channel": _reported_by(signal), **who}
        document["detail"] = _detail(signal, world, rng)
        item = Item(document, person.number, happened=happened)
        yield json_action(posted, "/v1/signals", item, patience=SIGNALS_WAIT)
    if rng.random() < 0.05 * (1 - person.quality):
        posted = journey.first_at + timedelta(days=rng.uniform(1, 12))
        if posted < end:
            gone = {"signal": "unsubscribe", "id": f"sig-{person.number}-gone", "channel": "email", **who}
            yield json_action(posted, "/v1/signals", Item(gone, person.number, happened=posted), patience=SIGNALS_WAIT)


def _how_many(mean: float, rng: Random) -> int:
    """A Poisson draw: how many exponential waits fit into one."""
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1.0)
    return count


def _which(quality: float, rng: Random) -> str:
    weights = [weight * (0.3 + 2.4 * quality if name in BUYING else 1.0) for name, weight in SIGNALS.items()]
    return rng.choices(list(SIGNALS), weights)[0]


def _reported_by(signal: str) -> str:
    if signal.startswith("email"):
        return "email"
    return {"product_usage": "product", "event_attendance": "event", "chat": "chat"}.get(signal, "website")


def _detail(signal: str, world: World, rng: Random) -> str:
    if signal == "download":
        return rng.choice(world.assets)
    return {"pricing_visit": "/pricing", "demo_request": "/demo", "product_usage": "report built"}.get(
        signal, rng.choice(world.pages)
    )
