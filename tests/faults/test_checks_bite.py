"""The check is tested: a runtime that breaks one promise fails the very comparison that ours passes.

Each scenario provokes what the promise guards against, on purpose and at a named point, and runs twice side by side:
with our runtime, and with one from `tests.support.broken_host`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.partitioner import partition_of
from local.embedded.stack import EmbeddedStack
from tests.support.bare_run import PARTITIONS, BareRun, bare_run
from tests.support.fleet import Plan, Slot
from tests.support.harness import eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Scenario = Callable[[BareRun, str], Awaitable[None]]


def neighbours(count: int) -> list[str]:
    """Leads of one partition."""
    names = (f"lead{number}" for number in itertools.count())
    return list(itertools.islice((name for name in names if partition_of(name.encode(), PARTITIONS) == 5), count))


async def both(stack: EmbeddedStack, folder: Path, scenario: Scenario, variant: str) -> tuple[list[str], list[str]]:
    """The verdicts on our runtime and on the broken one."""

    async def verdict(name: str, broken: str) -> list[str]:
        (folder / name).mkdir()
        async with bare_run(stack, folder / name, f"{variant}_{name}") as run:
            await scenario(run, broken)
            await run.settle(seconds=90)
            assert set(await run.fleet.stop()) == {0}
            return await run.verdict()

    kept, broken = await asyncio.gather(verdict("kept", ""), verdict("broken", variant))
    return kept, broken


async def a_worker_is_replaced_while_it_commits(run: BareRun, variant: str) -> None:
    told = asyncio.Event()

    async def when_told(_: str) -> Callable[[], Awaitable[bool]]:
        async def answer() -> bool:
            return told.is_set()

        return answer

    run.fleet.taken_over = when_told
    early, late = neighbours(6)[:3], neighbours(6)[3:]
    run.send([(lead, 0) for lead in early])
    await run.sent()
    old = run.start("alpha", [Plan("freeze", "before_commit")], variant)
    run.start("beta")
    await eventually(_frozen(old), what="the first worker stands still before its commit")
    run.start("alpha", variant=variant)
    run.send([(lead, n) for n in range(3) for lead in late])
    run.send([(lead, 1) for lead in early])
    await run.settle(seconds=90)
    takeovers = old.log.read_text().count("partitions taken over")
    told.set()
    await eventually(_took_over(old, takeovers), what="the old worker has found its place again")


def _frozen(slot: Slot) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return slot.frozen

    return answer


def _took_over(slot: Slot, before: int) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return slot.log.read_text().count("partitions taken over") > before

    return answer


async def test_without_the_compare_and_set_a_replaced_worker_spoils_the_state(
    breakable_stack: EmbeddedStack, tmp_path: Path
) -> None:
    kept, broken = await both(breakable_stack, tmp_path, a_worker_is_replaced_while_it_commits, "skip_compare_and_set")
    assert kept == []
    assert any(line.startswith("state of alpha") for line in broken), broken


async def a_worker_dies_after_the_broker_has_acknowledged(run: BareRun, variant: str) -> None:
    run.send([(f"lead{number}", n) for n in range(3) for number in range(24)])
    await run.sent()
    run.start("alpha", [Plan(point="after_ack")])
    run.start("beta", variant=variant)


async def test_without_the_sequence_check_what_is_sent_twice_is_counted_twice(
    breakable_stack: EmbeddedStack, tmp_path: Path
) -> None:
    kept, broken = await both(
        breakable_stack, tmp_path, a_worker_dies_after_the_broker_has_acknowledged, "skip_sequence_check"
    )
    assert kept == []
    assert any(line.startswith("state of beta") for line in broken), broken


async def a_timer_runs_out_between_a_death_and_the_next_life(run: BareRun, variant: str) -> None:
    run.start("beta")
    slot = run.start("alpha", [Plan(point="before_commit", passes=2)], variant)
    slot.held = True
    await eventually(_took_over(slot, 0), what="the worker is at work")
    rings = datetime.now(UTC) + timedelta(seconds=5)
    run.send([("lead0", 0)], at=rings)  # sets a timer for a moment later
    await eventually(_counted(run, 1), what="the first ping is folded")
    run.send([("lead0", 1)])
    await eventually(_ended(slot), what="the worker dies before its second commit")
    assert datetime.now(UTC) < rings, "the worker took so long that the timer came first"
    await eventually(_past(rings + timedelta(seconds=0.5)), what="the timer is due")
    slot.held = False


def _counted(run: BareRun, count: int) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        query = f"select offsets from {run.settings.schema_of('alpha')}.fence"
        read: list[int] = [offsets.get("bare.pings", 0) for (offsets,) in await run.harness.rows(query)]
        return sum(read) == count

    return answer


def _ended(slot: Slot) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return not slot.running

    return answer


def _past(moment: datetime) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        return datetime.now(UTC) > moment

    return answer


async def test_publishing_before_the_commit_tells_readers_what_never_was(
    breakable_stack: EmbeddedStack, tmp_path: Path
) -> None:
    kept, broken = await both(
        breakable_stack, tmp_path, a_timer_runs_out_between_a_death_and_the_next_life, "publish_before_commit"
    )
    assert kept == []
    assert any(line.startswith("state of beta") for line in broken), broken
    assert any("another event" in line for line in broken), broken
