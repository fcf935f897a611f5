"""First step of a batch's life: waits for something to do, and collects it by partition."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from time import monotonic

from infra.clock import Clock
from infra.settings import Settings
from runtime.decode import IntakeRow, PartitionBatch, Source
from runtime.fence import EffectRow, TimerRow, next_due, read_due, read_intake, read_results
from runtime.partition_consumer import PartitionConsumer

MOST_TIMERS = 500
"""Due timers, and results of effects, that one batch takes."""


class Poll:
    """Knows when the next timer is due and whether results or intake wait, so that an idle worker asks nobody."""

    def __init__(self, consumer: PartitionConsumer, settings: Settings, clock: Clock, *, takes_intake: bool) -> None:
        self._consumer = consumer
        self._settings = settings
        self._clock = clock
        self._takes_intake = takes_intake
        self._next_due: datetime | None = None
        self._results_waiting = False
        self._began = 0.0
        self.wake = asyncio.Event()
        """Set when there is something to do that no poll of Kafka shows."""

    async def began(self) -> None:
        """Starts anew for the partitions that were taken over."""
        owned = list(self._consumer.fences)
        self._next_due = await next_due(self._consumer.connection, owned) if owned else None
        self._results_waiting = True

    def results_came(self) -> None:
        """Says that an effect has a result."""
        self._results_waiting = True
        self.wake.set()

    def timers_set(self, moments: Collection[datetime]) -> None:
        """Says when timers are due that a commit has set."""
        if moments:
            soonest = min(moments)
            self._next_due = min(self._next_due or soonest, soonest)

    async def next_batch(self) -> list[PartitionBatch]:
        """Waits for something to do; an empty list when there is nothing, or the assignment has changed."""
        consumer = self._consumer
        earliest = self._began + consumer.pace
        seconds = max(0.0 if self._results_waiting else self._due_in(), earliest - monotonic())
        reads = await consumer.read(seconds, self.wake, earliest)
        if consumer.stale or consumer.paused or not consumer.fences:
            return []
        # Timers and results go first, so that a timer that a record of this batch sets again is not taken for the old.
        sources: list[tuple[int, Source]] = []
        sources += [(row.partition, row) for row in await self._due_timers()]
        sources += [(row.partition, row) for row in await self._results()]
        sources += [(row.partition, row) for row in await self._intake()]
        sources += [(read.record.partition, read) for read in reads]
        batches: dict[int, PartitionBatch] = {}
        for partition, source in sources:
            batches.setdefault(partition, PartitionBatch(partition, [])).sources.append(source)
        if batches:
            self._began = monotonic()
        return list(batches.values())

    async def _due_timers(self) -> list[TimerRow]:
        if self._next_due is None or self._next_due > self._clock.now():
            return []
        owned = list(self._consumer.fences)
        # One more than is taken, to know when to look again: those taken stay in the table until the commit.
        rows = await read_due(self._consumer.connection, owned, MOST_TIMERS + 1)
        due = [row for row in rows[:MOST_TIMERS] if row.due <= self._clock.now()]
        self._next_due = rows[len(due)].due if len(rows) > len(due) else None
        return due

    async def _results(self) -> list[EffectRow]:
        if not self._results_waiting:
            return []
        self._results_waiting = False
        rows = await read_results(self._consumer.connection, list(self._consumer.fences), MOST_TIMERS)
        self._results_waiting = len(rows) == MOST_TIMERS
        return rows

    async def _intake(self) -> list[IntakeRow]:
        if not self._takes_intake or not self._consumer.intake.take():
            return []
        most = self._settings.batch_records
        rows = await read_intake(self._consumer.connection, list(self._consumer.fences), most)
        if len(rows) == most:
            self._consumer.intake.announce()
        return [IntakeRow(*row) for row in rows]

    def _due_in(self) -> float:
        most = self._clock.look_again
        if self._next_due is None:
            return most
        return min(max((self._next_due - self._clock.now()).total_seconds(), 0.0), most)
