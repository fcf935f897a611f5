"""Hears what the pipeline says on its topics, as a CRM would, and writes what strangers write."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from demo.actions import Stranger
from demo.errors import DemoFailed
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.settings import Settings
from runtime.sequence import stamp_of
from schemas.base import Event
from schemas.topics import ASSIGNED, CAPTURED

HEARD = (CAPTURED, ASSIGNED)
PATIENCE_SECONDS = 30.0


class Ears:
    """Reads `leads.captured` and `leads.assigned` outside any group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = {settings.topic(topic.name): topic for topic in HEARD}
        self._heard = dict.fromkeys((topic.name for topic in HEARD), 0)
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

    async def hear(self, given: Mapping[str, int]) -> list[Event]:
        """What was said since the last time; `given` tells how many events each topic has by now.

        Captured ones first: whom an assignment is about must be known by then.

        Raises:
            DemoFailed: Kafka does not deliver what was published.
        """
        found: dict[str, list[Event]] = {topic.name: [] for topic in HEARD}
        deadline = monotonic() + PATIENCE_SECONDS
        while any(self._heard[name] < given.get(name, 0) for name in self._heard):
            if monotonic() > deadline:
                raise DemoFailed(f"Kafka has delivered {self._heard} of {dict(given)} events. Look at kafka.log")
            assert self._consumer is not None, "open() comes first"
            for records in (await self._consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    topic = self._topics[record.topic]
                    # A stranger's record has no stamp and counts nowhere.
                    if stamp_of(record.headers) is not None:
                        found[topic.name].append(topic.decode(record.value))
                        self._heard[topic.name] += 1
        return [event for topic in HEARD for event in found[topic.name]]

    async def write(self, stranger: Stranger) -> tuple[str, int, int]:
        """Writes a stranger's record; returns topic, partition and offset."""
        assert self._producer is not None, "open() comes first"
        partition = partition_of(stranger.key, self._settings.partitions)
        name = self._settings.topic(stranger.topic)
        written = await self._producer.send_and_wait(name, stranger.value, stranger.key, partition)
        return stranger.topic, written.partition, written.offset
