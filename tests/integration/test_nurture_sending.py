"""What nurture's partitions share, and what a dry run leaves behind, in a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from infra.clock import ManualClock
from infra.postgres import connect, prepare_schema
from infra.settings import Settings
from runtime.stage import TimerDue
from schemas.base import Cause, new_traceparent
from schemas.events import Erased, LeadErased
from services.nurture.domain.limits import SenderDay
from services.nurture.sender import DryRunSender
from services.nurture.stage import NurtureStage
from services.nurture.store import Batch
from tests.unit.nurture.world import LEAD, MONDAY, envelope, policy

pytestmark = pytest.mark.stack

Connection = psycopg.AsyncConnection[Any]
STAGE = NurtureStage()
POLICY = policy()
PLACE = SenderDay("email:lucia@example.com", "2026-03-02")


async def dry_runs_of(connection: Connection, lead_id: str) -> list[dict[str, Any]]:
    """What the lead would have been sent, oldest first: the payloads that a sender is given."""
    cursor = await connection.execute(
        "select line from dry_run_outbox where lead_id = %s order by at, touch_id", (lead_id,)
    )
    return [orjson.loads(line) for (line,) in await cursor.fetchall()]


@pytest.fixture
def ready(settings: Settings) -> Settings:
    prepare_schema(settings, "nurture")
    return settings


@pytest.fixture
async def connection(ready: Settings) -> AsyncIterator[Connection]:
    async with await connect(ready, "nurture") as opened:
        yield opened


def timer(place: SenderDay = PLACE) -> TimerDue:
    cause = Cause(id="c1", lead_id=LEAD, traceparent=new_traceparent("c1"))
    return TimerDue(LEAD, "touch:t1", MONDAY, {"touch": "t1", "counts_on": list(place)}, cause)


def erased(at: datetime) -> LeadErased:
    return envelope(LeadErased, at, Erased(lead_id=LEAD, requested_at=at))


def payload(touch: str = "t1", due: datetime = MONDAY, body: str = "Dear Ada") -> dict[str, Any]:
    return {"touch_id": touch, "lead_id": LEAD, "due_at": due.isoformat(), "to": "ada@acme.example", "body": body}


async def take(connection: Connection, limit: int) -> bool:
    """One batch of one due touch."""
    async with connection.transaction():
        batch: Batch = await STAGE.prepare(connection, [timer()], POLICY)
        taken = batch.days.take(PLACE, limit)
        await asyncio.sleep(0)  # lets the other workers come to the lock
        await STAGE.save(connection, batch, {})
    return taken


async def used(connection: Connection) -> dict[SenderDay, int]:
    async with connection.transaction():
        return (await STAGE.prepare(connection, [timer()], POLICY)).days.used


async def test_workers_share_a_mailbox_s_day_to_the_last_message(ready: Settings) -> None:
    connections = [await connect(ready, "nurture") for _ in range(4)]
    try:

        async def work(connection: Connection) -> list[bool]:
            return [await take(connection, 10) for _ in range(5)]

        taken = await asyncio.gather(*map(work, connections))
        assert sum(map(sum, taken)) == 10
        assert await used(connections[0]) == {PLACE: 10}
    finally:
        for each in connections:
            await each.close()


async def test_a_batch_that_is_discarded_has_used_nothing(connection: Connection) -> None:
    assert await take(connection, 10)
    async with connection.transaction(force_rollback=True):
        batch = await STAGE.prepare(connection, [timer()], POLICY)
        assert batch.days.take(PLACE, 10)
        await STAGE.save(connection, batch, {})
    assert await used(connection) == {PLACE: 1}


async def test_two_batches_that_need_the_same_days_do_not_lock_each_other_out(ready: Settings) -> None:
    places = [SenderDay(f"email:{name}@example.com", "2026-03-02") for name in "abcdefgh"]
    one, other = [timer(place) for place in places], [timer(place) for place in reversed(places)]

    async def work(items: list[TimerDue]) -> None:
        async with await connect(ready, "nurture") as connection:
            for _ in range(20):
                async with connection.transaction():
                    batch = await STAGE.prepare(connection, items, POLICY)
                    for place in places:
                        batch.days.take(place, 1_000)
                    await STAGE.save(connection, batch, {})

    await asyncio.gather(work(one), work(other))
    async with await connect(ready, "nurture") as connection, connection.transaction():
        assert (await STAGE.prepare(connection, one, POLICY)).days.used == dict.fromkeys(places, 40)


async def test_a_dry_run_keeps_one_line_for_each_touch(ready: Settings, connection: Connection) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    try:
        assert (await sender.send(payload("t1"))).outcome == "sent"
        await sender.send(payload("t2"))
        await sender.send(payload("t1", body="Dear Ada, again"))
    finally:
        await sender.close()
    assert await dry_runs_of(connection, LEAD) == [payload("t1", body="Dear Ada, again"), payload("t2")]


async def test_many_sends_at_once_take_turns_on_the_one_connection(ready: Settings, connection: Connection) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    try:
        await asyncio.gather(*(sender.send(payload(f"t{number:02}")) for number in range(32)))
    finally:
        await sender.close()
    assert len(await dry_runs_of(connection, LEAD)) == 32


async def test_a_dry_run_outlives_its_connection(ready: Settings) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    try:
        await sender.send(payload("t1"))
        async with await psycopg.AsyncConnection.connect(ready.dsn(), autocommit=True) as admin:
            ended = await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            assert ended.rowcount == 1
        await sender.send(payload("t2"))
    finally:
        await sender.close()
    async with await connect(ready, "nurture") as connection:
        assert len(await dry_runs_of(connection, LEAD)) == 2


async def test_erasing_a_lead_forgets_its_dry_runs_and_a_send_that_was_under_way(
    ready: Settings, connection: Connection
) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    try:
        await sender.send(payload("t1"))
        async with connection.transaction():
            batch = await STAGE.prepare(connection, [erased(MONDAY + timedelta(hours=1))], POLICY)
            await STAGE.save(connection, batch, {})
        assert await dry_runs_of(connection, LEAD) == []
        await sender.send(payload("t1"))
        assert await dry_runs_of(connection, LEAD) == []
        await sender.send(payload("t9", due=MONDAY + timedelta(days=9)))  # the person has enquired again since
        assert [line["touch_id"] for line in await dry_runs_of(connection, LEAD)] == ["t9"]
    finally:
        await sender.close()


async def test_a_touch_that_the_database_refuses_fails_alone(ready: Settings, connection: Connection) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    bad = payload("t2") | {"lead_id": "a\x00b"}
    try:
        sends = (sender.send(each) for each in (payload("t1"), bad, payload("t3")))
        results = await asyncio.gather(*sends, return_exceptions=True)
    finally:
        await sender.close()
    assert [isinstance(result, psycopg.Error) for result in results] == [False, True, False]
    assert {line["touch_id"] for line in await dry_runs_of(connection, LEAD)} == {"t1", "t3"}


async def test_what_is_sent_together_is_written_in_one_statement(ready: Settings) -> None:
    sender = DryRunSender(ready, ManualClock(MONDAY))
    try:
        await asyncio.gather(*(sender.send(payload(f"t{number:02}")) for number in range(32)))
    finally:
        await sender.close()
    async with await connect(ready, "nurture") as connection:
        cursor = await connection.execute("select count(distinct xmin::text) from dry_run_outbox")
        assert await cursor.fetchone() == (1,)
