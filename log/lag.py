"""How the topics are, and how many records of them a service has not read yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import TopicPartition

from infra.settings import Settings
from log.connections import kafka_admin
from log.reader import Log
from schemas.topics import TOPICS, Topic

OWN_READERS = ("leads.policies", "leads.commands")
"""Topics that every worker reads for itself: no position of theirs is kept."""

SHOWN_SETTINGS = ("retention.ms", "cleanup.policy")
SMALL_FETCH = 16 * 1024
"""Bytes that are enough to look at single records."""


class ReadPosition(Protocol):
    """How far a service is in one partition number of all its topics; a `runtime.inspect.FenceView` is one."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """Topic → next offset to read."""
        ...


Positions = Mapping[int, ReadPosition]
"""A service's positions, by partition number."""


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

    def lag(self, positions: Positions) -> int:
        """Counts the records that a service at these positions has not read yet."""
        return sum(self.behind(positions).values())

    def behind(self, positions: Positions) -> dict[int, int]:
        """Counts the same by partition, where there are any."""
        left = {number: end - self.position(positions, number) for number, end in self.ends.items()}
        return {number: count for number, count in left.items() if count > 0}

    def position(self, positions: Positions, number: int) -> int:
        """Gives the offset that a service at these positions reads next."""
        read = positions[number].offsets.get(self.topic.name, 0) if number in positions else 0
        return max(read, self.begins[number])


def readers_of(topic: Topic) -> tuple[str, ...]:
    """Gives the services whose positions in the topic are kept."""
    return () if topic.name in OWN_READERS else topic.consumers


async def topic_states(log: Log, settings: Settings) -> list[TopicState]:
    """Reads the state of every topic of the stream, whether it is there or not."""
    there = [topic for topic in TOPICS if log.counts.get(topic.name)]
    places = log.places(there)
    begins, ends = await log.begins(places), await log.ends(places)
    full = [place for place in places if begins[place] < ends[place]]
    first = await timestamps(log, {place: begins[place] for place in full})
    last = await timestamps(log, {place: ends[place] - 1 for place in full})
    configured = await _settings_of(there, settings)
    states = []
    for topic in TOPICS:
        name = settings.topic(topic.name)
        ours = [place for place in places if place.topic == name]
        states.append(
            TopicState(
                topic=topic,
                partitions=log.counts.get(topic.name, 0),
                settings=configured.get(topic.name, {}),
                begins={place.partition: begins[place] for place in ours},
                ends={place.partition: ends[place] for place in ours},
                oldest=min((first[place] for place in ours if place in first), default=None),
                newest=max((last[place] for place in ours if place in last), default=None),
            )
        )
    return states


async def timestamps(log: Log, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """Reads when the record at each offset was written; none where compaction has removed it."""
    found = await records_at(log, offsets)
    return {place: datetime.fromtimestamp(record.timestamp / 1_000, UTC) for place, record in found.items()}


async def records_at(log: Log, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
    """Reads the record at each offset."""
    ends = {place: offset + 1 for place, offset in offsets.items()}
    return {TopicPartition(record.topic, record.partition): record async for record in log.read(offsets, ends)}


async def _settings_of(topics: Iterable[Topic], settings: Settings) -> dict[str, dict[str, str]]:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    wanted = {settings.topic(topic.name): topic for topic in topics}
    # An empty answer's name for each: only what the topic's definition sets is asked for.
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, name, configs=dict.fromkeys({*topic.settings, *SHOWN_SETTINGS}))
        for name, topic in wanted.items()
    ]
    found: dict[str, dict[str, str]] = {}
    async with kafka_admin(settings) as admin:
        for response in await admin.describe_configs(resources) if resources else ():
            for code, _, _, name, entries in response.resources:
                if not code:
                    found[wanted[name].name] = {key: value for key, value, *_ in entries}
    return found


def lags_of(state: TopicState, positions: Mapping[str, Positions]) -> dict[str, int]:
    """Counts the records that each service which reads the topic has not read yet; `positions` by service."""
    return {service: state.lag(positions[service]) for service in readers_of(state.topic) if service in positions}
