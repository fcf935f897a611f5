"""Reads the log outside any consumer group: from one place to another, or on and on. Nobody's position moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.partitioner import partition_of
from infra.settings import Settings
from log.connections import FETCH_BYTES, kafka_admin, log_consumer
from log.errors import LogUnavailable
from log.personal import without_personal
from log.progress import ReportProgress
from schemas.base import Event
from schemas.events import LeadErased
from schemas.strict import Malformed
from schemas.topics import BY_NAME, ERASED, Topic

Offsets = Mapping[TopicPartition, int]

POLL_MS = 500
EMPTY_POLLS = 60
"""Polls without a record, though more must come, after which the broker is taken for stuck."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record, and the event in it.

    Attributes:
        topic: where it stands.
        record: as the consumer gave it.
        event: None where it can't be read.
        problem: why it can't be read.
    """

    topic: Topic
    record: Any
    event: Event | None
    problem: str = ""

    @property
    def written_at(self) -> datetime:
        """When it was written to the log."""
        return datetime.fromtimestamp(self.record.timestamp / 1_000, UTC)

    @property
    def key(self) -> str:
        """The record's key as text."""
        return (self.record.key or b"").decode("utf-8", "replace")


def read_record(topic: Topic, record: Any) -> LogRecord:
    """Decodes a record. What can't be decoded gives no error, but the reason in `problem`."""
    if not topic.events:
        return LogRecord(topic, record, None, "not an event")
    try:
        return LogRecord(topic, record, topic.decode(record.value or b""))
    except Malformed as error:
        first = error.problems[0]
        place = first.at.strip("/").replace("/", ".") or "the whole"
        return LogRecord(topic, record, None, f"not an event of this topic ({place}: {first.what})")


class Log:
    """The topics of one stack."""

    def __init__(self, consumer: AIOKafkaConsumer, settings: Settings, counts: Mapping[str, int]) -> None:
        self._consumer = consumer
        self._settings = settings
        self.counts = counts
        """How many partitions each topic has that is there."""
        self._announced: set[TopicPartition] = set()
        self._topics = {settings.topic(name): topic for name, topic in BY_NAME.items()}

    def decode(self, record: Any) -> LogRecord:
        """Decodes a record of one of our topics."""
        return read_record(self._topics[record.topic], record)

    def places(self, topics: Iterable[Topic], key: str | None = None) -> list[TopicPartition]:
        """Lists the topics' partitions; of those that leads are spread over, only the one of `key`.

        Raises:
            LogUnavailable: a topic is not there.
        """
        found = []
        for topic in topics:
            count = self.counts.get(topic.name)
            if not count:
                raise LogUnavailable(
                    f"Kafka at {self._settings.kafka} has no topic {self._settings.topic(topic.name)}. Create what is "
                    "missing with `python -m infra.setup`, or correct LEADSTREAM_KAFKA or LEADSTREAM_TOPIC_PREFIX"
                )
            numbers = range(count) if key is None else (partition_of(key.encode(), count),)
            found += [TopicPartition(self._settings.topic(topic.name), number) for number in numbers]
        return found

    async def begins(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Asks for the first offset of each."""
        self._announce(places)
        return dict(await self._consumer.beginning_offsets(list(places)))

    async def ends(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Asks for the offset that the next record of each will have."""
        self._announce(places)
        return dict(await self._consumer.end_offsets(list(places)))

    async def at(self, places: Collection[TopicPartition], moment: datetime) -> dict[TopicPartition, int]:
        """Asks for the offset of the first record written at `moment` or later."""
        ends = await self.ends(places)
        milliseconds = max(int(moment.timestamp() * 1_000), 0)
        found = await self._consumer.offsets_for_times(dict.fromkeys(ends, milliseconds))
        return {place: found[place].offset if found.get(place) else end for place, end in ends.items()}

    async def read(self, begins: Offsets, ends: Offsets, report: ReportProgress | None = None) -> AsyncIterator[Any]:
        """Reads the records in [begins, ends), each partition in its order.

        Raises:
            LogUnavailable: the broker stops delivering before the end.
        """
        left = {place: end for place, end in ends.items() if begins[place] < end}
        total = sum(end - begins[place] for place, end in left.items())
        if not left:
            return
        self._assign({place: begins[place] for place in left})
        done, empty = 0, 0
        while left:
            fetched = await self._consumer.getmany(*left, timeout_ms=POLL_MS)
            empty = 0 if fetched else empty + 1
            if empty > EMPTY_POLLS:
                raise LogUnavailable("Kafka delivers no more though there are records left")
            for place, records in fetched.items():
                for record in records:
                    if record.offset < left[place]:
                        yield record
                done += len(records)
            for place in [place for place in left if await self._consumer.position(place) >= left[place]]:
                del left[place]
                self._consumer.pause(place)
            if report is not None:
                report(min(done, total), total)

    async def follow(self, begins: Offsets) -> AsyncIterator[Any]:
        """Reads the records from there on, for ever; those that arrive together in the order they were written."""
        self._assign(begins)
        while True:
            fetched = await self._consumer.getmany(timeout_ms=POLL_MS)
            for record in merge(*fetched.values(), key=lambda record: int(record.timestamp)):
                yield record

    def _announce(self, places: Collection[TopicPartition]) -> None:
        """Lets the consumer ask at once where the partitions are; without that it tries, fails and waits a second."""
        unknown = set(places) - self._announced
        if unknown:
            self._announced |= unknown
            self._consumer.assign(list(self._announced))
            self._consumer.pause(*self._announced)

    def _assign(self, begins: Offsets) -> None:
        self._consumer.assign(list(begins))
        for place, offset in begins.items():
            self._consumer.seek(place, offset)

    async def erasures(self, key: str | None = None) -> dict[str, datetime]:
        """Reads when each lead was last erased: events of it from before then are not to be shown."""
        places = self.places((ERASED,), key)
        moments: dict[str, datetime] = {}
        async for record in self.read(await self.begins(places), await self.ends(places)):
            event = read_record(ERASED, record).event
            if isinstance(event, LeadErased):
                moments[event.subject] = max(event.time, moments.get(event.subject, event.time))
        return moments


def document_of(found: LogRecord, *, personal: bool) -> dict[str, Any]:
    """Gives the event as JSON, as it stands on the topic; of a record that is none, where it is and why."""
    if found.event is None:
        record = found.record
        return {
            "unreadable": found.problem,
            "topic": found.topic.name,
            "partition": record.partition,
            "offset": record.offset,
            "bytes": len(record.value or b""),
        }
    document: dict[str, Any] = orjson.loads(found.record.value)
    return document if personal else without_personal(document)


def is_erased(event: Event, erasures: Mapping[str, datetime]) -> bool:
    """Says whether the event is about a person who was erased since."""
    return not isinstance(event, LeadErased) and event.subject in erasures and event.time <= erasures[event.subject]


@asynccontextmanager
async def open_log(settings: Settings, fetch_bytes: int = FETCH_BYTES) -> AsyncIterator[Log]:
    """Opens the log; up to `fetch_bytes` of a partition are fetched at a time."""
    async with kafka_admin(settings) as admin:
        described = await admin.describe_topics()
    there = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
    counts = {name: there[settings.topic(name)] for name in BY_NAME if settings.topic(name) in there}
    async with log_consumer(settings, fetch_bytes) as consumer:
        yield Log(consumer, settings, counts)
