"""The six services keep the processing contract while leads come in, whatever dies, freezes or is started again."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from local.embedded.stack import EmbeddedStack
from tests.support.chain_oracle import verdict
from tests.support.chain_run import LATER, ChainRun, Poster, chain_run, feed
from tests.support.fleet import Plan, mixed
from tests.support.probes import POINTS

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.deadline(3_000),
    # The copy that helps with the verdict (in_two_processes) uses no thread and no lock of this process.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

LEADS = 20_000
CHAOS_SECONDS = 900.0
SETTLE_SECONDS = 600.0
PAUSE_SECONDS = 10.0
WORKERS = {"capture": 2, "enrich": 1, "score": 1, "route": 2, "nurture": 2, "metrics": 1}
FROZEN = "route"


def plans(service: str) -> list[Plan]:
    """A kill at each named point that the service passes, and one at a random moment."""
    chance = random.Random(service)
    points = POINTS[:2] if service == "metrics" else POINTS  # it publishes nothing
    named = [Plan(point=point, passes=chance.randint(1, 8)) for point in points]
    return mixed([*named, Plan(seconds=chance.uniform(1.0, 6.0))], len(service))


def start_all(run: ChainRun) -> None:
    """Every service's plans are shared by its workers; one of them is frozen besides."""
    for service, workers in WORKERS.items():
        shared = plans(service)
        for number in range(workers):
            own = shared[number::workers]
            if service == FROZEN and number == 0:
                own.append(Plan("freeze", "before_commit", 3))
            run.start(service, own)


async def chaos(run: ChainRun, stack: EmbeddedStack) -> None:
    """Servers are killed and started again, until all that was planned for the processes has happened."""
    for name in ("postgres", "kafka"):
        await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.to_thread(stack.restart, name)
    deadline = time.monotonic() + CHAOS_SECONDS
    while run.fleet.planned:
        left = [f"{slot.log.stem}: {slot.plan}, {len(slot.plans)} to come" for slot in run.fleet.slots]
        assert time.monotonic() < deadline, f"not carried out within {CHAOS_SECONDS} s: {left}"
        await asyncio.sleep(0.1)


async def test_every_lead_is_captured_scored_owned_and_followed_up_once(
    breakable_stack: EmbeddedStack, tmp_path: Path
) -> None:
    async with chain_run(breakable_stack, tmp_path, "chain") as run:
        start_all(run)
        planned = run.fleet.planned
        breaking = asyncio.create_task(chaos(run, breakable_stack))

        def progress() -> float:
            return 1.0 if breaking.done() else 1 - run.fleet.planned / planned

        async with Poster(run.urls) as poster:
            await feed(run, poster, LEADS, progress, CHAOS_SECONDS)
        await breaking
        await run.settle(SETTLE_SECONDS)
        kill_while_the_day_begins(run)
        run.clock.move_to(LATER)
        await run.settle(SETTLE_SECONDS)
        assert set(await run.fleet.stop()) == {0}
        assert len(poster.accepted.leads) + len(poster.accepted.refused) == LEADS
        assert await verdict(run, poster.accepted) == []
        assert run.fleet.kills >= 30


def kill_while_the_day_begins(run: ChainRun) -> None:
    """When thousands of timers run out at once, and effects are asked for."""
    for slot in run.fleet.slots:
        if slot.service in ("route", "nurture"):
            slot.plan = Plan(seconds=time.monotonic() - slot.begun + 1.0)
