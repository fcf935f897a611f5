"""Whether the pipeline has done all that it can do at this moment of the simulated time.

Every event has a sequence, gapless per producer and partition, and every service notes the highest it has read in
the same transaction as what follows from it. So one snapshot of these notes tells for sure: when all that was given
a number has been read by all who read it, nothing waits to be numbered, no timer is due and no effect is under way,
then nothing more happens before the clock moves or somebody sends something. Nothing is guessed from being idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

import psycopg

from demo.errors import DemoFailed
from infra.clock import Clock
from infra.postgres import Connection
from infra.settings import Settings
from infra.setup import SERVICES
from runtime.inspect import ProgressRow, Queue, progress_query
from schemas.topics import TOPICS

POLL_SECONDS, LONGEST_POLL, SLOWER = 0.012, 0.06, 1.4
"""The first pause between two looks, the longest, and by how much each is longer than the one before: what takes
long on a busy machine is not to be made longer by looking.
"""
PATIENCE_SECONDS = 90.0

READERS: Mapping[str, tuple[str, ...]] = {
    topic.name: topic.consumers for topic in TOPICS if topic.producers != ("cli",)
}
"""Topic → who reads it. What operators write has no sequence."""
QUEUES: Mapping[str, tuple[Queue, ...]] = dict.fromkeys(SERVICES, ()) | {
    "capture": ("intake",),
    "score": ("timers",),
    "route": ("timers",),
    "nurture": ("timers", "effects"),
}
"""Service → the queues in which work may wait."""
TIMERS_AHEAD = 8
"""How many of the coming timers of each service are looked at."""


@dataclass(frozen=True)
class Timer:
    """A timer that is set: `route.sla`, `score.decay`, `nurture.touch`."""

    kind: str
    due: datetime


@dataclass(frozen=True)
class Snapshot:
    """One look at all services.

    Attributes:
        numbered: topic → how many events were numbered.
        read: (service, topic) → how many of them it has read.
        waiting: what is neither numbered nor performed yet.
        timers: the next ones of each service, in the order they are due.
        offsets: (service, topic, partition) → next offset to be read; records that are not ours have no sequence.
    """

    numbered: Mapping[str, int] = field(default_factory=dict)
    read: Mapping[tuple[str, str], int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    timers: tuple[Timer, ...] = ()
    offsets: Mapping[tuple[str, str, int], int] = field(default_factory=dict)

    def unfinished(self, now: datetime, foreign: Collection[tuple[str, int, int]] = ()) -> list[str]:
        """Says what is still to be done at `now`.

        Args:
            now: the simulated time.
            foreign: topic, partition and offset of records that are not ours, and that every reader must pass.
        """
        left = [
            f"{reader} has read {self.read.get((reader, topic), 0)} of {count} events of {topic}"
            for topic, count in self.numbered.items()
            for reader in READERS.get(topic, ())
            if self.read.get((reader, topic), 0) != count
        ]
        left += [f"{count} in {what}" for what, count in self.waiting.items() if count]
        left += [f"{timer.kind} was due at {timer.due:%F %T}" for timer in self.timers if timer.due <= now]
        left += [
            f"{reader} has not passed a stranger's record on {topic}"
            for topic, partition, offset in foreign
            for reader in READERS[topic]
            if self.offsets.get((reader, topic, partition), 0) <= offset
        ]
        return left


class QuiescenceWatch:
    """Looks at the services until they have nothing left to do."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._queries = {
            offsets: progress_query(settings, QUEUES, timers=TIMERS_AHEAD, offsets=offsets) for offsets in (False, True)
        }
        self._connection: Connection | None = None
        self._foreign: list[tuple[str, int, int]] = []
        self.last = Snapshot()

    async def open(self) -> None:
        """Connects, as the operator: a service could see only itself."""
        self._connection = await psycopg.AsyncConnection.connect(
            self._settings.dsn(), autocommit=True, prepare_threshold=1, application_name="leadstream-demo"
        )

    async def close(self) -> None:
        """Disconnects."""
        if self._connection is not None:
            await self._connection.close()

    def expect_foreign(self, topic: str, partition: int, offset: int) -> None:
        """Counts the pipeline as done, from now on, only when every reader has passed this record."""
        self._foreign.append((topic, partition, offset))

    async def until_quiescent(self) -> Snapshot:
        """Waits until the services have nothing left to do; gives the snapshot that showed it.

        Raises:
            DemoFailed: it takes too long; says what is left to do.
        """
        deadline, pause = monotonic() + PATIENCE_SECONDS, POLL_SECONDS
        while left := (await self.look()).unfinished(self._clock.now(), self._foreign):
            if monotonic() > deadline:
                raise DemoFailed(
                    f"after {PATIENCE_SECONDS:.0f} s the services are not done: {'; '.join(left[:5])}. "
                    "Their logs are in the data folder; `leadstream doctor` looks closer"
                )
            await asyncio.sleep(pause)
            pause = min(pause * SLOWER, LONGEST_POLL)
        return self.last

    async def look(self) -> Snapshot:
        """Reads all services at one instant: a single statement sees a single state of the database."""
        assert self._connection is not None, "open() comes first"
        try:
            query = self._queries[bool(self._foreign)]
            rows = await (await self._connection.execute(query)).fetchall()
        except psycopg.OperationalError as error:
            raise DemoFailed(f"Postgres does not answer ({type(error).__name__}). Read postgres.log") from error
        self.last = snapshot_of(rows)
        return self.last


def snapshot_of(rows: Collection[ProgressRow]) -> Snapshot:
    """Puts the query's rows in order."""
    numbered: dict[str, int] = {}
    read: dict[tuple[str, str], int] = {}
    waiting: dict[str, int] = {}
    timers: list[Timer] = []
    offsets: dict[tuple[str, str, int], int] = {}
    for service, what, key, place, count, due in rows:
        if what == "numbered":
            numbered[key] = numbered.get(key, 0) + int(count)
        elif what == "read":
            read[service, key] = int(count)
        elif what == "waiting":
            waiting[f"{service}.{key}"] = int(count)
        elif what == "offset":
            offsets[service, key, int(place)] = int(count)
        elif due is not None:
            timers.append(Timer(f"{service}.{key}", due))
    return Snapshot(numbered, read, waiting, tuple(sorted(timers, key=lambda timer: timer.due)), offsets)


PATIENCE: Mapping[str, timedelta] = {
    "route.sla": timedelta(minutes=3),
    "nurture.touch": timedelta(minutes=15),
    "score.decay": timedelta(hours=6),
}
OTHERS_WAIT = timedelta(minutes=30)


def stop_for(timers: Collection[Timer]) -> datetime | None:
    """Says by when the clock must stop for these timers: for deadlines soon, for fading scores in their time."""
    return min((timer.due + PATIENCE.get(timer.kind, OTHERS_WAIT) for timer in timers), default=None)
