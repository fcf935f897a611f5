"""The servers that everything is measured on, and a place on them for each run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from infra import setup
from infra.postgres import prepare_schema
from infra.settings import Settings
from local.embedded.stack import EmbeddedStack
from policy.loading import load_policy
from schemas.topics import TOPICS, Topic

POLICY = Path("policy.yaml")


@dataclass(frozen=True)
class Servers:
    """Kafka, Postgres and Valkey as `make run` starts them: power-safe, on loopback, in a temporary folder."""

    stack: EmbeddedStack

    def settings(self) -> Settings:
        """A place of its own: fresh names for topics, groups, schemas and roles."""
        own = f"b{uuid.uuid4().hex[:8]}"
        return Settings.model_validate(
            {
                "kafka": self.stack.kafka.address,
                "postgres": self.stack.postgres.dsn(),
                "redis": self.stack.valkey.url,
                "topic_prefix": f"{own}.",
                "schema_prefix": f"{own}_",
            }
        )

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that each server has used so far."""
        return {name: cpu_seconds(self.stack.pid(name)) for name in ("kafka", "postgres")}


@contextmanager
def started() -> Iterator[Servers]:
    """Starts the servers; nothing of them stays."""
    with EmbeddedStack() as stack:
        yield Servers(stack)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, for a process of its own."""
    return {
        "LEADSTREAM_KAFKA": settings.kafka,
        "LEADSTREAM_POSTGRES": settings.postgres.get_secret_value(),
        "LEADSTREAM_REDIS": settings.redis.get_secret_value(),
        "LEADSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "LEADSTREAM_SCHEMA_PREFIX": settings.schema_prefix,
        "LEADSTREAM_LOG_LEVEL": "warning",
    }


async def prepare(settings: Settings, topics: tuple[Topic, ...], service: str) -> None:
    """Creates topics and one schema, and publishes the starter policy."""
    await setup.create_topics(settings, (*TOPICS, *topics))
    prepare_schema(settings, service)
    await setup.publish_policy(settings, load_policy(POLICY), datetime(2000, 1, 1, tzinfo=UTC), "bench")


def cpu_seconds(pid: int | None) -> float:
    """Processor time of a process and all that descend from it; 0 when it is gone."""
    if pid is None:
        return 0.0
    total = 0.0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for member in family:
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:  # ended since the list was made
            continue
        total += times.user + times.system
    return total
