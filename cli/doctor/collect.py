"""Collects the facts; that a server is away is a fact, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import time
from typing import Any

import psycopg
import redis
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from cli.context import CommandFailed, Stack, ask, database, ping_redis
from cli.doctor.facts import Behind, KafkaFacts, PostgresFacts, RedisFacts, SchemaFacts, ServiceFacts, StackFacts
from infra.errors import SettingsError
from infra.postgres import Connection, migrations_of
from infra.settings import Settings
from infra.setup import SERVICES
from log.connections import kafka_admin
from log.errors import LogUnavailable
from log.lag import SMALL_FETCH, TopicState, readers_of, records_at, topic_states
from log.policies import read_policies
from log.reader import Log, open_log
from runtime.inspect import Fences, read_fences, read_schema
from runtime.sequence import Verdict, judge, seen_key, stamp_of
from schemas.events import EventDead
from schemas.topics import DEAD

HEALTH_SECONDS = 5.0
RECENT = timedelta(days=1)
MOST_DEAD = 10_000
KAFKA_AWAY = (KafkaError, OSError, LogUnavailable)
POSTGRES_AWAY = (psycopg.Error, SettingsError)


async def collect(stack: Stack) -> StackFacts:
    """Collects all facts about the stack."""
    settings, now = stack.settings, datetime.now(UTC)
    postgres, cache, services = await asyncio.gather(
        _postgres(settings), asyncio.to_thread(_redis, settings), _services(stack)
    )
    kafka, behind = await _kafka(settings, now)
    return StackFacts(
        now=now,
        stack_time=stack.clock.now(),
        kafka_address=settings.kafka,
        partitions=settings.partitions,
        kafka=kafka,
        postgres=postgres,
        redis=cache,
        services=services,
        behind=behind,
        logs=str(stack.folder / "logs") if stack.runs else "",
    )


# -- Kafka -------------------------------------------------------------------------------------------------------------


async def _kafka(settings: Settings, now: datetime) -> tuple[KafkaFacts, tuple[Behind, ...]]:
    try:
        async with kafka_admin(settings) as admin:
            brokers = len((await admin.describe_cluster())["brokers"])
        async with open_log(settings, SMALL_FETCH) as log:
            topics = tuple(await topic_states(log, settings))
            there = {state.topic.name for state in topics if state.partitions}
            policies = tuple(await read_policies(log)) if "leads.policies" in there else ()
            dead = await _recent_dead(log, now) if DEAD.name in there else ()
            behind = await _behind(log, settings, topics)
    except KAFKA_AWAY as error:
        return KafkaFacts(error=f"{type(error).__name__}: {error}"), ()
    return KafkaFacts(brokers=brokers, topics=topics, policies=policies, dead=dead), behind


async def _recent_dead(log: Log, now: datetime) -> tuple[EventDead, ...]:
    places = log.places((DEAD,))
    begins, ends = await log.at(places, now - RECENT), await log.ends(places)
    # Of a flood of them the latest are enough.
    begins = {place: max(begins[place], end - MOST_DEAD) for place, end in ends.items()}
    found = {}
    async for record in log.read(begins, ends):
        event = log.decode(record).event
        if isinstance(event, EventDead):
            found[event.id] = event
    return tuple(found.values())


async def _behind(log: Log, settings: Settings, topics: tuple[TopicState, ...]) -> tuple[Behind, ...]:
    """Collects what services have not read, how old the next record is, and whether a gap lies before it."""
    try:
        async with database(settings) as connection:
            fences = await read_fences(connection, settings, SERVICES)
    except POSTGRES_AWAY:
        return ()
    found: list[Behind] = []
    for service, theirs in fences.items():
        read = [state for state in topics if service in readers_of(state.topic)]
        places = {
            TopicPartition(settings.topic(state.topic.name), number): state
            for state in read
            for number in state.behind(theirs)
        }
        offsets = {place: state.position(theirs, place.partition) for place, state in places.items()}
        records = await records_at(log, offsets)
        found += [_left(service, theirs, state, place, records.get(place)) for place, state in places.items()]
    return tuple(found)


def _left(service: str, fences: Fences, state: TopicState, place: TopicPartition, record: Any) -> Behind:
    return Behind(
        service,
        state.topic.name,
        place.partition,
        records=state.behind(fences)[place.partition],
        since=datetime.fromtimestamp(record.timestamp / 1_000, UTC) if record else None,
        gap=_gap(record, state, fences) if record else "",
    )


def _gap(record: Any, state: TopicState, fences: Fences) -> str:
    stamp = stamp_of(record.headers)
    if stamp is None:
        return ""
    fence = fences.get(record.partition)
    last = fence.seen.get(seen_key(state.topic.name, stamp.producer)) if fence else None
    from_start = state.begins[record.partition] == 0
    if judge(last, stamp.sequence, from_start=from_start) is not Verdict.GAP:
        return ""
    return f"{stamp.producer} jumps from sequence {last or 0} to {stamp.sequence}"


# -- Postgres ----------------------------------------------------------------------------------------------------------


async def _postgres(settings: Settings) -> PostgresFacts:
    try:
        async with database(settings) as connection:
            version, skew = await _version_and_skew(connection)
            schemas = {service: await _schema(connection, settings, service) for service in SERVICES}
    except POSTGRES_AWAY as error:
        return PostgresFacts(error=str(error).strip() or type(error).__name__)
    return PostgresFacts(version=version, skew=skew, schemas=schemas)


async def _version_and_skew(connection: Connection) -> tuple[int, float]:
    await connection.execute("select 1")  # the first round trip is slower than the one that is measured
    before = time()
    cursor = await connection.execute("select current_setting('server_version_num')::int, clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1].timestamp() - (before + time()) / 2


async def _schema(connection: Connection, settings: Settings, service: str) -> SchemaFacts:
    others = [other for other in SERVICES if other != service]
    return SchemaFacts(await read_schema(connection, settings, service, others), _expected(service))


def _expected(service: str) -> Mapping[str, str]:
    """Names and fingerprints a service's migrations as `infra.postgres` does."""
    return {
        f"{path.parent.parent.name}/{path.name}": sha256(path.read_text(encoding="utf-8").encode()).hexdigest()
        for path in migrations_of(service)
    }


# -- the others --------------------------------------------------------------------------------------------------------


def _redis(settings: Settings) -> RedisFacts:
    try:
        return RedisFacts(version=ping_redis(settings))
    except (redis.RedisError, OSError, ValueError) as error:
        return RedisFacts(error=str(error) or type(error).__name__)


async def _services(stack: Stack) -> dict[str, ServiceFacts]:
    answers = await asyncio.gather(*(asyncio.to_thread(_service, stack, service) for service in SERVICES))
    return dict(zip(SERVICES, answers, strict=True))


def _service(stack: Stack, service: str) -> ServiceFacts:
    try:
        url = stack.url(service)
    except CommandFailed:
        return ServiceFacts()
    try:
        answer = ask(f"{url}/readyz", seconds=HEALTH_SECONDS)
    except CommandFailed as error:
        return ServiceFacts(url, reason=str(error))
    reason = answer.body.get("reason", "") if isinstance(answer.body, dict) else ""
    return ServiceFacts(url, ready=answer.good, reason=str(reason) or f"it answers {answer.status}")
