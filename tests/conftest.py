"""What every test may ask for. One set of servers serves the session; names are fresh for each test."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra.settings import Settings
from local.embedded.stack import NAMES, EmbeddedStack
from tests.support.servers import Servers, servers

pytest_plugins = ("tests.support.children", "tests.support.deadlines")

# How properties are tried. A machine that others use may stall, which says nothing of the code: no example has a
# deadline, and none is thought too slow to draw. A build draws the same examples every time, so that it fails for a
# change and not by luck; everybody else's runs look for new ones.
hypothesis.register_profile(
    "development", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
hypothesis.register_profile("build", hypothesis.get_profile("development"), derandomize=True, database=None)
hypothesis.load_profile("build" if os.environ.get("CI") else "development")

#: Redis databases to choose from; 0 stays free for whoever looks around by hand.
REDIS_DATABASES = 15


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """On the build server a skipped test is a failed one: that machine can run them all."""
    skipped = terminalreporter.stats.get("skipped", [])
    if os.environ.get("CI") and skipped:
        terminalreporter.write_sep("=", f"{len(skipped)} skipped, and CI is set: that counts as failed", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Ends with 1 where `pytest_terminal_summary` says why."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def stack() -> Iterator[Servers]:
    """Kafka, Postgres and Valkey for the session: named by LEADSTREAM_TEST_…, in containers, or embedded."""
    with servers() as found:
        yield found


@pytest.fixture(scope="module")
def breakable_stack() -> Iterator[EmbeddedStack]:
    """A stack of the module's own, whose servers a test may kill and start again."""
    from tests.support.children import keeping  # not above: a plugin's asserts are rewritten as it is imported first

    with EmbeddedStack(power_safe=False) as own, keeping(lambda: [own.pid(name) for name in NAMES]):
        yield own


@pytest.fixture
def topic_prefix(stack: Servers) -> Iterator[str]:
    """Put before a topic's name, it makes the topic this test's own; such topics are deleted afterwards."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    yield prefix
    asyncio.run(_delete_topics(stack.kafka, prefix))


async def _delete_topics(bootstrap: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        ours = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        if ours:
            await admin.delete_topics(ours)
    finally:
        await admin.close()


@pytest.fixture
def database(stack: Servers) -> Iterator[str]:
    """The DSN of an empty database that is dropped afterwards, whoever is still connected."""
    name = f"t{uuid.uuid4().hex[:10]}"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield _with_database(stack.postgres, name)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _with_database(dsn: str, name: str) -> str:
    parts = conninfo_to_dict(dsn)
    return f"postgresql://{parts['user']}:{parts['password']}@{parts['host']}:{parts['port']}/{name}"


@pytest.fixture
def redis_url(stack: Servers) -> Iterator[str]:
    """A Redis database that is empty before and after."""
    base, _, _ = stack.redis.rpartition("/")
    url = f"{base}/{1 + uuid.uuid4().int % REDIS_DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def settings(stack: Servers, topic_prefix: str, database: str, redis_url: str) -> Settings:
    """Settings that point at the session's servers and at names of this test's own."""
    return Settings.model_validate(
        {"kafka": stack.kafka, "postgres": database, "redis": redis_url, "topic_prefix": topic_prefix}
    )


@pytest.fixture
def stack_env(settings: Settings) -> dict[str, str]:
    """The same as variables, for a process of its own."""
    return {
        "LEADSTREAM_KAFKA": settings.kafka,
        "LEADSTREAM_POSTGRES": settings.postgres.get_secret_value(),
        "LEADSTREAM_REDIS": settings.redis.get_secret_value(),
        "LEADSTREAM_TOPIC_PREFIX": settings.topic_prefix,
    }
