"""One worker of one service: the life of a batch, over and over.

    poll → decode → decide → commit → publish

`Worker._work` is that life; each step has a file of its own. Everything that changes state goes through it, one batch
after the other: records, timers, results of effects and unnumbered events alike.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import Generic, TypeVar

import psycopg
import structlog

from infra import kafka, postgres
from infra.clock import Clock
from infra.errors import Fenced
from infra.kafka import build_producer
from infra.postgres import REFUSED
from infra.redact import safe_message
from infra.retry import Retry
from infra.settings import Settings
from policy.versions import PolicyBook
from runtime import telemetry
from runtime.bisect import Undecidable, divided
from runtime.decide import PartitionResult
from runtime.decode import BatchContext, PartitionBatch, decode
from runtime.effects import EffectRunner, Performer
from runtime.fence import Commit
from runtime.hold import HoldGuard, Suspected
from runtime.partition_consumer import PartitionConsumer
from runtime.poll import Poll
from runtime.publish import FaultPoint, Publisher, no_faults
from runtime.stage import Stage
from runtime.transaction import BatchTransaction
from schemas.base import Record

log = structlog.get_logger()
S = TypeVar("S", bound=Record)

AWAY = (*postgres.AWAY, *kafka.AWAY)
MOST_UNPUBLISHED = 20_000
"""Events that may wait for Kafka before another batch is begun."""
HOLD_PAUSE = 0.5
"""Seconds between two looks at what came, while the service holds."""
HOUSEKEEPING = 1.0
"""Seconds between two looks at operators' commands, metrics and what may leave the outbox."""


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
        self._fault_point = probe
        self._stopping = False
        self._consumer = PartitionConsumer(stage, settings, self._woken)
        self._poll = Poll(self._consumer, settings, clock, takes_intake=stage.takes_intake)
        self._guard = HoldGuard(stage.name, settings.hold_after)
        self._transaction = BatchTransaction(stage, self._consumer, self._guard, probe)
        self._publisher = Publisher(lambda: build_producer(settings), settings.topic, probe)
        results_came = self._poll.results_came
        self._effects = EffectRunner(stage.name, settings, clock, performer, results_came) if performer else None
        self._housekept = 0.0
        self._topic_of = {event: topic.name for topic in stage.outputs for event in topic.events}
        self.ready = False
        self.problem = "starting"

    async def run(self) -> None:
        """Works until `stop`. Raises when the service must not go on."""
        await self._policies.available.wait()
        tasks = [asyncio.create_task(self._effects.run(), name="effects")] if self._effects else []
        try:
            await self._consumer.open()
            await self._loop(tasks)
        finally:
            self.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._publisher.close()
            await self._consumer.close()

    @property
    def owned(self) -> frozenset[int]:
        """The partition numbers this worker owns at the moment."""
        return frozenset(self._consumer.fences)

    def stop(self) -> None:
        """Asks the loop to end after the batch at hand."""
        self._stopping = True
        self._woken()

    def _woken(self) -> None:
        self._poll.wake.set()

    async def _loop(self, tasks: list[asyncio.Task[None]]) -> None:
        retry = Retry("the next batch", AWAY, count=self._waits_for_a_server)
        while not self._stopping:
            for task in tasks:
                if task.done():
                    task.result()
            try:
                await self._work()
                retry.worked()
            except (Fenced, Suspected) as stopped:
                self._stand_back(stopped)
            except retry.passing as error:
                await retry.wait(error)
                self._consumer.lost_connection()
        try:
            await asyncio.wait_for(self._publisher.drained(), timeout=3.0)
        except TimeoutError:
            log.warning("stopped with events unpublished; they stay in the outbox", events=self._publisher.pending)

    def _waits_for_a_server(self, error: Exception) -> None:
        server = "Postgres" if isinstance(error, psycopg.Error) else "Kafka"
        self.ready = False
        self.problem = f"waiting for a server: {server} does not answer ({type(error).__name__})"
        telemetry.RETRIES.labels(self.stage.name, type(error).__name__).inc()

    def _stand_back(self, stopped: Fenced | Suspected) -> None:
        if isinstance(stopped, Fenced):  # while it took over
            self._consumer.lost(stopped.partitions)
            return
        self.ready, self.problem = False, str(stopped)
        log.error("holding", error=str(stopped))
        self._consumer.lost_connection()  # from here on it reads ahead, and comes back to where it stood

    # -- the life of a batch ---------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Takes over what the group assigned, and does the next batch."""
        if self._consumer.stale:
            await self._take_over()
        batches = await self._poll.next_batch()
        if self._guard.problem:
            await self._rehearse(batches)
        else:
            await self._process(batches)
        if monotonic() - self._housekept > HOUSEKEEPING:
            await self._keep_house()

    async def _attempt(self, batches: list[PartitionBatch]) -> None:
        """Decodes, decides, commits and publishes."""
        started = monotonic()
        await self._publisher.drained(below=MOST_UNPUBLISHED)
        context = self._context()
        decoded = [decode(batch, self._consumer.fences[batch.partition], context) for batch in batches]
        commit = Commit(published=self._publisher.take_published(batch.partition for batch in batches))
        try:
            results = await self._transaction.run(decoded, context, commit)
        except BaseException:
            self._publisher.put_back(commit.published)
            raise
        self._fault_point("after_commit")
        self._publisher.add(commit.outbox)
        self._note(commit, results, monotonic() - started)

    async def _process(self, batches: list[PartitionBatch]) -> None:
        """Attempts the batch; halves it when it is refused, down to the input at fault."""
        queue = deque([batches])
        while queue:
            group = self._still_ours(queue.popleft())
            if not group:
                continue
            try:
                await self._attempt(group)
            except Fenced as lost:
                telemetry.FENCE_LOST.labels(self.stage.name).inc()
                log.warning("fenced", partitions=sorted(lost.partitions))
                await self._publisher.forget(lost.partitions)
                self._consumer.lost(lost.partitions)
                queue.appendleft(group)
            except REFUSED as error:
                why = ("commit", "refused_by_database", f"{type(error).__name__}: {error.diag.message_primary}")
                queue.extendleft(reversed(divided(group, error, why)))
            except Undecidable as undecidable:
                cause = undecidable.cause
                log.error("a batch can't be decided; looking for the input at fault", error=safe_message(cause))  # noqa: TRY400  # told without its values
                why = ("decide", type(cause).__name__, repr(cause))
                queue.extendleft(reversed(divided(group, cause, why)))

    def _still_ours(self, batches: list[PartitionBatch]) -> list[PartitionBatch]:
        """Without what another worker owns by now, and what lies behind a gap that another half has found."""
        owned = [batch for batch in batches if batch.partition in self._consumer.fences]
        for batch in owned:
            batch.sources = [source for source in batch.sources if not self._consumer.stands_still(source)]
        return [batch for batch in owned if batch.sources]

    async def _rehearse(self, batches: list[PartitionBatch]) -> None:
        """While the service holds: tries what comes, one input after the other, and commits nothing of it.

        The first that succeeds shows that the release works; then what failed is at fault, and the service goes on
        where it stood.
        """
        for batch in batches:
            for source in batch.sources:
                if await self._transaction.rehearse(PartitionBatch(batch.partition, [source]), self._context()):
                    log.warning("no longer holding: an input succeeded")
                    self._guard.excuse()
                    self._consumer.lost_connection()
                    return
        await asyncio.sleep(HOLD_PAUSE)

    # -- around it -------------------------------------------------------------------------------------------------

    async def _take_over(self) -> None:
        """Becomes the owner of what the group assigned; goes on where the fence says."""
        await self._publisher.forget()
        rows = await self._consumer.take()
        self._publisher.names = {number: name.encode() for number, name in self._consumer.producers.items()}
        self._publisher.add(rows)
        await self._poll.began()
        self._transaction.begin_rehearsal()
        self._guard.inherit(sum(row.failures for row in self._consumer.fences.values()))
        if self._effects:
            self._effects.own(self._consumer.fences)
        joined = self._consumer.joined
        self.ready, self.problem = joined, "" if joined else "joining the group"
        telemetry.OWNED.labels(self.stage.name).set(len(self._consumer.fences))
        log.info("partitions taken over", partitions=sorted(self._consumer.fences), unpublished=len(rows))

    def _context(self) -> BatchContext:
        now = self._clock.now()
        return BatchContext(
            service=self.stage.name,
            policy=self._policies.at(now),
            clock=now,
            partitions=self._settings.partitions,
            topic_of=self._topic_of,
            ignores=self.stage.ignores,
            truncated=self._consumer.truncated,
            written_before=self._consumer.written_before,
            gaps_accepted=self._consumer.gaps_accepted,
        )

    def _note(self, commit: Commit, results: list[PartitionResult[S]], seconds: float) -> None:
        """What follows from a batch that stands."""
        for result in results:
            telemetry.observe(self.stage.name, result)
            self._consumer.note_gaps(result.decoded)
        telemetry.BATCH_SECONDS.labels(self.stage.name).observe(seconds)
        telemetry.BATCH_SIZE.labels(self.stage.name).observe(sum(len(each.decoded.items) for each in results))
        if commit.effects and self._effects:
            self._effects.wake()
        self._poll.timers_set([row.due for row in commit.timers.values()])

    async def _keep_house(self) -> None:
        self._housekept = monotonic()
        await self._consumer.keep_house(self._publisher.take_published(self._consumer.fences))
        self._consumer.intake.announce()
        telemetry.OUTBOX.labels(self.stage.name).set(self._publisher.pending)
        problem = self._consumer.problem() or self._guard.problem
        self.ready, self.problem = not problem and not self._consumer.stale and self._consumer.joined, problem
        telemetry.READY.labels(self.stage.name).set(self.ready)
        telemetry.HOLDING.labels(self.stage.name).set(bool(self._guard.problem))
