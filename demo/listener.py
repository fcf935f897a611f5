"""Reads what the pipeline publishes, as a CRM would, and writes records as a program other than ours might."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from demo.actions import ForeignRecord
from demo.errors import DemoFailed
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.settings import Settings
from runtime.sequence import stamp_of
from schemas.base import Event
from schemas.topics import ASSIGNED, CAPTURED

LISTENED = (CAPTURED, ASSIGNED)
PATIENCE_SECONDS = 30.0


class TopicListener:
    """Reads `leads.captured` and `leads.assigned` outside any group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = {settings.topic(topic.name): topic for topic in LISTENED}
        self._counts = dict.fromkeys((topic.name for topic in LISTENED), 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        """Connects, and goes to the beginning."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka, enable_auto_commit=False, client_id="leadstream-demo"
        )
        await self._consumer.start()
        places = [TopicPartition(name, number) for name in self._topics for number in range(self._settings.partitions)]
        self._consumer.assign(places)
        await self._consumer.seek_to_beginning(*places)
        self._producer = await build_producer(self._settings)

    async def close(self) -> None:
        """Disconnects."""
        for each in (self._consumer, self._producer):
            if each is not None:
                await each.stop()

    async def new_events(self, numbered: Mapping[str, int]) -> list[Event]:
        """Reads what was published since the last call; `numbered` is topic → how many events it has by now.

        Captured ones first: whom an assignment is about must be known by then.

        Raises:
            DemoFailed: Kafka does not deliver what was published.
        """
        found: dict[str, list[Event]] = {topic.name: [] for topic in LISTENED}
        deadline = monotonic() + PATIENCE_SECONDS
        while any(self._counts[name] < numbered.get(name, 0) for name in self._counts):
            if monotonic() > deadline:
                raise DemoFailed(f"Kafka has delivered {self._counts} of {dict(numbered)} events. Look at kafka.log")
            assert self._consumer is not None, "open() comes first"
            for records in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    topic = self._topics[record.topic]
                    # A record that is not ours has no stamp and is not counted.
                    if stamp_of(record.headers) is not None:
                        found[topic.name].append(topic.decode(record.value))
                        self._counts[topic.name] += 1
        return [event for topic in LISTENED for event in found[topic.name]]

    async def write(self, record: ForeignRecord) -> tuple[str, int, int]:
        """Writes a record that is not ours; returns topic, partition and offset."""
        assert self._producer is not None, "open() comes first"
        partition = partition_of(record.key, self._settings.partitions)
        name = self._settings.topic(record.topic)
        written = await self._producer.send_and_wait(name, record.value, record.key, partition)
        return record.topic, written.partition, written.offset
