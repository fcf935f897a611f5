"""One event through one idle stage: written, read, committed with its state and outbox, published, read again.

In turns with the same event through Kafka alone, written by one client and read by another: what no stage can beat.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from time import perf_counter

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.engines import child
from bench.report import Result, quantile, say
from bench.servers import prepare, started
from bench.workload import COUNTED, VISITED, stamp, visit_event
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.settings import Settings
from schemas.topics import Topic

EVENTS = 300
PAUSE = (0.01, 0.04)
"""Seconds between two events, so that the stage is idle and at no set rhythm."""
READY_SECONDS = 60.0
AIM_MS = 10.0
BARE = Topic("bench.bare", (), (), (), "Nothing works on it.")


class Reader:
    """Reads one topic from its end."""

    def __init__(self, settings: Settings, topic: Topic) -> None:
        name = settings.topic(topic.name)
        self._partitions = [TopicPartition(name, number) for number in range(settings.partitions)]
        self._consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)

    async def start(self) -> None:
        """Connects."""
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_end(*self._partitions)
        for partition in self._partitions:
            await self._consumer.position(partition)

    async def one(self, seconds: float) -> None:
        """Waits for the next record."""
        await asyncio.wait_for(self._consumer.getone(), seconds)

    async def stop(self) -> None:
        """Disconnects."""
        await self._consumer.stop()


class Writer:
    """Writes as an upstream service does: with sequences, each event acknowledged."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._settings = settings
        self._producer = producer
        self._sequences: dict[tuple[str, int], int] = defaultdict(int)
        self._number = 0

    async def write(self, topic: Topic) -> float:
        """Writes one event of a new lead; returns the moment before."""
        self._number += 1
        event = visit_event(self._number, f"lead{self._number}")
        key = event.subject.encode()
        partition = partition_of(key, self._settings.partitions)
        self._sequences[topic.name, partition] += 1
        headers = stamp(self._sequences[topic.name, partition])
        batch = self._producer.create_batch()
        batch.append(timestamp=None, key=key, value=event.to_json(), headers=headers)
        batch.close()
        started = perf_counter()
        await self._producer.send_batch(batch, self._settings.topic(topic.name), partition=partition)
        return started


async def delay() -> list[Result]:
    """Measures."""
    with started() as servers:
        settings = servers.settings()
        await prepare(settings, (VISITED, COUNTED, BARE), "bench")
        producer = await build_producer(settings)
        through, bare = Reader(settings, COUNTED), Reader(settings, BARE)
        try:
            await through.start()
            await bare.start()
            writer = Writer(settings, producer)
            with child("bench.engine", settings):
                say("delay of one event through an idle stage")
                await writer.write(VISITED)
                await through.one(READY_SECONDS)
                times, floor = await _in_turns(writer, through, bare)
        finally:
            for each in (through, bare, producer):
                await each.stop()
    return _results(times, floor)


async def _in_turns(writer: Writer, through: Reader, bare: Reader) -> tuple[list[float], list[float]]:
    times: list[float] = []
    floor: list[float] = []
    rng = random.Random(1)
    for _ in range(EVENTS):
        for topic, reader, found in ((VISITED, through, times), (BARE, bare, floor)):
            await asyncio.sleep(rng.uniform(*PAUSE))
            started = await writer.write(topic)
            await reader.one(READY_SECONDS)
            found.append((perf_counter() - started) * 1_000)
    return times, floor


def _results(times: list[float], floor: list[float]) -> list[Result]:
    middle, least = quantile(times, 0.5), quantile(floor, 0.5)
    details: dict[str, float | str] = {"p99": quantile(times, 0.99), "Kafka alone, p50": least}
    return [
        Result("delay", "one event through one idle stage, p50", middle, "ms", AIM_MS, "less", details),
        Result("delay", "the same : Kafka alone", middle / least, "times the delay"),
    ]
