"""What comes in a stream travels together; what comes alone waits for nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from infra.settings import Settings
from runtime.fence import FenceRow
from runtime.partition_consumer import PartitionConsumer
from tests.support.bare import PINGS, Alpha

PARTITION = TopicPartition(PINGS.name, 3)


class Broker:
    """Stands for the consumer: gives what is there, at once, or nothing after the time-out."""

    def __init__(self, *fetches: list[str]) -> None:
        self.fetches = deque(fetches)

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[str]]:  # noqa: ARG002  # as aiokafka's
        if not self.fetches:
            await asyncio.sleep(timeout_ms / 1_000)
            return {}
        return {PARTITION: self.fetches.popleft()}


async def read(broker: Broker, woken: asyncio.Event, seconds: float, not_before: float) -> list[Any]:
    return [each.record for each in await owner(broker).read(seconds, woken, not_before)]


def owner(broker: Broker) -> PartitionConsumer:
    ownership = PartitionConsumer(Alpha(), Settings(), lambda: None)
    bare: Any = ownership
    bare._consumer, bare._membership = broker, SimpleNamespace(generation=0)
    ownership.fences[3] = FenceRow(3, 1, 0)
    return ownership


async def test_what_comes_alone_is_read_at_once() -> None:
    began = monotonic()
    assert await read(Broker(["a"]), asyncio.Event(), 5.0, began - 1.0) == ["a"]
    assert monotonic() - began < 1.0


async def test_what_comes_early_waits_for_its_time_and_for_company() -> None:
    time = monotonic() + 0.05
    assert await read(Broker(["a"], ["b", "c"]), asyncio.Event(), 5.0, time) == ["a", "b", "c"]
    assert monotonic() >= time


async def test_being_woken_early_waits_too() -> None:
    woken, time = asyncio.Event(), monotonic() + 0.05
    woken.set()
    assert await read(Broker(), woken, 5.0, time) == []
    assert monotonic() >= time
    assert not woken.is_set()


async def test_without_news_nothing_is_waited_for_longer_than_asked() -> None:
    began = monotonic()
    assert await read(Broker(), asyncio.Event(), 0.01, began + 60.0) == []
    assert monotonic() - began < 30.0
