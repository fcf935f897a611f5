"""The processing contract, promise by promise, on the real broker and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from infra.errors import Fenced, LogMismatch
from infra.partitioner import partition_of
from infra.postgres import connect
from infra.settings import Settings
from runtime.commands import obey
from runtime.fence import Commit, FenceRow, commit_batch, take
from runtime.sequence import headers_of
from runtime.stage import Context, Decision, Effect, EffectDone, Input
from schemas.base import Cause, derived_id, new_traceparent
from schemas.events import Command, CommandIssued, Erased, EventDead, LeadErased
from schemas.topics import DEAD, ERASED
from tests.support.bare import DONE, PINGS, PONGS, Alpha, Beta, Ping, Pong, Step, Tally, fold
from tests.support.harness import Harness, eventually, harness, ping

LEADS = [f"lead{n}" for n in range(20)]


@pytest.fixture
async def bare(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha", "beta") as ours:
        yield ours


def expected(count: int) -> Tally:
    tally: Tally | None = None
    for n in range(count):
        tally = fold(tally, str(n))
    assert tally is not None
    return tally.replace(timers=len(range(0, count, 5)))


async def reaches(bare: Harness, stage: Alpha | Beta, wanted: Mapping[str, Tally]) -> None:
    async def equal() -> bool:
        for task in bare.workers.values():
            if task.done():
                task.result()
        return await bare.states(stage) == wanted

    await eventually(equal, what=f"{stage.name} has folded every event once, in order")


async def test_two_workers_of_two_stages_fold_every_event_once_and_in_order(bare: Harness) -> None:
    for name in ("a", "b"):
        await bare.start(Alpha(), name)
        await bare.start(Beta(), name)
    for n in range(12):
        await asyncio.gather(*(bare.put(PINGS, ping(lead, n)) for lead in LEADS))
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(12)))
    assert len(await bare.events(DONE)) == 12 * len(LEADS)


async def test_a_new_worker_takes_over_where_a_killed_one_stopped(bare: Harness) -> None:
    first = await bare.start(Alpha(), "a")
    await bare.start(Beta(), "a")
    for n in range(6):
        await asyncio.gather(*(bare.put(PINGS, ping(lead, n)) for lead in LEADS))
    await bare.kill(first)
    for n in range(6, 12):
        await asyncio.gather(*(bare.put(PINGS, ping(lead, n)) for lead in LEADS))
    await bare.start(Alpha(), "b")
    await reaches(bare, Beta(), dict.fromkeys(LEADS, expected(12)))


async def test_what_was_committed_and_not_published_is_published_by_the_next_owner(bare: Harness) -> None:
    partition = partition_of(b"lead0", bare.settings.partitions)
    event = Pong.create(
        cause=Cause(id="x", lead_id="lead0", traceparent=new_traceparent("x")),
        service="alpha",
        time=datetime.now(UTC),
        data=Step(n=0),
    )
    async with await connect(bare.settings, "alpha") as connection:
        await connection.execute(
            "insert into outbox values (%s, %s, 1, 1, int4send(5) || 'lead0' || int4send(%s::int) || %s)",
            (partition, PONGS.name, len(event.to_json()), event.to_json()),
        )
    await bare.start(Alpha())

    async def published() -> bool:
        return [each.id for each in await bare.events(PONGS)] == [event.id]

    await eventually(published)
    await eventually(lambda: _empty(bare, "select * from alpha.outbox"), what="the outbox is emptied")


async def _empty(bare: Harness, query: str) -> bool:
    return not await bare.rows(query)


async def test_a_commit_under_an_old_epoch_changes_nothing(bare: Harness) -> None:
    async with await connect(bare.settings, "alpha") as connection:
        old = (await take(connection, [3]))[3]
        new = (await take(connection, [3]))[3]
        after = FenceRow(3, old.epoch, old.commits, offsets={"x": 1})
        stale = Commit(moves=[(old, after)], states={"lead": (3, b"{}")})
        with pytest.raises(Fenced) as fenced:
            await commit_batch(connection, stale)
        assert fenced.value.partitions == {3}
        assert not await bare.rows("select * from alpha.state")
        assert (await commit_batch(connection, Commit(moves=[(new, new)])))[3].commits == new.commits + 1
        with pytest.raises(Fenced):
            await commit_batch(connection, Commit(moves=[(new, new)]))


async def test_a_worker_that_was_fenced_discards_and_goes_on(bare: Harness) -> None:
    await bare.start(Alpha())
    await bare.put(PINGS, ping("lead0", 0))
    await eventually(lambda: _filled(bare, 1))
    async with await connect(bare.settings, "alpha") as connection:
        await take(connection, range(bare.settings.partitions))
    await bare.put(PINGS, ping("lead0", 1))
    await eventually(lambda: _filled(bare, 2), what="the worker took its partitions back")


async def _filled(bare: Harness, count: int) -> bool:
    tally = (await bare.states(Alpha())).get("lead0")
    return tally is not None and tally.count == count


async def test_junk_is_set_aside_and_the_stream_goes_on(bare: Harness) -> None:
    await bare.start(Alpha())
    partition = partition_of(b"lead0", bare.settings.partitions)
    for junk in (b"\xff\xfe", b"", b"[]", b'{"type":"bare.ping.v1"}', b'"\\ud800"', b"[" * 5_000):
        await bare.put_bytes(PINGS, b"\x00key", junk, partition)
    await bare.put(PINGS, ping("lead0", 0))
    await eventually(lambda: _filled(bare, 1))

    async def six() -> bool:
        return len(await bare.events(DEAD)) == 6

    await eventually(six)
    letters = [event.data for event in await bare.events(DEAD) if isinstance(event, EventDead)]
    assert letters[0].value == b"\xff\xfe"
    assert letters[0].key == b"\x00key"


def _poison(count: int) -> list[tuple[str, Ping]]:
    return [(f"bad{n}", ping(f"bad{n}", 0, "raise")) for n in range(count)]


async def _send(bare: Harness, pings: list[tuple[str, Ping]]) -> None:
    """As one of our own producers would, each partition in its sequence."""
    written: dict[int, int] = {}
    for lead, event in pings:
        partition = partition_of(lead.encode(), bare.settings.partitions)
        written[partition] = written.get(partition, bare.written.get(partition, 0)) + 1
        headers = headers_of(b"test@1", written[partition])
        await bare.put_bytes(PINGS, lead.encode(), event.to_json(), partition, headers)
    bare.written.update(written)


async def test_poison_of_any_number_of_leads_is_set_aside_while_something_succeeds(bare: Harness) -> None:
    await bare.start(Alpha())
    poison = _poison(120)
    for start in range(0, 120, 20):
        await _send(bare, [*poison[start : start + 20], ("lead0", ping("lead0", start // 20))])
    await eventually(lambda: _filled(bare, 6))

    async def all_dead() -> bool:
        return len(await bare.events(DEAD)) == 120

    await eventually(all_dead)


async def test_a_release_that_fails_on_everything_holds_and_stays_holding_after_a_restart(bare: Harness) -> None:
    worker = await bare.start(Alpha())
    await _send(bare, _poison(120))

    async def holds() -> bool:
        return not worker.ready and "alpha holds" in worker.problem

    await eventually(holds)
    await bare.kill(worker)
    worker = await bare.start_unready(Alpha())
    await eventually(holds)
    assert len(await bare.events(DEAD)) <= bare.settings.hold_after
    # A release that works, or input that shows that this one does: nothing was skipped.
    await _send(bare, [("lead0", ping("lead0", 0))])
    await eventually(lambda: _filled(bare, 1))

    async def all_dead() -> bool:
        return worker.ready and len(await bare.events(DEAD)) == 120

    await eventually(all_dead)


async def test_a_gap_stops_the_topic_until_an_operator_accepts_it(bare: Harness) -> None:
    worker = await bare.start(Alpha())
    partition = partition_of(b"lead0", bare.settings.partitions)
    for sequence in (1, 3):
        event = ping("lead0", sequence)
        await bare.put_bytes(PINGS, b"lead0", event.to_json(), partition, headers_of(b"test@1", sequence))

    async def stopped() -> bool:
        return not worker.ready and "jumps from sequence 1 to 3" in worker.problem

    await eventually(stopped)
    assert await _filled(bare, 1)
    order = Command(
        service="all",
        command="accept_gap",
        issued_by="test",
        arguments={"topic": PINGS.name, "partition": str(partition)},
    )
    await give(bare, order)
    await eventually(lambda: _filled(bare, 2))


async def give(bare: Harness, order: Command) -> None:
    command = CommandIssued.create(
        cause=Cause(id="order", lead_id="all", traceparent=new_traceparent("order")),
        service="cli",
        time=datetime.now(UTC),
        data=order,
    )
    async with await connect(bare.settings, "alpha") as connection:
        assert await obey(connection, "alpha", command.to_json()) == "done"


async def test_a_paused_service_reads_nothing_and_loses_nothing(bare: Harness) -> None:
    worker = await bare.start(Alpha())
    await give(bare, Command(service="all", command="pause", issued_by="test"))

    async def paused() -> bool:
        return worker.problem == "paused by an operator"

    await eventually(paused)
    await bare.put(PINGS, ping("lead0", 0))
    await bare.put(PINGS, ping("lead0", 1))
    await give(bare, Command(service="all", command="resume", issued_by="test"))
    await eventually(lambda: _filled(bare, 2))
    assert (await bare.states(Alpha()))["lead0"].order == fold(fold(None, "0"), "1").order


async def test_an_erased_lead_leaves_no_state_and_no_timer(bare: Harness) -> None:
    await bare.start(Alpha())
    await bare.put(PINGS, ping("lead0", 0))
    await eventually(lambda: _filled(bare, 1))
    event = LeadErased.create(
        cause=Cause(id="e", lead_id="lead0", traceparent=new_traceparent("e")),
        service="capture",
        time=datetime.now(UTC),
        data=Erased(lead_id="lead0", requested_at=datetime.now(UTC)),
    )
    await bare.put(ERASED, event)
    await eventually(lambda: _empty(bare, "select * from alpha.state where get_byte(value, 0) <> ascii('E')"))
    assert await _empty(bare, "select * from alpha.timers")


class Picky(Alpha):
    """Keeps rows of its own, and the database refuses a lead's once it was pinged with `refuse`."""

    transactional = True

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:
        decision = super().decide(item, state, ctx)
        if isinstance(item, Ping) and item.data.note == "refuse":
            assert decision.state is not None
            return Decision(decision.state.replace(timers=99))
        return decision

    async def save(self, connection: Any, shared: Any, changes: Mapping[str, Any]) -> None:  # noqa: ARG002
        for change in changes.values():
            if change.after.timers == 99:
                await connection.execute("select 1 / 0")


