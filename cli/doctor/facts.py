"""The facts that are checked, without a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from log.lag import TopicState
from log.policies import PublishedPolicy
from runtime.inspect import SchemaState
from schemas.events import EventDead


@dataclass(frozen=True)
class KafkaFacts:
    """The broker and what is in the log. `error` says why the rest is empty.

    Attributes:
        dead: dead letters of the last day.
    """

    error: str = ""
    brokers: int = 0
    topics: tuple[TopicState, ...] = ()
    policies: tuple[PublishedPolicy, ...] = ()
    dead: tuple[EventDead, ...] = ()


@dataclass(frozen=True)
class SchemaFacts:
    """One service's part of the database.

    Attributes:
        state: how it is.
        expected: migration → SHA-256 of the file that belongs to this release.
    """

    state: SchemaState
    expected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PostgresFacts:
    """The database. `error` says why the rest is empty.

    Attributes:
        version: such as 180001 for 18.1.
        skew: seconds that its clock is ahead of this machine's.
        schemas: by service.
    """

    error: str = ""
    version: int = 0
    skew: float = 0.0
    schemas: Mapping[str, SchemaFacts] = field(default_factory=dict)


@dataclass(frozen=True)
class RedisFacts:
    """The cache."""

    error: str = ""
    version: str = ""


@dataclass(frozen=True)
class ServiceFacts:
    """What a service says of itself.

    Attributes:
        url: empty where nothing says where it is.
        ready: whether it is.
        reason: why it is not.
    """

    url: str = ""
    ready: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Behind:
    """A service has records of one partition left to read.

    Attributes:
        records: how many.
        since: when the next one was written; None where that is not known.
        gap: what is missing before the next one, or nothing.
    """

    service: str
    topic: str
    partition: int
    records: int
    since: datetime | None = None
    gap: str = ""


@dataclass(frozen=True)
class StackFacts:
    """Everything.

    Attributes:
        now: this machine's time.
        stack_time: the stack's time, which travels in a demo.
        logs: the folder of the services' logs, where this machine runs them.
    """

    now: datetime
    stack_time: datetime
    kafka_address: str
    partitions: int
    kafka: KafkaFacts
    postgres: PostgresFacts
    redis: RedisFacts
    services: Mapping[str, ServiceFacts]
    behind: tuple[Behind, ...] = ()
    logs: str = ""
