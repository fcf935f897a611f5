"""How the topics are, and how far each service has read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka import TopicPartition
from psycopg import sql

from cli.context import database, kafka_admin
from cli.log import Log
from infra.settings import Settings
from schemas.topics import TOPICS, Topic

OWN_READERS = ("leads.policies", "leads.commands")
"""Topics that every worker reads for itself: no position of theirs stands in a fence."""

CARED_FOR = ("retention.ms", "cleanup.policy")
SMALL_FETCH = 16 * 1024
"""Bytes that are enough to look at single records."""


@dataclass(frozen=True)
class FenceView:
    """How far a service is in one partition number of all its topics."""

    offsets: Mapping[str, int]
    """Topic → next offset to read."""
    seen: Mapping[str, int]
    """Topic and producer → highest sequence read."""


Fences = Mapping[int, FenceView]
"""A service's fences, by partition number."""


@dataclass(frozen=True)
class TopicState:
    """One topic on the cluster.

    Attributes:
        partitions: how many it has; 0 where it is missing.
        settings: those of its settings that we care about, as the cluster has them.
        begins: the first offset of each partition.
        ends: the offset after the last of each partition.
        oldest: when its first record was written.
        newest: when its last record was written.
    """

    topic: Topic
    partitions: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    begins: Mapping[int, int] = field(default_factory=dict)
    ends: Mapping[int, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def records(self) -> int:
        """How many it holds."""
        return sum(end - self.begins[number] for number, end in self.ends.items())

    def lag(self, fences: Fences) -> int:
        """How many records a service that has these fences has not read yet."""
        return sum(self.behind(fences).values())

    def behind(self, fences: Fences) -> dict[int, int]:
        """The same by partition, where there are any."""
        left = {number: end - self.position(fences, number) for number, end in self.ends.items()}
        return {number: count for number, count in left.items() if count > 0}

    def position(self, fences: Fences, number: int) -> int:
        """The offset that a service with these fences reads next."""
        read = fences[number].offsets.get(self.topic.name, 0) if number in fences else 0
        return max(read, self.begins[number])


def readers_of(topic: Topic) -> tuple[str, ...]:
    """The services whose positions in the topic stand in their fences."""
    return () if topic.name in OWN_READERS else topic.consumers


async def topic_states(log: Log, settings: Settings) -> list[TopicState]:
    """Every topic of the stream, whether it is there or not."""
    there = [topic for topic in TOPICS if log.counts.get(topic.name)]
    places = log.places(there)
    begins, ends = await log.begins(places), await log.ends(places)
    full = [place for place in places if begins[place] < ends[place]]
    first = await timestamps(log, {place: begins[place] for place in full})
    last = await timestamps(log, {place: ends[place] - 1 for place in full})
    settled = await _settings_of(there, settings)
    states = []
    for topic in TOPICS:
        name = settings.topic(topic.name)
        ours = [place for place in places if place.topic == name]
        states.append(
            TopicState(
                topic=topic,
                partitions=log.counts.get(topic.name, 0),
                settings=settled.get(topic.name, {}),
                begins={place.partition: begins[place] for place in ours},
                ends={place.partition: ends[place] for place in ours},
                oldest=min((first[place] for place in ours if place in first), default=None),
                newest=max((last[place] for place in ours if place in last), default=None),
            )
        )
    return states


async def timestamps(log: Log, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """When the record at each offset was written; none where compaction has removed it."""
    found = await records_at(log, offsets)
    return {place: datetime.fromtimestamp(record.timestamp / 1_000, UTC) for place, record in found.items()}


async def records_at(log: Log, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
    """The record at each offset."""
    ends = {place: offset + 1 for place, offset in offsets.items()}
    return {TopicPartition(record.topic, record.partition): record async for record in log.read(offsets, ends)}


async def _settings_of(topics: Iterable[Topic], settings: Settings) -> dict[str, dict[str, str]]:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    wanted = {settings.topic(topic.name): topic for topic in topics}
    # An empty answer's name for each: only what the topic's definition sets is asked for.
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys({*topic.settings, *CARED_FOR}))
        for name, topic in wanted.items()
    ]
    found: dict[str, dict[str, str]] = {}
    async with kafka_admin(settings) as admin:
        for response in await admin.describe_configs(resources) if resources else ():
            for code, _, _, name, entries in response.resources:
                if not code:
                    found[wanted[name].name] = {key: value for key, value, *_ in entries}
    return found


async def read_fences(settings: Settings, services: Iterable[str]) -> dict[str, Fences]:
    """How far each service is. A service whose schema is not there is left out."""
    fences: dict[str, Fences] = {}
    async with database(settings) as connection:
        for service in services:
            schema = settings.schema_of(service)
            known = await connection.execute("select to_regclass(%s)", (f'"{schema}".fence',))
            if (await known.fetchone() or (None,))[0] is None:
                continue
            query = sql.SQL("select partition, offsets, seen from {}").format(sql.Identifier(schema, "fence"))
            rows = await (await connection.execute(query)).fetchall()
            fences[service] = {number: FenceView(offsets, seen) for number, offsets, seen in rows}
    return fences
