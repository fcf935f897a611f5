"""Postgres comes back older than the log: nothing that was accepted is lost, and nothing is decided twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import psycopg
import pytest
from psycopg import sql

from infra.settings import Settings
from tests.contract.test_runtime import LEADS, expected, reaches
from tests.support.bare import DONE, PINGS, PONGS, Alpha, Beta
from tests.support.harness import Harness, eventually, harness, ping

pytestmark = pytest.mark.stack

KEPT = ("fence", "state", "outbox", "timers", "effects", "written_before")
"""The tables that change while a stage works."""


@pytest.fixture
async def bare(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha", "beta") as ours:
        yield ours


def copy_tables(settings: Settings, schemas: Iterable[str], *, back: bool) -> None:
    """Copies what the stages know aside, or puts it back: what restoring the database to that moment does."""
    with psycopg.connect(settings.dsn(), autocommit=True) as admin:
        for schema in schemas:
            own = settings.schema_of(schema)
            for table in KEPT:
                live, copy = sql.Identifier(own, table), sql.Identifier(own, f"copy_of_{table}")
                if back:
                    admin.execute(sql.SQL("truncate {}").format(live))
                    admin.execute(sql.SQL("insert into {} select * from {}").format(live, copy))
                else:
                    admin.execute(sql.SQL("create table {} as table {}").format(copy, live))


async def send(bare: Harness, numbers: Iterable[int]) -> None:
    for n in numbers:
        await asyncio.gather(*(bare.put(PINGS, ping(lead, n)) for lead in LEADS))


async def passed_on(bare: Harness, count: int) -> None:
    async def all_there() -> bool:
        return len(await bare.read(DONE)) == count

    await eventually(all_there, what=f"{count} events came out")


@pytest.mark.parametrize("schemas", [("alpha", "beta"), ("alpha",), ("beta",)], ids=["all", "the writer", "the reader"])
async def test_a_database_put_back_loses_no_event_and_repeats_none(bare: Harness, schemas: tuple[str, ...]) -> None:
    workers = [await bare.start(Alpha()), await bare.start(Beta())]
    await send(bare, range(4))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(4)))
    await passed_on(bare, 4 * len(LEADS))
    copy_tables(bare.settings, schemas, back=False)
    await send(bare, range(4, 9))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(9)))
    await passed_on(bare, 9 * len(LEADS))
    for worker in workers:
        await bare.kill(worker)
    copy_tables(bare.settings, schemas, back=True)
    await bare.start(Alpha())
    await bare.start(Beta())
    await send(bare, range(9, 12))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(12)))
    assert len(await bare.events(DONE)) == 12 * len(LEADS)
    for topic in (PONGS, DONE):
        # What was not known to have arrived is sent again under its number, which readers drop.
        stamped = [(dict(record.headers), record) for record in await bare.read(topic)]
        numbered = {(head["ls-producer"], each.partition, head["ls-seq"]): each.value for head, each in stamped}
        assert len(numbered) == len(set(numbered.values())), "nothing was written twice under two numbers"


async def test_a_second_restore_is_noticed_like_the_first(bare: Harness) -> None:
    worker = await bare.start(Alpha())
    await bare.start(Beta())
    await send(bare, range(3))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(3)))
    copy_tables(bare.settings, ["alpha"], back=False)
    for last in (6, 8):
        await send(bare, range(last - 3 if last == 6 else 6, last))
        await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(last)))
        await bare.kill(worker)
        copy_tables(bare.settings, ["alpha"], back=True)
        worker = await bare.start(Alpha())
    await send(bare, range(8, 11))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(11)))
