"""One worker of one service: reads, decides, commits under the fence, publishes.

`run` is the main loop. Everything that changes state goes through it, one batch after the other: records, timers,
results of effects and unnumbered events alike.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any, Generic, TypeVar

import psycopg
import structlog
from aiokafka.errors import KafkaError

from infra.clock import Clock
from infra.errors import Fenced
from infra.kafka import build_producer
from infra.postgres import PASSING, REFUSED
from infra.redact import safe_message
from infra.settings import Settings
from policy.versions import PolicyBook
from runtime import telemetry
from runtime.bisect import Undecidable, blaming_the_batch, divided
from runtime.decide import PartitionResult, decide, gather
from runtime.decode import BatchContext, DecodedBatch, IntakeRow, PartitionBatch, Source, decode, inputs_of
from runtime.effects import EffectRunner, Performer
from runtime.fence import (
    Commit,
    EffectRow,
    FenceRow,
    TimerRow,
    commit_batch,
    next_due,
    read_due,
    read_intake,
    read_results,
    read_states,
)
from runtime.hold import HoldGuard, Suspected
from runtime.partition_consumer import PartitionConsumer
from runtime.publish import FaultPoint, Publisher, no_faults
from runtime.stage import Change, Stage
from schemas.base import Record

log = structlog.get_logger()
S = TypeVar("S", bound=Record)

TRANSIENT = (*PASSING, KafkaError, ConnectionError, TimeoutError)
MOST_TIMERS = 500
MOST_UNPUBLISHED = 20_000
HOLD_PAUSE = 0.5
"""Seconds between two looks at what came, while the service holds."""


class Worker(Generic[S]):
    """Runs a stage on the partitions that the consumer group gives it."""

    def __init__(
        self,
        stage: Stage[S],
        settings: Settings,
        clock: Clock,
        policies: PolicyBook,
        *,
        performer: Performer | None = None,
        probe: FaultPoint = no_faults,
    ) -> None:
        self.stage = stage
        self._settings = settings
        self._clock = clock
        self._policies = policies
        self._probe = probe
        self._wake = asyncio.Event()
        self._stopping = False
        self._ownership = PartitionConsumer(stage, settings, self._wake.set)
        self._publisher: Publisher
        self._effects = EffectRunner(stage.name, settings, clock, performer, self._effect_done) if performer else None
        self._results_waiting = False
        self._next_due: datetime | None = None
        self._housekept = 0.0
        self._began = 0.0
        self._topic_of = {event: topic.name for topic in stage.outputs for event in topic.events}
        self._guard = HoldGuard(stage.name, settings.hold_after)
        self._rehearsed: dict[int, FenceRow] = {}
        self.ready = False
        self.problem = "starting"

    async def run(self) -> None:
        """Works until `stop`. Raises when the service must not go on."""
        await self._policies.available.wait()
        tasks = [asyncio.create_task(self._effects.run(), name="effects")] if self._effects else []
        try:
            await self._ownership.open()
            self._publisher = Publisher(lambda: build_producer(self._settings), self._settings.topic, self._probe)
            await self._loop(tasks)
        finally:
            self.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if hasattr(self, "_publisher"):
                await self._publisher.close()
            await self._ownership.close()

    @property
    def owned(self) -> frozenset[int]:
        """The partition numbers this worker owns at the moment."""
        return frozenset(self._ownership.fences)

    def stop(self) -> None:
        """Asks the loop to end after the batch at hand."""
        self._stopping = True
        self._wake.set()

    async def _loop(self, tasks: list[asyncio.Task[None]]) -> None:
        delay = 0.1
        while not self._stopping:
            for task in tasks:
                if task.done():
                    task.result()
            try:
                await self._work()
                delay = 0.1
            except (Fenced, Suspected) as stopped:
                self._stand_back(stopped)
            except TRANSIENT as error:
                server = "Postgres" if isinstance(error, psycopg.Error) else "Kafka"
                self.ready, self.problem = (
                    False,
                    f"waiting for a server: {server} does not answer ({type(error).__name__})",
                )
                telemetry.RETRIES.labels(self.stage.name, type(error).__name__).inc()
                log.warning("waiting for a server", error=repr(error))
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)
                self._ownership.lost_connection()
        try:
            await asyncio.wait_for(self._publisher.drained(), timeout=3.0)
        except TimeoutError:
            log.warning("stopped with events unpublished; they stay in the outbox", events=self._publisher.pending)

    def _stand_back(self, stopped: Fenced | Suspected) -> None:
        if isinstance(stopped, Fenced):  # while it took over
            self._ownership.lost(stopped.partitions)
            return
        self.ready, self.problem = False, str(stopped)
        log.error("holding", error=str(stopped))
        self._ownership.lost_connection()  # from here on it reads ahead, and comes back to where it stood

    async def _work(self) -> None:
        if self._ownership.stale:
            await self._take_over()
        works = await self._collect()
        await (self._rehearse(works) if self._guard.problem else self._process(works))
        if monotonic() - self._housekept > 1.0:
            await self._keep_house()

    async def _take_over(self) -> None:
        """Becomes the owner of what the group assigned; goes on where the fence says."""
        await self._publisher.forget()
        rows = await self._ownership.take()
        self._publisher.names = {number: name.encode() for number, name in self._ownership.producers.items()}
        self._publisher.add(rows)
        partitions = list(self._ownership.fences)
        self._next_due = await next_due(self._ownership.connection, partitions) if partitions else None
        self._results_waiting = True
        self._rehearsed.clear()
        self._guard.inherit(sum(row.failures for row in self._ownership.fences.values()))
        if self._effects:
            self._effects.own(partitions)
        self.ready, self.problem = self._ownership.joined, "" if self._ownership.joined else "joining the group"
        telemetry.OWNED.labels(self.stage.name).set(len(partitions))
        log.info("partitions taken over", partitions=sorted(partitions), unpublished=len(rows))

    def _effect_done(self) -> None:
        self._results_waiting = True
        self._wake.set()

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _collect(self) -> list[PartitionBatch]:
        """Waits for something to do; an empty list when there is nothing, or the assignment has changed."""
        next_batch = self._began + self._ownership.pace
        seconds = max(0.0 if self._results_waiting else self._due_in(), next_batch - monotonic())
        reads = await self._ownership.read(seconds, self._wake, next_batch)
        if self._ownership.stale or self._ownership.paused or not self._ownership.fences:
            return []
        works: dict[int, PartitionBatch] = {}
        # Timers and results go first, so that a timer that a record of this batch sets again is not taken for the old.
        sources: list[tuple[int, Source]] = []
        sources += [(row.partition, row) for row in await self._due_timers()]
        sources += [(row.partition, row) for row in await self._results()]
        sources += [(row.partition, row) for row in await self._intake()]
        sources += [(read.record.partition, read) for read in reads]
        for partition, source in sources:
            works.setdefault(partition, PartitionBatch(partition, [])).sources.append(source)
        return list(works.values())

    async def _due_timers(self) -> list[TimerRow]:
        if self._next_due is None or self._next_due > self._clock.now():
            return []
        connection, owned = self._ownership.connection, list(self._ownership.fences)
        # One more than is taken, to know when to look again: those taken stay in the table until the commit.
        rows = await read_due(connection, owned, MOST_TIMERS + 1)
        due = [row for row in rows[:MOST_TIMERS] if row.due <= self._clock.now()]
        self._next_due = rows[len(due)].due if len(rows) > len(due) else None
        return due

    async def _results(self) -> list[EffectRow]:
        if not self._results_waiting:
            return []
        self._results_waiting = False
        rows = await read_results(self._ownership.connection, list(self._ownership.fences), MOST_TIMERS)
        self._results_waiting = len(rows) == MOST_TIMERS
        return rows

    async def _intake(self) -> list[IntakeRow]:
        if not self.stage.takes_intake or not self._ownership.intake.take():
            return []
        most = self._settings.batch_records
        rows = await read_intake(self._ownership.connection, list(self._ownership.fences), most)
        if len(rows) == most:
            self._ownership.intake.announce()
        return [IntakeRow(*row) for row in rows]

    def _due_in(self) -> float:
        most = self._clock.look_again
        if self._next_due is None:
            return most
        return min(max((self._next_due - self._clock.now()).total_seconds(), 0.0), most)

    # -- processing ------------------------------------------------------------------------------------------------

    async def _process(self, works: list[PartitionBatch]) -> None:
        """Commits the batch; halves it when the database refuses it, down to the source at fault."""
        self._began = monotonic() if works else self._began
        queue = deque([works] if works else [])
        while queue:
            group = queue.popleft()
            group = [work for work in group if work.partition in self._ownership.fences]
            for work in group:  # one half may have found a gap in front of the other
                work.sources = [source for source in work.sources if not self._ownership.stands_still(source)]
            group = [work for work in group if work.sources]
            if not group:
                continue
            try:
                await self._attempt(group)
            except Fenced as lost:
                telemetry.FENCE_LOST.labels(self.stage.name).inc()
                log.warning("fenced", partitions=sorted(lost.partitions))
                await self._publisher.forget(lost.partitions)
                self._ownership.lost(lost.partitions)
                queue.appendleft(group)
            except REFUSED as error:
                why = ("commit", "refused_by_database", f"{type(error).__name__}: {error.diag.message_primary}")
                queue.extendleft(reversed(divided(group, error, why)))
            except Undecidable as undecidable:
                cause = undecidable.cause
                log.error("a batch can't be decided; looking for the input at fault", error=safe_message(cause))  # noqa: TRY400  # told without its values
                why = ("decide", type(cause).__name__, repr(cause))
                queue.extendleft(reversed(divided(group, cause, why)))

    async def _attempt(self, works: list[PartitionBatch]) -> None:
        started = monotonic()
        await self._publisher.drained(below=MOST_UNPUBLISHED)
        deciding = self._deciding()
        decoded = [decode(work, self._ownership.fences[work.partition], deciding) for work in works]
        commit = Commit(published=self._publisher.take_published(work.partition for work in works))
        try:
            outcomes = await self._decide_and_commit(decoded, deciding, commit)
        except BaseException:
            self._publisher.put_back(commit.published)
            raise
        self._probe("after_commit")
        self._publisher.add(commit.outbox)
        self._after_commit(commit, outcomes, monotonic() - started)

    def _deciding(self) -> BatchContext:
        now = self._clock.now()
        return BatchContext(
            service=self.stage.name,
            policy=self._policies.at(now),
            clock=now,
            partitions=self._settings.partitions,
            topic_of=self._topic_of,
            ignores=self.stage.ignores,
            truncated=self._ownership.truncated,
            written_before=self._ownership.written_before,
            gaps_accepted=self._ownership.gaps_accepted,
        )

    async def _decide_and_commit(
        self, decoded: list[DecodedBatch], deciding: BatchContext, commit: Commit
    ) -> list[PartitionResult[S]]:
        connection = self._ownership.connection
        if not self.stage.transactional:
            with blaming_the_batch():
                outcomes = await self._decide(decoded, deciding, None)
                _gather(commit, outcomes)
            self._judge(outcomes)
            self._ownership.committed(await self._write(commit))
            self.stage.committed(None, _changes(outcomes))
            return outcomes
        async with connection.transaction():
            with blaming_the_batch():
                shared = await self.stage.prepare(connection, inputs_of(decoded), deciding.policy)
                outcomes = await self._decide(decoded, deciding, shared)
                self._judge(outcomes)
                await self.stage.save(connection, shared, _changes(outcomes))
                _gather(commit, outcomes)
            fences = await self._write(commit)
        self._ownership.committed(fences)
        self.stage.committed(shared, _changes(outcomes))
        return outcomes

    def _judge(self, outcomes: Sequence[PartitionResult[S]]) -> None:
        self._guard.judge(
            {lead for outcome in outcomes for lead in outcome.failed},
            succeeded=any(outcome.succeeded for outcome in outcomes),
            last=next((outcome.last_failure for outcome in reversed(outcomes) if outcome.failed), ""),
        )

    # -- holding ---------------------------------------------------------------------------------------------------

    async def _rehearse(self, works: list[PartitionBatch]) -> None:
        """While the service holds: tries what comes, one input after the other, and commits nothing of it.

        The first that succeeds shows that the release works; then what failed is at fault, and the service goes on
        where it stood.
        """
        for work in works:
            for source in work.sources:
                if await self._succeeds(PartitionBatch(work.partition, [source])):
                    log.warning("no longer holding: an input succeeded")
                    self._guard.excuse()
                    self._ownership.lost_connection()
                    return
        await asyncio.sleep(HOLD_PAUSE)

    async def _succeeds(self, work: PartitionBatch) -> bool:
        fence = self._rehearsed.get(work.partition) or self._ownership.fences.get(work.partition)
        if fence is None:
            return False
        deciding, connection = self._deciding(), self._ownership.connection
        decoded = decode(work, fence, deciding)
        self._rehearsed[work.partition] = replace(fence, offsets=decoded.offsets, seen=decoded.seen)
        if not decoded.items:
            return False
        commit = Commit()
        try:
            async with connection.transaction(force_rollback=True):
                with blaming_the_batch():
                    shared = await self.stage.prepare(connection, inputs_of([decoded]), deciding.policy)
                    outcomes = await self._decide([decoded], deciding, shared)
                    await self.stage.save(connection, shared, _changes(outcomes))
                    _gather(commit, outcomes)
                await self._write(commit)
        except (*REFUSED, Undecidable, Fenced):
            return False
        return outcomes[0].succeeded

    async def _decide(
        self, decoded: list[DecodedBatch], deciding: BatchContext, shared: Any
    ) -> list[PartitionResult[S]]:
        leads = list({item.lead_id for each in decoded for item in each.items})
        stored = await read_states(self._ownership.connection, leads)
        return [decide(self.stage, each, stored, deciding, shared) for each in decoded]

    async def _write(self, commit: Commit) -> Any:
        self._probe("before_commit")
        return await commit_batch(self._ownership.connection, commit)

    def _after_commit(self, commit: Commit, outcomes: list[PartitionResult[S]], seconds: float) -> None:
        for outcome in outcomes:
            telemetry.observe(self.stage.name, outcome)  # type: ignore[arg-type]  # reads no state
            self._ownership.note_gaps(outcome.decoded)
        telemetry.BATCH_SECONDS.labels(self.stage.name).observe(seconds)
        telemetry.BATCH_SIZE.labels(self.stage.name).observe(sum(len(o.decoded.items) for o in outcomes))
        if commit.effects and self._effects:
            self._effects.wake()
        if commit.timers:
            soonest = min(row.due for row in commit.timers.values())
            self._next_due = min(self._next_due or soonest, soonest)

    async def _keep_house(self) -> None:
        self._housekept = monotonic()
        await self._ownership.keep_house(self._publisher.take_published(self._ownership.fences))
        self._ownership.intake.announce()
        telemetry.OUTBOX.labels(self.stage.name).set(self._publisher.pending)
        problem = self._ownership.problem() or self._guard.problem
        self.ready, self.problem = not problem and not self._ownership.stale and self._ownership.joined, problem
        telemetry.READY.labels(self.stage.name).set(self.ready)
        telemetry.HOLDING.labels(self.stage.name).set(bool(self._guard.problem))


def _gather(commit: Commit, outcomes: list[PartitionResult[S]]) -> None:
    for outcome in outcomes:
        gather(commit, outcome)


def _changes(outcomes: list[PartitionResult[S]]) -> dict[str, Change[S]]:
    return {lead: change for outcome in outcomes for lead, change in outcome.changes.items()}
