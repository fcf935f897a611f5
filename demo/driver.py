"""Walks through the simulated time: stops where something is to be done, lets the pipeline finish, goes on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from demo.actions import Action, Import, Post
from demo.agenda import Agenda
from demo.directory import Directory
from demo.listener import TopicListener
from demo.plan import Play
from demo.posting import Poster
from demo.quiescence import QuiescenceWatch, Snapshot, stop_for
from demo.reps import Reps
from demo.world import world
from infra.clock import OffsetClock
from schemas.events import LeadCaptured

SIDE_BY_SIDE = 16
REPORT_SECONDS = 1.5
JUDGED = "route."

Importer = Callable[[Import], tuple[int, int]]
"""Imports a file; returns how many rows were accepted and how many refused. Runs in a thread."""
ReportTime = Callable[[datetime], Awaitable[None]]
"""Called every now and then with how far the simulated time is."""


@dataclass
class Surroundings:
    """What the driver acts on."""

    clock: OffsetClock
    watch: QuiescenceWatch
    listener: TopicListener
    poster: Poster
    importer: Importer
    report: ReportTime


@dataclass
class WalkResult:
    """How the walk went.

    Attributes:
        stops: how often the clock stopped.
        foreign_records: how many records were written past capture, by topic.
        imported: (accepted, refused) of each imported file.
    """

    stops: int
    seconds: float
    foreign_records: dict[str, int]
    imported: list[tuple[Import, int, int]]


class Driver:
    """One demo's walk."""

    def __init__(self, play: Play, on: Surroundings) -> None:
        self._play, self._on = play, on
        self._agenda = Agenda(play.actions)
        self._directory = Directory()
        self._directory.learn(play.actions)
        journeys = {journey.person.number: journey for journey in play.journeys}
        self._reps = Reps(journeys, world(), on.clock.now)
        self._people: dict[str, int] = {}
        self._reported_at = 0.0
        self._walked = WalkResult(0, 0.0, {}, [])

    @property
    def directory(self) -> Directory:
        """Who wrote what."""
        return self._directory

    async def walk(self) -> WalkResult:
        """Walks from the beginning of the simulated time to its end.

        Raises:
            DemoFailed: the pipeline does not do its part.
        """
        started = monotonic()
        clock, end = self._on.clock, self._play.scale.end
        clock.move_to(self._play.scale.start)
        await self._settle()
        while (stop := self._next_stop()) is not None and stop < end:
            await self._arrive(stop)
            await self._act(self._agenda.take(clock.now()))
            await self._settle()
            self._walked.stops += 1
            await self._report()
        await self._arrive(end)
        await self._settle()
        await self._on.report(end)
        self._walked.seconds = monotonic() - started
        return self._walked

    def _next_stop(self) -> datetime | None:
        stops = (self._agenda.next_stop(), stop_for(self._on.watch.last.timers))
        return min((stop for stop in stops if stop is not None), default=None)

    async def _arrive(self, stop: datetime) -> None:
        """Moves the clock there. Deadlines that have passed on the way are judged before anything else happens; for
        fading scores and planned touches the order makes no difference.
        """
        clock = self._on.clock
        if stop > clock.now():
            clock.move_to(stop)
        if any(timer.due <= clock.now() and timer.kind.startswith(JUDGED) for timer in self._on.watch.last.timers):
            await self._settle()

    async def _settle(self) -> Snapshot:
        """Waits until the pipeline is done, and lets the reps react to what it published."""
        snapshot = await self._on.watch.until_quiescent()
        for event in await self._on.listener.new_events(snapshot.numbered):
            if isinstance(event, LeadCaptured):
                person = self._directory.who(event)
                if person is not None:
                    self._people.setdefault(event.lead_id, person)
            elif event.lead_id in self._people:
                self._agenda.add(self._reps.react(event, self._people[event.lead_id]))
        return snapshot

    async def _act(self, actions: Sequence[Action]) -> None:
        lanes: dict[str, list[Action]] = defaultdict(list)
        for action in actions:
            if self._reps.still_due(action):
                lanes[action.lane].append(action)
        room = asyncio.Semaphore(SIDE_BY_SIDE)
        await asyncio.gather(*(self._one_by_one(lane, room) for lane in lanes.values()))

    async def _one_by_one(self, lane: Iterable[Action], room: asyncio.Semaphore) -> None:
        async with room:
            for action in lane:
                await self._do(action)

    async def _do(self, action: Action) -> None:
        what = action.what
        if isinstance(what, Post):
            await self._on.poster.post(what, self._on.clock.now())
        elif isinstance(what, Import):
            accepted, refused = await asyncio.to_thread(self._on.importer, what)
            self._walked.imported.append((what, accepted, refused))
        else:
            self._on.watch.expect_foreign(*await self._on.listener.write(what))
            self._walked.foreign_records[what.topic] = self._walked.foreign_records.get(what.topic, 0) + 1

    async def _report(self) -> None:
        if monotonic() - self._reported_at > REPORT_SECONDS:
            await self._on.report(self._on.clock.now())
            self._reported_at = monotonic()
