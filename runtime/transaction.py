"""Third and fourth step of a batch's life together: decided and committed in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

from infra.errors import Fenced
from infra.postgres import REFUSED
from runtime.bisect import Undecidable, blaming_the_batch
from runtime.decide import PartitionResult, decide, gather
from runtime.decode import BatchContext, DecodedBatch, PartitionBatch, decode, inputs_of
from runtime.fence import Commit, FenceRow, commit_batch, read_states
from runtime.hold import HoldGuard
from runtime.partition_consumer import PartitionConsumer
from runtime.publish import FaultPoint
from runtime.stage import Change, Stage
from schemas.base import Record

S = TypeVar("S", bound=Record)


class _Decided(NamedTuple, Generic[S]):
    results: list[PartitionResult[S]]
    shared: Any

    @property
    def changes(self) -> dict[str, Change[S]]:
        """The leads that changed, over all partitions."""
        return {lead: change for result in self.results for lead, change in result.changes.items()}


class BatchTransaction(Generic[S]):
    """Decides about batches and commits them, or rehearses that."""

    def __init__(self, stage: Stage[S], consumer: PartitionConsumer, guard: HoldGuard, fault_point: FaultPoint) -> None:
        self._stage = stage
        self._consumer = consumer
        self._guard = guard
        self._fault_point = fault_point
        self._rehearsed: dict[int, FenceRow] = {}

    async def run(self, decoded: list[DecodedBatch], context: BatchContext, commit: Commit) -> list[PartitionResult[S]]:
        """Decides, and commits what was decided.

        Raises:
            Fenced: another worker owns some of the partitions; nothing was committed.
            Undecidable: something in the batch makes the stage fail as a whole; nothing was committed.
            Suspected: nothing succeeds any more; nothing was committed.
        """
        connection = self._consumer.connection
        if self._stage.transactional:
            async with connection.transaction():
                decided = await self._decided(decoded, context, commit)
                self._guard.judge_results(decided.results)
                fences = await self._write(commit)
        else:
            decided = await self._decided(decoded, context, commit)
            self._guard.judge_results(decided.results)
            fences = await self._write(commit)
        self._consumer.committed(fences)
        self._stage.committed(decided.shared, decided.changes)
        return decided.results

    async def _decided(self, decoded: list[DecodedBatch], context: BatchContext, commit: Commit) -> _Decided[S]:
        """Decides, writes the stage's own rows and fills the commit; a fault of the batch's own is to be looked for."""
        stage, connection = self._stage, self._consumer.connection
        with blaming_the_batch():
            shared = None
            if stage.transactional:
                shared = await stage.prepare(connection, inputs_of(decoded), context.policy)
            stored = await read_states(connection, list({item.lead_id for each in decoded for item in each.items}))
            decided = _Decided([decide(stage, each, stored, context, shared) for each in decoded], shared)
            if stage.transactional:
                await stage.save(connection, shared, decided.changes)
            for result in decided.results:
                gather(commit, result)
        return decided

    async def _write(self, commit: Commit) -> dict[int, FenceRow]:
        self._fault_point("before_commit")
        return await commit_batch(self._consumer.connection, commit)

    def begin_rehearsal(self) -> None:
        """Rehearses from where the fences stand."""
        self._rehearsed.clear()

    async def rehearse(self, batch: PartitionBatch, context: BatchContext) -> bool:
        """Does all that `run` does and takes it back: whether it succeeds. Reads on behind what was rehearsed."""
        fence = self._rehearsed.get(batch.partition) or self._consumer.fences.get(batch.partition)
        if fence is None:
            return False
        decoded = decode(batch, fence, context)
        self._rehearsed[batch.partition] = replace(fence, offsets=decoded.offsets, seen=decoded.seen)
        if not decoded.items:
            return False
        commit = Commit()
        try:
            async with self._consumer.connection.transaction(force_rollback=True):
                decided = await self._decided([decoded], context, commit)
                await self._write(commit)
        except (*REFUSED, Undecidable, Fenced):
            return False
        return decided.results[0].succeeded