async def test_a_batch_that_the_database_refuses_is_halved_down_to_the_event_at_fault(bare: Harness) -> None:
    partition = partition_of(b"lead0", bare.settings.partitions)
    for n in range(1, 5):
        note = "refuse" if n == 3 else ""
        await bare.put_bytes(PINGS, b"lead0", ping("lead0", n, note).to_json(), partition)
        await bare.put(PINGS, ping("lead1", n))
    await bare.start(Picky())

    async def both() -> bool:
        states = await bare.states(Alpha())
        return {lead: tally.count for lead, tally in states.items()} == {"lead0": 3, "lead1": 4}

    await eventually(both)
    letters = [event.data for event in await bare.events(DEAD) if isinstance(event, EventDead)]
    assert {letter.reason for letter in letters} == {"refused_by_database"}
    assert [Ping.from_json(letter.value or b"").data.n for letter in letters] == [3]


async def test_positions_of_another_cluster_stop_the_service(bare: Harness) -> None:
    async with await connect(bare.settings, "alpha") as connection:
        await take(connection, [0])
        await connection.execute("""update fence set offsets = '{"bare.pings": 99}'""")
    with pytest.raises(LogMismatch, match="leadstream doctor"):
        await bare.start(Alpha())


class Caller(Alpha):
    """Asks for an effect and counts the answers."""

    def decide(self, item: Input, state: Tally | None, ctx: Context) -> Decision[Tally]:
        state = state or Tally()
        if isinstance(item, EffectDone):
            return Decision(fold(state, f"{item.payload['n']} {item.result}"))
        assert isinstance(item, Ping)
        return Decision(state, effects=(Effect(derived_id(ctx.cause.id, "call"), "call", {"n": item.data.n}),))


