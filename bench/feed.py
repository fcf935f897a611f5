"""Writes a backlog into a topic as an upstream service would, and watches what comes out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.workload import stamp
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.settings import Settings
from schemas.base import Event
from schemas.topics import Topic


async def fill(settings: Settings, topic: Topic, events: Iterable[Event]) -> int:
    """Writes the events with sequences, in batches; returns how many."""
    lanes: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    for event in events:
        key = event.subject.encode()
        lanes[partition_of(key, settings.partitions)].append((key, event.to_json()))
    producer = await build_producer(settings)
    try:
        await asyncio.gather(*(_fill_lane(producer, settings.topic(topic.name), *lane) for lane in lanes.items()))
    finally:
        await producer.stop()
    return sum(map(len, lanes.values()))


async def _fill_lane(producer: AIOKafkaProducer, topic: str, partition: int, rows: list[tuple[bytes, bytes]]) -> None:
    position = 0
    while position < len(rows):
        batch = producer.create_batch()
        for key, value in rows[position : position + 1_000]:
            position += 1
            batch.append(timestamp=None, key=key, value=value, headers=stamp(position))
        batch.close()
        await (await producer.send_batch(batch, topic, partition=partition))


class Output:
    """How many records a topic holds; asking costs next to nothing."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        name = settings.topic(topic.name)
        self._partitions = [TopicPartition(name, number) for number in range(settings.partitions)]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def count(self) -> int:
        """Records so far."""
        ends: dict[Any, int] = await self._consumer.end_offsets(self._partitions)
        return sum(ends.values())
