"""`python -m tests.support.broken_host VARIANT alpha`: a bare stage whose runtime breaks the contract on purpose."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infra.postgres import Connection
from runtime import decode, service, transaction
from runtime.fence import Commit, FenceRow, OutboxRow, commit_batch
from runtime.partition_consumer import PartitionConsumer
from runtime.sequence import Verdict
from runtime.service import ServiceSpec, build, run
from runtime.worker import Worker
from tests.support.bare import STAGES
from tests.support.probes import probe_from_env


async def _commit_whoever_owns(connection: Connection, commit: Commit) -> dict[int, FenceRow]:
    """Commits under the epoch that is in force by now, as if there were no compare-and-set."""
    rows = await (await connection.execute("select partition, epoch, commits from fence")).fetchall()
    now = {partition: {"epoch": epoch, "commits": commits} for partition, epoch, commits in rows}
    commit.moves = [(replace(before, **now[before.partition]), after) for before, after in commit.moves]
    return await commit_batch(connection, commit)


def skip_compare_and_set() -> None:
    """A worker that was replaced commits all the same."""
    transaction.commit_batch = _commit_whoever_owns  # type: ignore[attr-defined]  # a name that it imported


def skip_sequence_check() -> None:
    """A reader takes whatever it reads for the next."""
    decode.judge = lambda *_, **__: Verdict.NEXT  # type: ignore[attr-defined]  # as above


class EagerWorker(Worker[Any]):
    """Publishes what it is about to commit."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        write = self._transaction._write

        async def publish_and_write(commit: Commit) -> dict[int, FenceRow]:
            self._publisher.add(commit.outbox)
            await self._publisher.drained()
            return await write(commit)

        self._transaction._write = publish_and_write  # type: ignore[method-assign]  # that is the point


async def _as_it_is(_: PartitionConsumer, rows: list[OutboxRow]) -> list[OutboxRow]:
    return rows


def publish_before_commit() -> None:
    """Events are out before the state that led to them stands."""
    service.Worker = EagerWorker  # type: ignore[attr-defined]  # that is the point
    # To whoever takes over it looks like a database that was put back, which would be set right.
    PartitionConsumer._compare_with_log = _as_it_is  # type: ignore[assignment, method-assign]  # as above


VARIANTS: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (skip_compare_and_set, skip_sequence_check, publish_before_commit)
}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    parts = ServiceSpec(stage=STAGES[sys.argv[2]](), probe=probe_from_env())
    run(build(parts), parts)
