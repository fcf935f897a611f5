"""The reps, and the CRM they work in: it learns who was given which lead, and reports what they did.

They do what people do: most leads are called in time, some too late, a few never; a call is sometimes entered only
in the evening; now and then somebody gives a lead back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from demo.actions import Action, Document, Item, json_action
from demo.journeys import GRID, SIGNALS_WAIT, Journey
from demo.sales import sale
from demo.times import floor, office_time
from demo.world import World
from schemas.base import Event
from schemas.events import Assignment, LeadAssigned, LeadReassigned

Claim = tuple[str, int]

SOON = timedelta(minutes=1)
OUTCOMES_WAIT = timedelta(hours=1)
"""A CRM tells of a changed deal some time after it."""
KEPT = {"hot": 0.88, "warm": 0.84, "cool": 0.92, "cold": 0.9}
"""How often a rep calls within the time allowed."""
KEPT_AT_NIGHT = 0.45
"""The same outside working hours, where a hot lead's clock runs on."""
NEVER = 0.2
"""How many of the others are never called."""
OFFICE = "Europe/London"
LATE_HOURS = {"hot": 0.4, "warm": 2.0, "cool": 14.0, "cold": 20.0}
"""How late a late call is: the median."""
LONGEST = {"hot": timedelta(hours=1), "warm": timedelta(minutes=30), "cool": timedelta(hours=6)}
"""How long before the deadline a rep begins with such leads, at most."""
RETURNED, ENTERED_LATE, ACCEPTED = 0.02, 0.04, 0.6


class Reps:
    """Everybody who owns leads. Feed it what the pipeline says; it answers with what they will do."""

    def __init__(self, journeys: Mapping[int, Journey], world: World, clock: Callable[[], datetime]) -> None:
        self._journeys, self._world, self._clock = journeys, world, clock
        self._owners: dict[str, int] = {}

    def react(self, event: Event, person: int) -> Iterator[Action]:
        """Plans what follows from an event of `leads.assigned` about `person`."""
        if isinstance(event, LeadAssigned | LeadReassigned):
            lead = event.lead_id
            claim = (lead, self._owners.get(lead, 0) + 1)
            self._owners[lead] = claim[1]
            yield from self._take(event.data, self._journeys[person], claim)

    def still_due(self, action: Action) -> bool:
        """False for what a former owner had in mind."""
        return action.claim is None or self._owners.get(action.claim[0]) == action.claim[1]

    def _take(self, assignment: Assignment, journey: Journey, claim: Claim) -> Iterator[Action]:
        rng, now = journey.rng(f"owner {claim[1]}"), self._clock()
        act = _Acts(assignment, journey, claim, now, rng)
        if rng.random() < RETURNED:
            reason = rng.choice(self._world.returned)
            yield act.outcome(now + timedelta(minutes=rng.uniform(2, 15)), "returned", reason=reason)
            return
        contact = _contact_at(assignment, now, rng)
        if contact is None:
            return
        if rng.random() < ACCEPTED:
            yield act.outcome(now + (contact - now) * 0.6, "accepted")
        yield act.touch(contact, 0, entered_later=rng.random() < ENTERED_LATE)
        yield from self._pursue(act, contact)

    def _pursue(self, act: _Acts, contact: datetime) -> Iterator[Action]:
        rng = act.journey.rng("sale")
        steps = list(sale(act.journey.person, contact, self._world, rng))
        if not steps or steps[0].outcome == "lost":
            for number in range(1, 1 + rng.randint(0, 2)):
                yield act.touch(contact + timedelta(days=1.5 * number), number)
        else:
            yield act.signal(contact + timedelta(minutes=rng.uniform(5, 300)), "email_reply")
        for step in steps:
            yield act.outcome(step.at, step.outcome, reason=step.reason, value=step.value)
            if step.signal:
                yield act.signal(step.at, step.signal)


def _contact_at(assignment: Assignment, now: datetime, rng: Random) -> datetime | None:
    """When the owner first calls; None: never."""
    deadline, band = assignment.deadlines.contacted_by, assignment.band
    started = assignment.deadlines.started_at or assignment.origin.captured_at
    at_night = band == "hot" and deadline - started > timedelta(minutes=10)
    if rng.random() < (KEPT_AT_NIGHT if at_night else KEPT[band]):
        span = min(deadline - started, LONGEST.get(band, timedelta(hours=6)))
        at = deadline - span * rng.uniform(0.03, 0.95)
        return _stepped(at, now, band)
    if rng.random() < NEVER:
        return None
    late = deadline + timedelta(hours=LATE_HOURS[band] * rng.lognormvariate(0, 0.7))
    return _stepped(late if band == "hot" else office_time(late, OFFICE), now + GRID, band)


def _stepped(at: datetime, now: datetime, band: str) -> datetime:
    """On the grid where that leaves it after `now`; a hot lead's call at its minute."""
    on_grid = floor(at, SOON if band == "hot" else GRID)
    return max(on_grid if on_grid > now else at, now + timedelta(seconds=5))


class _Acts:
    """What one owner does with one lead, as the CRM reports it."""

    def __init__(self, assignment: Assignment, journey: Journey, claim: Claim, now: datetime, rng: Random) -> None:
        self.assignment, self.journey = assignment, journey
        self._claim, self._now, self._rng = claim, now, rng
        self._count = 0

    def touch(self, at: datetime, number: int, *, entered_later: bool = False) -> Action:
        """A call, or a message where there is no number. The first one's moment has been chosen with care."""
        document = {"channel": "call"} if self.journey.person.phone and number != 1 else {"channel": "email"}
        if entered_later:
            # It was made, whoever has the lead by the time it is reported.
            reported_at = at + timedelta(hours=self._rng.uniform(2, 7))
            return replace(self._report("/v1/touches", at, document), at=reported_at, claim=None)
        return self._report("/v1/touches", at if number == 0 else self._on_grid(at), document)

    def outcome(self, at: datetime, outcome: str, *, reason: str | None = None, value: int | None = None) -> Action:
        """A step of the sale."""
        document: dict[str, Any] = {"outcome": outcome, "channel": "crm"}
        if reason:
            document["reason"] = reason
        if value is not None:
            document |= {"value": value, "currency": self.journey.person.country.currency}
        return replace(self._report("/v1/outcomes", at, document), patience=OUTCOMES_WAIT)

    def signal(self, at: datetime, signal: str) -> Action:
        """What the lead does in answer."""
        document = {"signal": signal, "channel": "email", "lead_id": self._claim[0], "id": self._id("sig")}
        item = Item(document, self.journey.person.number, happened=at)
        return json_action(at, "/v1/signals", item, patience=SIGNALS_WAIT)

    def _report(self, path: str, at: datetime, document: Document) -> Action:
        whole = {**document, "lead_id": self._claim[0], "rep": self.assignment.rep, "id": self._id("crm")}
        return replace(json_action(at, path, Item(whole, self.journey.person.number, happened=at)), claim=self._claim)

    def _on_grid(self, at: datetime) -> datetime:
        return _stepped(at, self._now, "")

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self.journey.person.number}-{self._claim[1]}-{self._count}"
