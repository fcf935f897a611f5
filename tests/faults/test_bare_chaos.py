"""Two bare stages keep the processing contract through everything that can happen to processes and servers."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from local.embedded.stack import EmbeddedStack
from tests.support.bare_run import BareRun, bare_run, shuffled_pings
from tests.support.fleet import Plan, mixed
from tests.support.probes import POINTS

pytestmark = [pytest.mark.stack, pytest.mark.slow]

INPUTS = 20_000
CHAOS_SECONDS = 240.0


def plans(seed: int) -> list[Plan]:
    """For one process after the other in one place: each named point, and three moments at random."""
    chance = random.Random(seed)
    named = [Plan(point=point, passes=1 + seed * chance.randint(1, 4)) for point in POINTS]
    return mixed([*named, *(Plan(seconds=chance.uniform(0.5, 5.0)) for _ in range(3))], seed)


async def chaos_is_over(run: BareRun, servers: asyncio.Task[None]) -> None:
    deadline = time.monotonic() + CHAOS_SECONDS
    while run.fleet.planned or not servers.done():
        left = [f"{slot.log.stem}: {slot.plan}, {len(slot.plans)} to come" for slot in run.fleet.slots]
        assert time.monotonic() < deadline, f"plans not carried out within {CHAOS_SECONDS} s: {left}"
        await asyncio.sleep(0.1)
    await servers


async def break_servers(stack: EmbeddedStack, pause: Callable[[], Awaitable[None]]) -> None:
    for name in ("postgres", "kafka", "postgres"):
        await pause()
        await asyncio.to_thread(stack.restart, name)


async def test_every_ping_is_folded_once_and_in_order_whatever_dies_or_freezes(
    breakable_stack: EmbeddedStack, tmp_path: Path
) -> None:
    async with bare_run(breakable_stack, tmp_path, "chaos") as run:
        # One frozen worker at a time in each stage, or nobody could take its work over.
        run.start("alpha", [*plans(0), Plan("freeze", "before_commit", 3)])
        run.start("alpha", plans(1))
        run.start("beta", [Plan("freeze", "before_send", 3), *plans(2)])
        run.start("beta", plans(3))
        servers = asyncio.create_task(break_servers(breakable_stack, lambda: asyncio.sleep(10)))
        over = asyncio.create_task(chaos_is_over(run, servers))
        planned = run.fleet.planned

        def progress() -> float:
            return 1.0 if over.done() else 1 - run.fleet.planned / planned

        await run.flow(shuffled_pings(INPUTS, leads=400), progress)
        await over
        await run.settle(seconds=120)
        codes = await run.fleet.stop()
        assert len(run.accepted) == INPUTS
        assert await run.verdict() == []
        assert run.fleet.kills >= 30
        # One that was just started again may be asked to stop before it can listen.
        assert set(codes) <= {0, -signal.SIGTERM}