class Phone:
    """Performs effects and remembers them; can hang."""

    def __init__(self, *, repeatable: bool, hang: bool = False) -> None:
        self.repeatable = repeatable
        self.hang = hang
        self.calls: list[int] = []

    async def perform(self, kind: str, payload: Mapping[str, Any]) -> tuple[Literal["done", "failed"], str]:
        assert kind == "call"
        self.calls.append(payload["n"])
        if self.hang:
            await asyncio.Event().wait()
        return "done", ""


async def outcome_is(bare: Harness, note: str) -> None:
    async def equal() -> bool:
        return (await bare.states(Alpha())).get("lead0") == fold(None, note)

    await eventually(equal, what=note)


async def test_an_effect_is_performed_once_and_its_result_decided_about(bare: Harness) -> None:
    phone = Phone(repeatable=False)
    await bare.start(Caller(), performer=phone)
    await bare.put(PINGS, ping("lead0", 7))
    await outcome_is(bare, "7 done")
    assert phone.calls == [7]
    assert await _empty(bare, "select * from alpha.effects")


@pytest.mark.parametrize(("repeatable", "result", "calls"), [(False, "7 unknown", []), (True, "7 done", [7])])
async def test_an_effect_whose_worker_died_is_repeated_only_where_that_is_harmless(
    bare: Harness,
    repeatable: bool,  # noqa: FBT001  # a parameter of the test
    result: str,
    calls: list[int],
) -> None:
    dying = Phone(repeatable=repeatable, hang=True)
    first = await bare.start(Caller(), "a", performer=dying)
    await bare.put(PINGS, ping("lead0", 7))

    async def called() -> bool:
        return dying.calls == [7]

    await eventually(called)
    await bare.kill(first)
    phone = Phone(repeatable=repeatable)
    await bare.start(Caller(), "b", performer=phone)
    await outcome_is(bare, result)
    assert phone.calls == calls


async def test_history_asks_for_no_effect(bare: Harness) -> None:
    phone = Phone(repeatable=True)
    await bare.start(Caller(), performer=phone)
    await bare.put(PINGS, ping("lead0", 1).replace(mode="history"))
    await bare.put(PINGS, ping("lead0", 2))
    await outcome_is(bare, "2 done")
    assert phone.calls == [2]
