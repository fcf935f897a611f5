"""Waiting for faults to pass, without waiting: the time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra import kafka, postgres
from infra.retry import Retry, call_until, pauses


@dataclass
class Time:
    """Passes only by sleeping."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass
class Failing:
    """Fails in these ways, one after the other, then works."""

    faults: list[Exception]
    calls: int = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "done"

    async def ask(self) -> str:
        return self()


def retry(time: Time, count: Callable[[Exception], None] | None = None) -> Retry:
    return Retry("a test", (ConnectionError,), first=0.1, most=0.5, count=count, sleep=time.sleep_async)


def test_pauses_double_up_to_the_longest_and_never_end() -> None:
    assert list(islice(pauses(0.1, 0.5), 5)) == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert list(islice(pauses(3.0, 2.0), 2)) == [2.0, 2.0]


async def test_what_works_at_once_waits_for_nothing() -> None:
    time = Time()
    assert await retry(time).call(Failing([]).ask) == "done"
    assert time.slept == []


async def test_passing_faults_are_waited_out_longer_each_time_and_counted() -> None:
    time, counted, work = Time(), list[Exception](), Failing([ConnectionResetError() for _ in range(5)])
    assert await retry(time, counted.append).call(work.ask) == "done"
    assert time.slept == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert [type(error) for error in counted] == [ConnectionResetError] * 5
    assert work.calls == 6


async def test_any_other_fault_is_raised_at_once() -> None:
    time, counted, work = Time(), list[Exception](), Failing([ConnectionResetError(), KeyError("a bug")])
    with pytest.raises(KeyError, match="a bug"):
        await retry(time, counted.append).call(work.ask)
    assert time.slept == [0.1]
    assert len(counted) == 1


async def test_after_something_worked_the_wait_begins_short_again() -> None:
    time = Time()
    ours = retry(time)
    for _ in range(2):
        await ours.call(Failing([ConnectionResetError(), ConnectionResetError()]).ask)
    assert time.slept == [0.1, 0.2, 0.1, 0.2]


async def test_a_loop_of_its_own_waits_the_same_way() -> None:
    time = Time()
    ours = retry(time)
    for _ in range(3):
        await ours.wait(ConnectionResetError())
    ours.worked()
    await ours.wait(ConnectionResetError())
    assert time.slept == [0.1, 0.2, 0.4, 0.1]


async def test_being_cancelled_is_no_fault() -> None:
    async def cancelled(seconds: float) -> None:
        raise asyncio.CancelledError(seconds)

    ours = Retry("a test", (ConnectionError,), sleep=cancelled)
    with pytest.raises(asyncio.CancelledError):
        await ours.call(Failing([ConnectionResetError()]).ask)


def test_a_deadline_ends_the_waiting_with_the_last_fault() -> None:
    time, work = Time(), Failing([ConnectionResetError(str(number)) for number in range(9)])
    with pytest.raises(ConnectionResetError, match=r"^3$"):
        call_until(1.0, work, (ConnectionError,), sleep=time.sleep, now=lambda: time.now)
    assert time.slept == [0.1, 0.2, 0.4]


def test_before_the_deadline_it_may_still_work() -> None:
    time, work = Time(), Failing([ConnectionResetError(), ConnectionResetError()])
    assert call_until(1.0, work, (ConnectionError,), sleep=time.sleep, now=lambda: time.now) == "done"


def test_a_first_try_is_made_even_past_the_deadline() -> None:
    assert call_until(-1.0, Failing([]), (ConnectionError,), now=lambda: 0.0) == "done"


@pytest.mark.parametrize(
    ("away", "passes", "stays"),
    [
        (postgres.AWAY, psycopg.OperationalError("gone"), psycopg.ProgrammingError("no such table")),
        (postgres.AWAY, psycopg.errors.ReadOnlySqlTransaction("a stand-by"), psycopg.DataError("too long")),
        (postgres.AWAY, ConnectionRefusedError(), KafkaError()),
        (kafka.AWAY, KafkaConnectionError(), psycopg.OperationalError("gone")),
        (kafka.AWAY, TimeoutError(), ValueError("a bug")),
    ],
)
async def test_each_server_s_faults_are_those_that_pass(
    away: tuple[type[Exception], ...], passes: Exception, stays: Exception
) -> None:
    time = Time()
    ours = Retry("a test", away, sleep=time.sleep_async)
    with pytest.raises(type(stays)):
        await ours.call(Failing([passes, stays]).ask)
    assert time.slept == [0.1]
