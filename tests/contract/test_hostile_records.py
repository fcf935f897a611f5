"""Records that are valid, or nearly, and meant to stop a service; on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from typing_extensions import override

from infra.partitioner import partition_of
from infra.postgres import connect
from infra.settings import Settings
from policy import Policy
from runtime.commands import obey
from runtime.sequence import headers_of
from runtime.stage import Input
from schemas.base import Cause, new_traceparent
from schemas.events import Command, CommandIssued, EventDead
from schemas.topics import DEAD
from tests.support.bare import PINGS, Alpha, Ping
from tests.support.harness import Harness, eventually, harness, ping

pytestmark = pytest.mark.stack


@pytest.fixture
async def ours(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha") as opened:
        yield opened


def notes(items: Sequence[Input]) -> list[str]:
    return [item.data.note for item in items if isinstance(item, Ping)]


class Foreseeing(Alpha):
    """Looks at a batch before it decides, and can't when it is asked to `overflow`."""

    transactional = True

    @override
    async def prepare(self, connection: Any, items: Sequence[Input], policy: Policy) -> None:
        if "overflow" in notes(items):
            raise OverflowError("date value out of range")


class Indexing(Alpha):
    """Keeps a row of its own per batch, whose index takes 2,700 bytes and no more."""

    transactional = True

    @override
    async def prepare(self, connection: Any, items: Sequence[Input], policy: Policy) -> list[str]:
        await connection.execute("create table if not exists noted (note text primary key)")
        return notes(items)

    @override
    async def save(self, connection: Any, shared: list[str], changes: Mapping[str, Any]) -> None:
        await connection.execute("insert into noted select unnest(%s::text[]) on conflict do nothing", (shared,))


def incompressible(length: int) -> str:
    return "".join(chr(0x4E00 + (n * n * 7919) % 20_000) for n in range(length))


@pytest.mark.parametrize(
    ("stage", "poison", "reason"),
    [
        (Foreseeing(), "overflow", "overflowerror"),
        (Indexing(), incompressible(3_000), "refused_by_database"),
    ],
    ids=["what the stage can't foresee", "a key too long for its index"],
)
async def test_only_the_record_at_fault_is_set_aside(ours: Harness, stage: Alpha, poison: str, reason: str) -> None:
    for n in range(1, 6):
        await ours.put(PINGS, ping("lead0", n, poison if n == 3 else ""))
        await ours.put(PINGS, ping("lead1", n))
    worker = await ours.start(stage)

    async def gone_on() -> bool:
        if ours.workers[worker].done():
            ours.workers[worker].result()
        counts = {lead: tally.count for lead, tally in (await ours.states(Alpha())).items()}
        return counts == {"lead0": 4, "lead1": 5}

    await eventually(gone_on)
    letters = [event.data for event in await ours.events(DEAD) if isinstance(event, EventDead)]
    assert [letter.reason for letter in letters] == [reason]
    assert [Ping.from_json(letter.value or b"").data.n for letter in letters] == [3]


def command(arguments: Mapping[str, str], what: Literal["accept_gap", "pause"] = "accept_gap") -> bytes:
    return CommandIssued.create(
        cause=Cause(id="order", lead_id="order", traceparent=new_traceparent("order")),
        service="stranger",
        time=datetime.now(UTC),
        data=Command(service="all", command=what, issued_by="test", arguments=dict(arguments)),
    ).to_json()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"topic": "bare.pings"}, {"topic": "a:b:c", "partition": "0"}, {"topic": "bare.pings", "partition": "all"}],
)
async def test_an_order_that_says_nothing_is_not_kept(ours: Harness, arguments: Mapping[str, str]) -> None:
    async with await connect(ours.settings, "alpha") as connection:
        assert await obey(connection, "alpha", command(arguments)) == "malformed"
    assert not await ours.rows(f"select * from {ours.settings.schema_of('alpha')}.control")
    await ours.start(Alpha())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    await eventually(condition, seconds=20)


async def test_a_gap_that_was_accepted_does_not_let_the_next_one_pass(ours: Harness) -> None:
    worker, partition = await ours.start(Alpha()), partition_of(b"lead0", ours.settings.partitions)

    async def write(sequence: int) -> None:
        event = ping("lead0", sequence)
        await ours.put_bytes(PINGS, b"lead0", event.to_json(), partition, headers_of(b"test@1", sequence))

    async def stands_at(jump: str) -> bool:
        return not worker.ready and jump in worker.problem

    async def reads() -> bool:
        states = await ours.states(Alpha())
        return worker.ready and states["lead0"].count == 2

    for sequence in (1, 3):
        await write(sequence)
    await until(lambda: stands_at("from sequence 1 to 3"))
    async with await connect(ours.settings, "alpha") as connection:
        await obey(connection, "alpha", command({"topic": PINGS.name, "partition": str(partition)}))
    await until(reads)
    await write(9)
    await until(lambda: stands_at("from sequence 3 to 9"))


async def test_a_time_of_any_offset_can_be_written_and_read_back(ours: Harness) -> None:
    times = [datetime.fromisoformat(f"2026-11-22T00:00:00{offset}") for offset in ("-23:59", "+23:59", "+05:45")]
    async with await connect(ours.settings, "alpha") as connection:
        for statement in ("select %s::timestamptz[]", "select %b::timestamptz[]"):
            row = await (await connection.execute(statement, (times,))).fetchone()
            assert row == (times,)
        row = await (await connection.execute("select %s, %b", (times[0], times[1]))).fetchone()
        assert row == tuple(times[:2])
