"""The fixtures keep their word: a test finds names of its own on real servers."""

from __future__ import annotations

from pathlib import Path

import psycopg
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local.embedded.postgres import Postgres
from tests.support.servers import Servers


async def test_a_record_comes_back_from_a_topic_of_this_test(stack: Servers, topic_prefix: str) -> None:
    topic = f"{topic_prefix}echo"
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=stack.kafka) as producer:
        await producer.send_and_wait(topic, b"hello")
    async with AIOKafkaConsumer(topic, bootstrap_servers=stack.kafka, auto_offset_reset="earliest") as consumer:
        record = await consumer.getone()
    assert record.value == b"hello"


def test_a_database_is_empty(database: str) -> None:
    with psycopg.connect(database) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
        assert tables == (0,)


def test_only_the_databases_of_tests_may_lose_commits_to_a_power_cut(tmp_path: Path) -> None:
    for power_safe, fsync in ((True, "fsync=on"), (False, "fsync=off")):
        command = Postgres(tmp_path, 1, "secret", power_safe=power_safe).command().argv
        assert fsync in command
        assert "synchronous_commit=on" in command


def test_a_redis_database_is_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
