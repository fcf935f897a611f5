"""Prepares the servers: creates topics, migrates every service's schema, publishes a first policy.

`python -m infra.setup` does it for the servers that the settings name; doing it again changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from time import monotonic

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from infra.errors import LeadstreamError, SettingsError
from infra.kafka import build_producer
from infra.postgres import prepare_schema
from infra.settings import Settings
from policy import Policy
from policy.loading import PolicyError, load_policy
from schemas.base import Cause, derived_id, new_traceparent
from schemas.events import PolicyPublished, PublishedPolicy
from schemas.topics import POLICIES, TOPICS, Topic

LEADER_SECONDS = 30.0
SERVICES = ("capture", "enrich", "score", "route", "nurture", "metrics")


async def create_topics(settings: Settings, topics: tuple[Topic, ...] = TOPICS) -> list[str]:
    """Creates the topics that are missing; returns their names.

    Raises:
        SettingsError: a topic is there with another number of partitions.

    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in topics if settings.topic(topic.name) not in there]
        if missing:
            await _create(admin, settings, missing)
        await _check_partitions(admin, settings, topics)
    finally:
        await admin.close()
    return [topic.name for topic in missing]


def partitions_of(topic: Topic, settings: Settings) -> int:
    """How many partitions the topic has in this stack."""
    return 1 if topic.partitions == 1 else settings.partitions


async def _create(admin: AIOKafkaAdminClient, settings: Settings, topics: list[Topic]) -> None:
    new = [
        NewTopic(
            name=settings.topic(topic.name),
            num_partitions=partitions_of(topic, settings),
            replication_factor=settings.replication,
            topic_configs=dict(topic.settings),
        )
        for topic in topics
    ]
    response = await admin.create_topics(new, timeout_ms=30_000)
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise SettingsError(f"Kafka does not create {name}: {error.__name__} {' '.join(map(str, message))}")


async def _check_partitions(admin: AIOKafkaAdminClient, settings: Settings, topics: tuple[Topic, ...]) -> None:
    names = [settings.topic(topic.name) for topic in topics]
    deadline = monotonic() + LEADER_SECONDS
    while not (leaders := await _leaders(admin, names)).keys() >= set(names) or not all(map(all, leaders.values())):
        if monotonic() > deadline:
            raise SettingsError(
                f"after {LEADER_SECONDS:.0f} s Kafka has no leader for every partition; look at its log"
            )
        await asyncio.sleep(0.05)
    for topic in topics:
        found, wanted = len(leaders[settings.topic(topic.name)]), partitions_of(topic, settings)
        if found != wanted:
            raise SettingsError(
                f"{settings.topic(topic.name)} has {found} partitions, not {wanted}. Their number can't change: set "
                f"LEADSTREAM_PARTITIONS={found}, or begin a new generation with another LEADSTREAM_TOPIC_PREFIX"
            )


async def _leaders(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, list[bool]]:
    """For each topic that Kafka knows, whether each partition has a leader."""
    described = await admin.describe_topics(names)
    return {
        each["topic"]: [partition["leader"] >= 0 and not partition["error_code"] for partition in each["partitions"]]
        for each in described
        if not each["error_code"] and each["partitions"]
    }


async def publish_policy(settings: Settings, policy: Policy, effective_at: datetime, published_by: str) -> None:
    """Writes a policy to `leads.policies`; running services take it up by themselves."""
    identity = derived_id("policy", policy.version, policy.content_hash(), effective_at.isoformat())
    event = PolicyPublished.create(
        cause=Cause(id=identity, lead_id=f"policy-{identity[:16]}", traceparent=new_traceparent(identity)),
        service="cli",
        time=datetime.now(UTC),
        data=PublishedPolicy(
            version=policy.version,
            effective_at=effective_at,
            published_by=published_by,
            policy=policy.model_dump(mode="json"),
        ),
        policy=policy.version,
    )
    producer = await build_producer(settings)
    try:
        await producer.send_and_wait(
            settings.topic(POLICIES.name), event.to_json(), key=policy.version.encode(), partition=0
        )
    finally:
        await producer.stop()


async def has_policy(settings: Settings) -> bool:
    """Whether any policy has been published."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka)
    await consumer.start()
    try:
        tp = TopicPartition(settings.topic(POLICIES.name), 0)
        consumer.assign([tp])
        return int((await consumer.end_offsets([tp]))[tp]) > 0
    finally:
        await consumer.stop()


async def prepare(settings: Settings, policy_path: Path) -> list[str]:
    """Does all of it; returns what was done, a line each."""
    done = [f"topic {name}" for name in await create_topics(settings)]
    for service in SERVICES:
        done += [f"{service}: {name}" for name in await asyncio.to_thread(prepare_schema, settings, service)]
    if not await has_policy(settings):
        policy = load_policy(policy_path)
        await publish_policy(settings, policy, datetime(2000, 1, 1, tzinfo=UTC), getuser())
        done.append(f"policy {policy.version}")
    return done


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m infra.setup", description=__doc__)
    parser.add_argument("--policy", type=Path, default=Path("policy.yaml"), help="published when there is none yet")
    arguments = parser.parse_args()
    try:
        done = asyncio.run(prepare(Settings(), arguments.policy))
    except (LeadstreamError, PolicyError, KafkaError, OSError) as error:
        sys.stderr.write(f"setup: {error}\n")
        return 1
    sys.stdout.write("\n".join(done or ["everything is in place"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
