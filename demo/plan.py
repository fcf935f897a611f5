"""The whole play: who enquires when and how, what they do next, and what goes wrong. The same seed, the same play."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo.actions import Action, Import, Item, Post
from demo.channels import Channel, draw_channel
from demo.journeys import GRID, Journey, again_of, engagement, enquiries
from demo.junk import junk
from demo.people import Cast, Person
from demo.times import floor, office_time, somewhen
from demo.world import World, world
from demo.writing import HEADERS, contacts_in, json_document, list_row

BATCH = 25
"""Badge scans that are sent together."""
SCANS_LATE = timedelta(hours=26)
"""How long after the event they are."""

BAD_ROWS: Mapping[tuple[str, ...], str] = {
    ("Nobody Inparticular", "", "", "", "Lost GmbH", "DE", "12"): "no_identity",
    ("Ann Unreadable", "not an address", "", "", "", "FR", ""): "invalid_fields",
}
"""Rows that nothing can be made of, and why."""


@dataclass(frozen=True)
class Scale:
    """How much, and when: `leads` people within [start, end)."""

    leads: int
    seed: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Play:
    """What is planned. What reps do is not part of it: they answer to what the pipeline gives them."""

    scale: Scale
    journeys: tuple[Journey, ...]
    actions: tuple[Action, ...]


def plan(scale: Scale, of: World | None = None) -> Play:
    """Everybody's journeys, and all that the outside world does by itself, in no order."""
    names = of or world()
    journeys = tuple(_journeys(scale, names))
    actions: list[Action] = []
    for journey in journeys:
        if journey.channel.way in ("form", "json"):
            actions += enquiries(journey, scale.end, names)
        actions += engagement(journey, scale.end, names)
    actions += _lists(journeys, scale)
    actions += _scans(journeys)
    actions += junk(scale.leads, scale.start, scale.end, Random(f"{scale.seed}:junk"))
    return Play(scale, journeys, tuple(action for action in actions if action.at < scale.end))


def _journeys(scale: Scale, names: World) -> Iterator[Journey]:
    cast = Cast(names)
    gatherings: dict[tuple[str, str], datetime] = {}
    for number in range(scale.leads):
        rng = Random(f"{scale.seed}:{number}:who")
        channel = draw_channel(rng)
        quality = channel.draw_quality(rng)
        person = cast.person(number, quality, rng, phone=channel.phone, email=channel.email)
        source = channel.draw_source(quality, rng)
        if channel.way in ("import", "batch"):
            # All of one list, or of one event, come at one moment.
            key = (channel.name, source)
            first_at = gatherings.setdefault(key, _gathering(scale, channel, source))
        else:
            first_at = somewhen(scale.start, scale.end, person.country.timezone, rng)
        again = again_of(person, channel, names, rng)
        yield Journey(person, channel, source, max(floor(first_at, GRID), scale.start), again, scale.seed)


def _gathering(scale: Scale, channel: Channel, source: str) -> datetime:
    """When a list is imported: on a working day in the first three quarters of the time."""
    rng = Random(f"{scale.seed}:{channel.name}:{source}")
    length = scale.end - scale.start
    wanted = office_time(scale.start + length * rng.uniform(0.1, 0.7), "Europe/London")
    return wanted if wanted < scale.end else scale.start + length / 2


def _lists(journeys: tuple[Journey, ...], scale: Scale) -> Iterator[Action]:
    """The imported files: each a list of people, some twice, with rows that nothing can be made of."""
    lists: dict[tuple[str, datetime], list[Journey]] = defaultdict(list)
    for journey in journeys:
        if journey.channel.way == "import":
            lists[journey.source, journey.first_at].append(journey)
    for (source, at), members in lists.items():
        rng = Random(f"{scale.seed}:list:{source}")
        rows = [(list_row(each.person, rng), each.person.number) for each in members]
        twice = [(_reworded(each.person, rng), each.person.number) for each in members if rng.random() < 0.06]
        yield Action(
            at,
            Import(
                name=f"{source}.csv",
                source=source,
                header=HEADERS,
                rows=[row for row, _ in rows + twice] + list(BAD_ROWS),
                persons=[number for _, number in rows + twice],
                contacts=[tuple(cell for cell in row[1:3] if cell) for row, _ in rows + twice],
                refused=tuple(BAD_ROWS.values()),
            ),
            f"list {source}",
        )


def _reworded(person: Person, rng: Random) -> tuple[str, ...]:
    """The same person further down the list, in capitals."""
    name, email, *rest = list_row(person, rng)
    return (name.upper(), email.upper(), *rest)


def _scans(journeys: tuple[Journey, ...]) -> Iterator[Action]:
    """Badges scanned at an event, sent on some time after it in batches."""
    events: dict[tuple[str, datetime], list[Item]] = defaultdict(list)
    for journey in journeys:
        if journey.channel.way == "batch":
            person, rng = journey.person, journey.rng("scan")
            contact = {"email": person.email, "phone": person.phone}
            document = json_document(person, person.name, contact, journey.channel, journey.source, rng)
            scanned = journey.first_at - SCANS_LATE - timedelta(minutes=rng.uniform(0, 300))
            item = Item(document, person.number, contacts_in(contact), scanned, "submitted_at")
            events[journey.source, journey.first_at].append(item)
    for (source, at), items in events.items():
        for first in range(0, len(items), BATCH):
            batch = Post("/v1/leads:batch", tuple(items[first : first + BATCH]))
            yield Action(at, batch, f"event {source} {first}")
