"""Shared turns in a real Postgres: one after the other, whoever asks, and none lost or given twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from random import Random

import psycopg
import pytest

from infra.postgres import Connection, connect, prepare_schema
from infra.settings import Settings
from runtime.stage import Context
from schemas.base import cause_of
from schemas.events import LeadAssigned
from services.route import store
from services.route.domain.lock_plan import LockPlan
from services.route.domain.turns import Candidate
from services.route.stage import RouteStage
from tests.unit.route.route_cases import MONDAY, only, policy_of, scored

pytestmark = pytest.mark.stack

DAY = date(2026, 3, 2)
POOL = [Candidate("anna", 2), Candidate("ben", 1)]
NONE = LockPlan()
PATIENCE = 20
"""Seconds after which a test gives up."""


@pytest.fixture
def route(settings: Settings) -> Settings:
    prepare_schema(settings, "route")
    return settings


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connection]:
    connection = await connect(settings, "route")
    try:
        yield connection
    finally:
        await connection.close()


def lock_plan(*pools: str, load: str = "anna") -> LockPlan:
    return LockPlan(set(pools), {(load, DAY)}, {"acme.example"})


async def take(connection: Connection, pool: str = "emea") -> int:
    """One batch that takes one turn."""
    async with connection.transaction():
        shared = await store.lock(connection, lock_plan(pool), NONE)
        turn = shared.real.take(pool, POOL)
        shared.real.count(turn.rep, DAY)
        await store.save(connection, shared)
    return turn.ordinal


async def test_workers_that_take_turns_at_once_get_each_turn_once_and_none_is_left_out(route: Settings) -> None:
    async def work(seed: int) -> list[tuple[int, str]]:
        chance = Random(seed)
        taken: list[tuple[int, str]] = []
        async with connected(route) as connection:
            for _ in range(25):
                discarded = chance.random() < 0.3
                async with connection.transaction(force_rollback=discarded):
                    shared = await store.lock(connection, lock_plan("emea"), NONE)
                    turns = [shared.real.take("emea", POOL) for _ in range(chance.randint(1, 4))]
                    for turn in turns:
                        shared.real.count(turn.rep, DAY)
                    await store.save(connection, shared)
                taken += [] if discarded else [(turn.ordinal, turn.rep) for turn in turns]
        return taken

    async with asyncio.timeout(PATIENCE):
        found = await asyncio.gather(*(work(seed) for seed in range(3)))
    every = [turn for taken in found for turn in taken]
    assert sorted(ordinal for ordinal, _ in every) == list(range(len(every)))
    in_order = [rep for _, rep in sorted(every)]
    assert in_order[:6] == ["anna", "ben", "anna"] * 2
    async with connected(route) as connection:
        shared = await store.lock(connection, lock_plan("emea"), NONE)
        assert shared.real.pools["emea"].ordinal == len(every)
        assert shared.real.load("anna", DAY) == Counter(in_order)["anna"]


async def test_a_second_batch_waits_for_the_first_and_sees_what_it_did(route: Settings) -> None:
    async with connected(route) as first, connected(route) as second:
        await take(first)
        async with first.transaction():
            shared = await store.lock(first, lock_plan("emea"), NONE)
            shared.real.take("emea", POOL)
            shared.real.count("anna", DAY)
            shared.real.claim_account("acme.example", "anna")
            await store.save(first, shared)
            waiting = asyncio.create_task(store.lock(second, lock_plan("emea"), NONE))
            await blocked(route, second)
            assert not waiting.done()
        seen = (await waiting).real
    assert seen.pools["emea"].ordinal == 2
    assert seen.load("anna", DAY) == 2
    assert seen.account_owner("acme.example") == "anna"


async def blocked(settings: Settings, connection: Connection) -> None:
    """Returns once Postgres says that the connection waits for a lock."""
    async with asyncio.timeout(PATIENCE), connected(settings) as observer:
        while True:
            cursor = await observer.execute(
                "select cardinality(pg_blocking_pids(%s::int))", (connection.info.backend_pid,)
            )
            row = await cursor.fetchone()
            if row and row[0]:
                return
            await asyncio.sleep(0.01)


async def test_a_discarded_batch_gives_its_turn_back(route: Settings) -> None:
    async with connected(route) as connection:
        assert await take(connection) == 0
        async with connection.transaction(force_rollback=True):
            shared = await store.lock(connection, lock_plan("emea"), NONE)
            assert shared.real.take("emea", POOL).ordinal == 1
            await store.save(connection, shared)
        assert await take(connection) == 1


async def test_batches_that_name_pools_in_any_order_do_not_block_each_other_for_good(route: Settings) -> None:
    async def work(pools: tuple[str, str]) -> None:
        async with connected(route) as connection:
            for _ in range(20):
                async with connection.transaction():
                    shared = await store.lock(connection, lock_plan(*pools), NONE)
                    for pool in pools:
                        shared.real.take(pool, POOL)
                    await store.save(connection, shared)

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(work(("a", "b")), work(("b", "a")), work(("c", "a")), work(("b", "c")))
    async with connected(route) as connection:
        shared = await store.lock(connection, lock_plan("a", "b", "c"), NONE)
    assert {name: turns.ordinal for name, turns in shared.real.pools.items()} == {"a": 60, "b": 60, "c": 40}


async def test_who_holds_a_pool_too_long_fails_the_others_instead_of_stopping_them(route: Settings) -> None:
    async with connected(route) as first, connected(route) as second:
        await second.execute("set lock_timeout = '50ms'")
        async with first.transaction():
            await store.lock(first, lock_plan("emea"), NONE)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await store.lock(second, lock_plan("emea"), NONE)
        assert await take(second) == 0


async def test_a_day_that_nobody_foresaw_is_counted_all_the_same(route: Settings) -> None:
    async with connected(route) as connection:
        for _ in range(2):
            async with connection.transaction():
                shared = await store.lock(connection, lock_plan("emea", load="ben"), NONE)
                shared.real.count("anna", DAY)
                await store.save(connection, shared)
        assert (await store.lock(connection, lock_plan("emea"), NONE)).real.load("anna", DAY) == 2


async def test_shadow_runs_keep_books_of_their_own(route: Settings) -> None:
    async with connected(route) as connection:
        await take(connection)
        async with connection.transaction():
            shared = await store.lock(connection, lock_plan("emea"), lock_plan("emea"))
            assert (shared.real.pools["emea"].ordinal, shared.shadow.pools["emea"].ordinal) == (1, 0)
            shared.shadow.take("emea", POOL)
            shared.shadow.count("anna", DAY)
            shared.shadow.claim_account("acme.example", "anna")
            await store.save(connection, shared)
        again = await store.lock(connection, lock_plan("emea"), lock_plan("emea"))
    assert (again.real.pools["emea"].ordinal, again.shadow.pools["emea"].ordinal) == (1, 1)
    assert (again.real.load("anna", DAY), again.shadow.load("anna", DAY)) == (1, 1)
    assert (again.real.account_owner("acme.example"), again.shadow.account_owner("acme.example")) == (None, "anna")


async def test_a_batch_without_anything_to_assign_asks_the_database_nothing(route: Settings) -> None:
    async with connected(route) as connection:
        await connection.close()
        shared = await store.lock(connection, NONE, NONE)
        await store.save(connection, shared)


async def test_the_stage_goes_on_where_another_worker_left_the_pool(route: Settings) -> None:
    policy, reps = policy_of(), []
    for number in range(4):
        stage, item = RouteStage(), scored(lead=f"lead-{number}")
        async with connected(route) as connection, connection.transaction():
            shared = await stage.prepare(connection, [item], policy)
            context = Context("route", cause_of(item), policy, MONDAY, MONDAY, shared)
            reps.append(only(LeadAssigned, stage.decide(item, None, context).events).data.rep)
            await stage.save(connection, shared, {})
    assert reps == ["anna", "ben", "carl", "anna"]


async def test_looking_at_the_turns_locks_and_changes_nothing(route: Settings) -> None:
    async with connected(route) as connection, connected(route) as observer:
        await take(connection)
        async with connection.transaction():
            await store.lock(connection, lock_plan("emea"), NONE)
            found = await store.read(observer, lock_plan("emea", "never"))
        assert {name: turns.ordinal for name, turns in found.pools.items()} == {"emea": 1, "never": 0}
        assert found.load("anna", DAY) == 1
        assert (await store.lock(connection, lock_plan("emea"), NONE)).real.pools == {"emea": found.pools["emea"]}
