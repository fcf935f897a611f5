"""Who is who, against a real Postgres: races, repeats, erasures."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from infra.partitioner import partition_of
from infra.postgres import Connection
from schemas.events import LeadCaptured, LeadErased
from services.capture import store
from services.capture.domain.erasure import Erasure
from services.capture.domain.identity import Key
from services.capture.domain.items import Item, Kind, Refusal
from services.capture.domain.resolve import Result
from services.capture.store import CommitUnknown, accept, erase, settled
from tests.integration.capture_database import PARTITIONS, Connect, capture_connect, capture_settings, events, rows
from tests.unit.capture.capture_cases import item, received

pytestmark = pytest.mark.stack
__all__ = ["capture_connect", "capture_settings"]


async def accepted(connect: Connect, *items: Item | Refusal) -> list[Result]:
    return (await accept(await connect(), items, PARTITIONS)).results


async def test_a_lead_is_stored_with_its_event_in_its_leads_partition(capture_connect: Connect) -> None:
    connection = await capture_connect()
    receipt = await accept(connection, [item("lead", 1, email="ada@example.com", id="7")], PARTITIONS)
    partition = partition_of(b"lead-1", PARTITIONS)
    assert receipt.partitions == {partition}
    assert await rows(connection, "select kind, value, lead_id from identities") == [
        ("email", "ada@example.com", "lead-1")
    ]
    assert await rows(connection, "select kind, external_id, submission_id, lead_id from submissions") == [
        ("lead", "7", "sub-1", "lead-1")
    ]
    assert await rows(connection, "select partition, topic, key from intake") == [
        (partition, "leads.captured", b"lead-1")
    ]


async def test_spellings_of_one_person_are_one_lead_over_many_batches(capture_connect: Connect) -> None:
    connection = await capture_connect()
    first = item("lead", 1, email="A.da+x@gmail.com", phone="+44 20 7946 0018")
    later = [item("lead", 2, email="ada@googlemail.com"), item("lead", 3, phone="020 7946 0018")]
    await accept(connection, [first], PARTITIONS)
    receipt = await accept(connection, later, PARTITIONS)
    assert [(result.lead_id, result.new) for result in receipt.results] == [("lead-1", False)] * 2


@pytest.mark.parametrize("identifier", ["email", "phone"])
async def test_the_same_person_at_the_same_instant_on_many_workers_is_one_lead(
    capture_connect: Connect, identifier: str
) -> None:
    for person in range(5):
        value = f"ada{person}@example.com" if identifier == "email" else f"020 7946 00{20 + person}"
        posts = [item("lead", person * 10 + number, **{identifier: value}) for number in range(6)]
        found = await asyncio.gather(*(accepted(capture_connect, post) for post in posts))
        assert len({result.lead_id for (result,) in found}) == 1
        assert sum(result.new for (result,) in found) == 1
    captured = await events(await capture_connect(), "leads.captured")
    assert len({event.id for event in captured}) == len(captured) == 30


async def test_batches_that_share_people_in_opposite_order_neither_lock_up_nor_split_a_person(
    capture_connect: Connect,
) -> None:
    def batch(worker: int) -> list[Item]:
        people = range(40) if worker % 2 else range(39, -1, -1)
        return [
            item(
                "lead", worker * 100 + n, email=f"p{n}@example.com", phone=f"+44 20 7946 {1000 + n}", id=f"{worker}-{n}"
            )
            for n in people
        ]

    found = await asyncio.gather(*(accepted(capture_connect, *batch(worker)) for worker in range(6)))
    assert sum(result.new for results in found for result in results) == 40
    keys = await rows(await capture_connect(), "select lead_id, count(*) from identities group by lead_id")
    assert sorted(count for _, count in keys) == [2] * 40


async def test_the_loser_of_a_race_brings_its_other_key_to_the_winners_lead(capture_connect: Connect) -> None:
    """The winner commits between the loser's reading and its writing."""
    holder, looker = await capture_connect(), await capture_connect()
    async with holder.transaction():
        await holder.execute("insert into identities values ('email', 'ada@example.com', 'winner')")
        losing = asyncio.create_task(
            accept(looker, [item("lead", 1, email="ada@example.com", phone="020 7946 0018")], PARTITIONS)
        )
        await _waits_for_a_lock(holder)
    (result,) = (await losing).results
    assert (result.lead_id, result.new) == ("winner", False)
    assert await rows(holder, "select lead_id from identities") == [("winner",), ("winner",)]
    (event,) = await events(holder)
    assert isinstance(event, LeadCaptured)
    assert event.subject == "winner"


