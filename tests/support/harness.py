"""Runs workers inside a test, on real servers, and waits for conditions with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra import setup
from infra.clock import Clock
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.postgres import prepare_schema
from infra.settings import Settings
from policy.loading import load_policy
from policy.versions import PolicyBook
from runtime.effects import Performer
from runtime.stage import Stage
from runtime.worker import Worker
from schemas.base import Cause, Event, new_traceparent
from schemas.topics import TOPICS, Topic
from tests.support.bare import BARE_TOPICS, Ping, Step

POLICY = load_policy(Path("policy.yaml"))


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0, what: str = "") -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        await asyncio.sleep(0.02)


def ping(lead: str, n: int, note: str = "") -> Ping:
    """The n-th ping of a lead."""
    cause = Cause(id=f"{lead}-{n}-{note}", lead_id=lead, traceparent=new_traceparent(lead))
    return Ping.create(cause=cause, service="test", time=datetime.now(UTC), data=Step(n=n, note=note))


class Harness:
    """One test's topics, schemas and workers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.book = PolicyBook()
        self.book.add(datetime(2000, 1, 1, tzinfo=UTC), POLICY)
        self.clock = Clock()
        self.workers: dict[Worker[Any], asyncio.Task[None]] = {}
        self.producer: AIOKafkaProducer
        self.written: dict[int, int] = {}
        """Partition → records that a test wrote there with sequences."""

    async def open(self, topics: Iterable[Topic] = (*TOPICS, *BARE_TOPICS), schemas: Iterable[str] = ()) -> None:
        """Creates topics and schemas."""
        await setup.create_topics(self.settings, tuple(topics))
        for name in schemas:
            await asyncio.to_thread(prepare_schema, self.settings, name)
        self.producer = await build_producer(self.settings)

    async def close(self) -> None:
        """Stops what still runs."""
        for worker in list(self.workers):
            await self.kill(worker)
        await self.producer.stop()

    async def start(self, stage: Stage[Any], name: str = "0", performer: Performer | None = None) -> Worker[Any]:
        """Starts a worker and waits until it is ready."""
        worker = await self.start_unready(stage, name, performer)

        async def ready() -> bool:
            if self.workers[worker].done():
                self.workers[worker].result()
            return worker.ready

        await eventually(ready, what=f"{stage.name} is ready")
        return worker

    async def start_unready(
        self, stage: Stage[Any], name: str = "0", performer: Performer | None = None
    ) -> Worker[Any]:
        """Starts a worker that may never be ready."""
        settings = self.settings.model_copy(update={"worker": name})
        worker = Worker(stage, settings, self.clock, self.book, performer=performer)
        self.workers[worker] = asyncio.create_task(worker.run())
        return worker

    async def stop(self, worker: Worker[Any]) -> None:
        """Asks a worker to stop and waits for it."""
        worker.stop()
        await self.workers.pop(worker)

    async def kill(self, worker: Worker[Any]) -> None:
        """Ends a worker where it stands."""
        task = self.workers.pop(worker)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def put(self, topic: Topic, event: Event, headers: list[tuple[str, bytes]] | None = None) -> None:
        """Writes an event as a stranger would, or with the headers of one of ours."""
        key = event.subject.encode()
        await self.put_bytes(topic, key, event.to_json(), partition_of(key, self.settings.partitions), headers)

    async def put_bytes(
        self,
        topic: Topic,
        key: bytes,
        value: bytes,
        partition: int,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Writes any record."""
        await self.producer.send_and_wait(
            self.settings.topic(topic.name), value, key=key, partition=partition, headers=headers or []
        )

    async def read(self, topic: Topic) -> list[Any]:
        """All records of a topic, by partition and offset."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka)
        await consumer.start()
        try:
            name = self.settings.topic(topic.name)
            tps = [TopicPartition(name, number) for number in range(setup.partitions_of(topic, self.settings))]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            ends = await consumer.end_offsets(tps)
            records: list[Any] = []
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for some in (await consumer.getmany(timeout_ms=200)).values():
                    records.extend(some)
            return sorted(records, key=lambda record: (record.partition, record.offset))
        finally:
            await consumer.stop()

    async def ends(self, topics: Iterable[Topic]) -> dict[str, dict[int, int]]:
        """Topic → partition → the offset that comes next."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka)
        await consumer.start()
        try:
            tps = {
                TopicPartition(self.settings.topic(topic.name), number): topic.name
                for topic in topics
                for number in range(self.settings.partitions)
            }
            ends: dict[str, dict[int, int]] = {}
            for tp, end in (await consumer.end_offsets(list(tps))).items():
                ends.setdefault(tps[tp], {})[tp.partition] = end
            return ends
        finally:
            await consumer.stop()

    async def events(self, topic: Topic) -> list[Event]:
        """All events of a topic, each once."""
        unique = {(event := topic.decode(record.value)).id: event for record in await self.read(topic)}
        return list(unique.values())

    async def states(self, stage: Stage[Any]) -> dict[str, Any]:
        """What a stage keeps, by lead."""
        rows = await self.rows(f"select lead_id, value from {self.settings.schema_of(stage.name)}.state")
        return {lead: stage.state_type.from_json(bytes(value)) for lead, value in rows}

    async def rows(self, query: str) -> list[Any]:
        """Any query, as the admin."""
        async with await psycopg.AsyncConnection.connect(self.settings.dsn(), autocommit=True) as connection:
            return await (await connection.execute(query)).fetchall()


@asynccontextmanager
async def harness(settings: Settings, *schemas: str) -> AsyncIterator[Harness]:
    """A harness that is closed at the end."""
    ours = Harness(settings)
    await ours.open(schemas=schemas)
    try:
        yield ours
    finally:
        await ours.close()
