"""Runs `leadstream` commands inside a test, against the session's servers and names of the test's own."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from cli.main import app
from infra import setup
from infra.kafka import build_producer
from infra.partitioner import partition_of
from infra.postgres import prepare_schema
from infra.settings import Settings
from log.connections import kafka_admin
from schemas.base import Event
from schemas.topics import TOPICS, Topic
from tests.support.servers import Servers

STARTER = Path("policy.yaml")


@dataclass(frozen=True)
class Terminal:
    """Types commands."""

    settings: Settings

    def run(self, *arguments: str, text: str | None = None) -> Result:
        """What a command printed and ended with."""
        return CliRunner().invoke(app, list(arguments), input=text)

    def good(self, *arguments: str) -> str:
        """What a command printed, that must end with 0."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def document(self, *arguments: str, code: int = 0) -> Any:
        """The JSON document that a command printed, and nothing else."""
        result = self.run(*arguments)
        assert result.exit_code == code, result.output
        return orjson.loads(result.stdout)

    def lines(self, *arguments: str) -> list[Any]:
        """The JSON documents that a command printed, one a line, and nothing else."""
        return [orjson.loads(line) for line in self.good(*arguments).splitlines()]

    def put(self, events: Iterable[tuple[Topic, Event]]) -> None:
        """Writes events as the services do."""
        self.put_bytes([(topic, event.subject.encode(), event.to_json()) for topic, event in events])

    def put_bytes(
        self, records: Iterable[tuple[Topic, bytes, bytes]], headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Writes any records."""
        asyncio.run(_put(self.settings, records, headers))

    def create_topics(self) -> None:
        """Creates every topic."""
        asyncio.run(setup.create_topics(self.settings, TOPICS))

    def create_schema(self, service: str) -> None:
        """Migrates a service's schema."""
        prepare_schema(self.settings, service)

    def execute(self, service: str, query: str, *values: Any) -> None:
        """Runs a statement in a service's schema."""
        with psycopg.connect(self.settings.dsn(), autocommit=True) as connection:
            path = sql.Identifier(self.settings.schema_of(service))
            connection.execute(sql.SQL("set search_path to {}").format(path))
            connection.execute(query.encode(), values)


async def _put(
    settings: Settings, records: Iterable[tuple[Topic, bytes, bytes]], headers: Sequence[tuple[str, bytes]]
) -> None:
    producer = await build_producer(settings)
    try:
        for topic, key, value in records:
            partition = partition_of(key, setup.partitions_of(topic, settings))
            await producer.send_and_wait(
                settings.topic(topic.name), value, key=key, partition=partition, headers=list(headers)
            )
    finally:
        await producer.stop()


@contextmanager
def own_names(stack: Servers) -> Iterator[Settings]:
    """Names of a module's own on the session's servers, gone afterwards; for tests that change nothing."""
    name = f"t{uuid.uuid4().hex[:10]}"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        settings = Settings.model_validate(
            {
                "kafka": stack.kafka,
                "postgres": make_conninfo(stack.postgres, dbname=name),
                "redis": stack.redis,
                "topic_prefix": f"{name}.",
            }
        )
        try:
            yield settings
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            asyncio.run(_delete_topics(settings))


@contextmanager
def prepared_names(stack: Servers) -> Iterator[Terminal]:
    """Such names, with topics, schemas and a first policy, as `python -m infra.setup` leaves them."""
    with own_names(stack) as settings:
        asyncio.run(setup.prepare(settings, STARTER))
        yield Terminal(settings)


async def _delete_topics(settings: Settings) -> None:
    async with kafka_admin(settings) as admin:
        ours = [topic for topic in await admin.list_topics() if topic.startswith(settings.topic_prefix)]
        if ours:
            await admin.delete_topics(ours)


def point_commands_at(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes these the only LEADSTREAM_* variables that commands see."""
    for name in os.environ:
        if name.startswith("LEADSTREAM_") and not name.startswith("LEADSTREAM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEADSTREAM_DATA", str(folder))
    monkeypatch.setenv("LEADSTREAM_KAFKA", settings.kafka)
    monkeypatch.setenv("LEADSTREAM_POSTGRES", settings.postgres.get_secret_value())
    monkeypatch.setenv("LEADSTREAM_REDIS", settings.redis.get_secret_value())
    monkeypatch.setenv("LEADSTREAM_TOPIC_PREFIX", settings.topic_prefix)