async def test_a_race_whose_winner_gives_up_leaves_the_key_to_the_other(capture_connect: Connect) -> None:
    holder, looker = await capture_connect(), await capture_connect()
    async with holder.transaction(force_rollback=True):
        await holder.execute("insert into identities values ('email', 'ada@example.com', 'winner')")
        waiting = asyncio.create_task(accept(looker, [item("lead", 1, email="ada@example.com")], PARTITIONS))
        await _waits_for_a_lock(holder)
    assert (await waiting).results[0].lead_id == "lead-1"


async def test_keys_are_written_in_one_order_so_that_nobody_waits_in_a_circle(capture_connect: Connect) -> None:
    holder, looker = await capture_connect(), await capture_connect()
    claim = "insert into identities values ('email', %s, 'winner')"
    async with holder.transaction():
        await holder.execute(claim, ("a@example.com",))
        batch = [item("lead", 1, email="b@example.com"), item("lead", 2, email="a@example.com")]
        waiting = asyncio.create_task(accept(looker, batch, PARTITIONS))
        await _waits_for_a_lock(holder)
        await holder.execute(claim, ("b@example.com",))  # a deadlock, had the batch taken this one first
    assert [result.lead_id for result in (await waiting).results] == ["winner", "winner"]


async def _waits_for_a_lock(connection: Connection, kind: str = "transactionid") -> None:
    for _ in range(200):
        waiting = await rows(connection, f"select 1 from pg_locks where not granted and locktype = '{kind}'")
        if waiting:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nobody waits")


async def test_a_repeat_is_accepted_once_in_sequence_in_a_batch_and_at_the_same_instant(
    capture_connect: Connect,
) -> None:
    def post(number: int) -> Item:
        return item("lead", number, email="ada@example.com", id="7")

    first = (await accepted(capture_connect, post(1), post(2)))[0]
    again = await asyncio.gather(*(accepted(capture_connect, post(number)) for number in range(3, 8)))
    assert {(result.submission_id, result.lead_id, result.outcome) for (result,) in again} == {
        (first.submission_id, first.lead_id, "duplicate")
    }
    assert len(await events(await capture_connect())) == 1


async def test_repeats_that_race_from_the_start_emit_one_event(capture_connect: Connect) -> None:
    posts = [item("lead", number, email="ada@example.com", id="7") for number in range(8)]
    found = await asyncio.gather(*(accepted(capture_connect, post) for post in posts))
    assert len({result.submission_id for (result,) in found}) == 1
    assert len(await events(await capture_connect())) == 1


@pytest.mark.parametrize(
    ("kind", "topic", "fields"),
    [
        ("signal", "leads.signals", {"signal": "call"}),
        ("outcome", "leads.outcomes", {"outcome": "won"}),
        ("touch", "leads.touched", {"channel": "call"}),
    ],
)
async def test_a_fact_is_accepted_once_and_only_of_a_known_lead(
    capture_connect: Connect, kind: Kind, topic: str, fields: dict[str, Any]
) -> None:
    def fact(number: int) -> Item:
        return item(kind, number, email="ada@example.com", id="7", **fields)

    (before,) = await accepted(capture_connect, fact(1))
    await accepted(capture_connect, item("lead", 2, email="ada@example.com"))
    (first,) = await accepted(capture_connect, fact(3))
    (again,) = await accepted(capture_connect, fact(4))
    assert [before.outcome, first.outcome, again.outcome] == ["unknown_lead", "accepted", "duplicate"]
    assert again.submission_id == "sub-3"
    topics = await rows(await capture_connect(), "select topic from intake order by id")
    assert topics == [
        ("leads.rejected",),
        ("leads.captured",),
        (f"leads.{'touched' if kind == 'touch' else kind + 's'}",),
    ]


async def test_a_lead_is_found_by_its_id(capture_connect: Connect) -> None:
    await accepted(capture_connect, item("lead", 1, email="ada@example.com"))
    known, unknown = await accepted(
        capture_connect,
        item("signal", 2, lead_id="lead-1", signal="call"),
        item("signal", 3, lead_id="lead-9", signal="call"),
    )
    assert (known.lead_id, unknown.outcome) == ("lead-1", "unknown_lead")


