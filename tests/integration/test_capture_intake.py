"""Group commit: company where there is some, no wait where there is none, and one bad item hurts itself alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest

from infra.postgres import Connection
from services.capture import intake as intake_module
from services.capture import store
from services.capture.domain.resolve import Result
from services.capture.intake import Input, Intake, Unavailable
from services.capture.store import Receipt
from tests.integration.capture_database import PARTITIONS, Connect, capture_connect, capture_settings, events, running
from tests.unit.capture.capture_cases import item

pytestmark = pytest.mark.stack
__all__ = ["capture_connect", "capture_settings"]


async def test_requests_that_arrive_together_share_transactions(
    capture_connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []

    async def counting(connection: Connection, items: list[Input], partitions: int) -> Receipt:
        groups.append(len(items))
        return await store.accept(connection, items, partitions)

    monkeypatch.setattr(intake_module, "accept", counting)
    async with running(Intake(capture_connect, PARTITIONS, group=40)) as intake:
        posts = [intake.submit([item("lead", n, email=f"p{n}@example.com")]) for n in range(100)]
        found = await asyncio.gather(*posts)
    assert [one.lead_id for (one,) in found if isinstance(one, Result)] == [f"lead-{n}" for n in range(100)]
    assert max(groups) <= 40
    assert len(groups) <= 4


async def test_one_item_alone_is_stored_at_once(capture_connect: Connect) -> None:
    async with running(Intake(capture_connect, PARTITIONS)) as intake:
        await intake.submit([item("lead", 1, email="a@example.com")])  # opens the connection
        async with asyncio.timeout(1.0):
            (result,) = await intake.submit([item("lead", 2, email="b@example.com")])
    assert isinstance(result, Result)


async def test_one_item_that_the_database_refuses_fails_alone(capture_connect: Connect) -> None:
    good = [item("lead", n, email=f"p{n}@example.com") for n in range(9)]
    bad = item("lead", 9, email="bad@example.com", id="7")
    assert bad.repeat is not None
    bad = replace(bad, repeat=bad.repeat._replace(external_id="a\x00b"))
    async with running(Intake(capture_connect, PARTITIONS)) as intake:
        posts = [intake.submit([each]) for each in (*good[:4], bad, *good[4:])]
        found = [result for (result,) in await asyncio.gather(*posts)]
    assert isinstance(found[4], psycopg.DataError)
    assert all(isinstance(result, Result) for place, result in enumerate(found) if place != 4)
    assert len(await events(await capture_connect())) == 9


async def test_our_own_mistake_reaches_the_request_it_belongs_to_and_nobody_else(capture_connect: Connect) -> None:
    bad = replace(item("lead", 9, email="bad@example.com"), data=None)  # type: ignore[arg-type]  # the mistake
    async with running(Intake(capture_connect, PARTITIONS)) as intake:
        found = await intake.submit([item("lead", 1, email="a@example.com"), bad])
    assert isinstance(found[0], Result)
    assert isinstance(found[1], Exception)


async def test_more_than_can_wait_is_turned_away(capture_connect: Connect) -> None:
    intake = Intake(capture_connect, PARTITIONS, capacity=2)
    waiting = asyncio.create_task(intake.submit([item("lead", n, email=f"p{n}@example.com") for n in range(2)]))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await intake.submit([item("lead", 3, email="x@example.com")])
    async with running(intake):
        assert len(await waiting) == 2


async def test_a_connection_that_breaks_is_opened_again(capture_connect: Connect) -> None:
    opened: list[Connection] = []

    async def connect() -> Connection:
        opened.append(await capture_connect())
        return opened[-1]

    async with running(Intake(connect, PARTITIONS)) as intake:
        await intake.submit([item("lead", 1, email="a@example.com")])
        opened[0].pgconn.finish()
        (result,) = await intake.submit([item("lead", 2, email="b@example.com")])
    assert isinstance(result, Result)
    assert len(opened) == 2


@pytest.mark.parametrize("reached", [True, False])
async def test_a_commit_that_nobody_answered_for_is_neither_lost_nor_doubled(
    capture_connect: Connect, monkeypatch: pytest.MonkeyPatch, *, reached: bool
) -> None:
    commit = psycopg.AsyncTransaction._commit_gen
    broken: list[bool] = []

    def broken_once(self: psycopg.AsyncTransaction):  # type: ignore[no-untyped-def]  # noqa: ANN202  # psycopg's own generator
        if broken or reached:
            yield from commit(self)
        if not broken:
            broken.append(True)
            self.connection.pgconn.finish()
            raise psycopg.OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.AsyncTransaction, "_commit_gen", broken_once)
    async with running(Intake(capture_connect, PARTITIONS)) as intake:
        (result,) = await intake.submit([item("lead", 1, email="a@example.com")])
    assert isinstance(result, Result)
    assert (result.lead_id, result.outcome, result.new) == ("lead-1", "accepted", True)
    assert len(await events(await capture_connect())) == 1


async def test_a_database_that_stays_away_is_said_to_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere() -> Connection:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(intake_module, "PATIENCE", 0.2)
    async with running(Intake(nowhere, PARTITIONS)) as intake:
        (result,) = await intake.submit([item("lead", 1, email="a@example.com")])
    assert isinstance(result, Unavailable)


async def test_what_waits_when_the_service_stops_is_turned_away_and_what_is_under_way_is_finished(
    capture_connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection, items: list[Input], partitions: int) -> Receipt:
        begun.set()
        await go_on.wait()
        return await store.accept(connection, items, partitions)

    monkeypatch.setattr(intake_module, "accept", slow)
    intake = Intake(capture_connect, PARTITIONS)
    run = asyncio.create_task(intake.run())
    under_way = asyncio.create_task(intake.submit([item("lead", 1, email="a@example.com")]))
    await begun.wait()
    waiting = asyncio.create_task(intake.submit([item("lead", 2, email="b@example.com")]))
    await asyncio.sleep(0)
    run.cancel()
    go_on.set()
    (result,) = await under_way
    assert isinstance(result, Result)
    with pytest.raises(Unavailable):
        await waiting
    with pytest.raises(asyncio.CancelledError):
        await run
    with pytest.raises(Unavailable):
        await intake.submit([item("lead", 3, email="c@example.com")])
