"""How far a sale gets once somebody has spoken to the lead. Better people get further, and it takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo.people import Person
from demo.times import office_time
from demo.world import World

DEAL = 9_000
"""A middling deal, in the country's currency."""


@dataclass(frozen=True)
class Step:
    """One outcome; `signal` is what the lead itself does along with it."""

    at: datetime
    outcome: str
    reason: str | None = None
    value: int | None = None
    signal: str | None = None


def sale(person: Person, contacted: datetime, world: World, rng: Random) -> Iterator[Step]:
    """What follows from a contact at `contacted`, as if there were no end to the simulated time."""
    quality, zone = person.quality, person.country.timezone

    def after(moment: datetime, least: float, most: float) -> datetime:
        return office_time(moment + timedelta(days=rng.uniform(least, most)), zone)

    if rng.random() > 0.10 + 0.75 * quality:
        if rng.random() < 0.55:
            yield Step(after(contacted, 2, 12), "lost", rng.choice(world.lost))
        return
    moment = after(contacted, 0.2, 3.5)
    yield Step(moment, "meeting", signal="meeting")
    if rng.random() > 0.35 + 0.6 * quality:
        yield Step(after(moment, 1, 6), "lost", rng.choice(world.lost))
        return
    moment += timedelta(minutes=rng.uniform(30, 90))
    yield Step(moment, "sql")
    if rng.random() > 0.45 + 0.5 * quality:
        yield Step(after(moment, 2, 8), "lost", rng.choice(world.lost))
        return
    moment = after(moment, 0.5, 3)
    value = _value(person, rng)
    yield Step(moment, "opportunity", value=value)
    moment = after(moment, 0.5, 3)
    yield Step(moment, "quote_sent", value=value, signal="email_click")
    moment = after(moment, 2, 11)
    if rng.random() < 0.15 + 0.6 * quality:
        yield Step(moment, "won", value=round(value * rng.choice((1.0, 1.0, 0.9, 1.2))))
    else:
        yield Step(moment, "lost", rng.choice(world.lost))


def _value(person: Person, rng: Random) -> int:
    employees = person.company.employees if person.company else 5
    amount: float = DEAL * (employees / 200) ** 0.4 * rng.lognormvariate(0, 0.45)
    return 100 * max(1, round(amount / 100))