async def test_erasing_forgets_every_key_and_id_and_tells_everybody(capture_connect: Connect) -> None:
    connection = await capture_connect()
    await accept(
        connection,
        [
            item("lead", 1, email="ada@example.com", phone="020 7946 0018", id="7"),
            item("lead", 2, email="bob@example.com"),
        ],
        PARTITIONS,
    )
    receipt = await erase(connection, Erasure(received(3), (Key("email", "ada@example.com"),), "asked"), PARTITIONS)
    assert [result.lead_id for result in receipt.results] == ["lead-1"]
    assert await rows(connection, "select lead_id from identities") == [("lead-2",)]
    assert await rows(connection, "select * from submissions") == []
    (event,) = await events(connection, "leads.erased")
    assert isinstance(event, LeadErased)
    assert (event.subject, event.data.lead_id) == ("lead-1", "lead-1")
    (anew,) = (await accept(connection, [item("lead", 4, email="ada@example.com", id="7")], PARTITIONS)).results
    assert (anew.lead_id, anew.new, anew.outcome) == ("lead-4", True, "accepted")


async def test_erasing_takes_every_lead_that_the_keys_belong_to(capture_connect: Connect) -> None:
    connection = await capture_connect()
    await accept(
        connection, [item("lead", 1, email="ada@example.com"), item("lead", 2, phone="020 7946 0018")], PARTITIONS
    )
    keys = (Key("email", "ada@example.com"), Key("phone", "+442079460018"), Key("email", "nobody@example.com"))
    receipt = await erase(connection, Erasure(received(3), keys, "asked"), PARTITIONS)
    assert [result.lead_id for result in receipt.results] == ["lead-1", "lead-2"]
    assert len({event.id for event in await events(connection, "leads.erased")}) == 2


async def test_erasing_a_stranger_changes_nothing(capture_connect: Connect) -> None:
    connection = await capture_connect()
    receipt = await erase(connection, Erasure(received(3), (Key("lead_id", "lead-9"),), "asked"), PARTITIONS)
    assert (receipt.results, await events(connection)) == ([], [])


async def test_an_erasure_waits_for_those_who_are_accepting_and_forgets_what_they_stored(
    capture_connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a lead found just before its erasure would get an event after it, and no key would lead to it."""
    accepting, erasing, looking = [await capture_connect() for _ in range(3)]
    await accept(accepting, [item("lead", 1, email="ada@example.com")], PARTITIONS)
    found, go_on = asyncio.Event(), asyncio.Event()
    write = store._write

    async def slow_write(*arguments: object) -> str:
        found.set()
        await go_on.wait()
        return await write(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(store, "_write", slow_write)
    late = item("lead", 2, email="ada@example.com", phone="020 7946 0018")
    storing = asyncio.create_task(accept(accepting, [late], PARTITIONS))
    await found.wait()
    forgetting = asyncio.create_task(
        erase(erasing, Erasure(received(3), (Key("email", "ada@example.com"),), "asked"), PARTITIONS)
    )
    await _waits_for_a_lock(looking, "advisory")
    go_on.set()
    await asyncio.gather(storing, forgetting)
    assert await rows(looking, "select * from identities") == []
    topics = [topic for (topic,) in await rows(looking, "select topic from intake order by id")]
    assert topics == ["leads.captured", "leads.captured", "leads.erased"]


@pytest.mark.parametrize("reached", [True, False])
async def test_a_connection_that_breaks_at_the_commit_leaves_a_way_to_find_out(
    capture_connect: Connect, monkeypatch: pytest.MonkeyPatch, *, reached: bool
) -> None:
    breaking, other = await capture_connect(), await capture_connect()
    commit = psycopg.AsyncTransaction._commit_gen

    def broken_commit(self: psycopg.AsyncTransaction) -> Any:
        if reached:
            yield from commit(self)
        self.connection.pgconn.finish()
        raise psycopg.OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(psycopg.AsyncTransaction, "_commit_gen", broken_commit)
    with pytest.raises(CommitUnknown) as unknown:
        await accept(breaking, [item("lead", 1, email="ada@example.com")], PARTITIONS)
    monkeypatch.undo()
    answer = None
    while answer is None:
        answer = await settled(other, unknown.value.transaction)
        await asyncio.sleep(0.01)
    assert answer is reached
    assert len(await events(other)) == reached
    assert unknown.value.results[0].lead_id == "lead-1"


async def test_rows_are_written_in_the_order_of_the_items(capture_connect: Connect) -> None:
    connection = await capture_connect()
    items = [item("lead", number, email="ada@example.com") for number in range(50)]
    await accept(connection, items, PARTITIONS)
    numbers = [
        int(event.data.origin.submission_id.removeprefix("sub-"))
        for event in await events(connection)
        if isinstance(event, LeadCaptured)
    ]
    assert len(numbers) == 50
    assert all(earlier < later for earlier, later in pairwise(numbers))
