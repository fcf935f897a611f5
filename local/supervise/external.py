"""Servers that the settings name: not ours to start, but worth a clear word when they don't answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
import redis
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from infra.retry import call_until
from local.embedded.errors import ServerNotReady
from local.supervise.plan import Plan

NO_ANSWER = (KafkaError, psycopg.Error, redis.RedisError, OSError, ValueError)
"""All that a server which is being started, or an address which names none, may show as."""


def check_external(plan: Plan, seconds: float) -> None:
    """Wait for each server that a setting names.

    Raises:
        ServerNotReady: one does not answer within `seconds`; names the setting.
    """
    ours = {server.name for server in plan.servers}
    checks: dict[str, tuple[str, Callable[[str], None]]] = {
        "kafka": ("LEADSTREAM_KAFKA", _ask_kafka),
        "postgres": ("LEADSTREAM_POSTGRES", _ask_postgres),
        "valkey": ("LEADSTREAM_REDIS", _ask_redis),
    }
    deadline = time.monotonic() + seconds
    for name, (setting, ask) in checks.items():
        if name not in ours:
            _until(ask, plan.env[setting], setting, deadline)


def _until(ask: Callable[[str], None], address: str, setting: str, deadline: float) -> None:
    try:
        call_until(deadline, lambda: ask(address), NO_ANSWER)
    except NO_ANSWER as error:
        # Not the address itself: a DSN holds a password.
        raise ServerNotReady(
            f"The server that {setting} names does not answer: {error}. "
            f"Correct {setting}, or unset it to use the embedded one."
        ) from error


def _ask_kafka(address: str) -> None:
    async def list_topics() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=5_000)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()

    asyncio.run(list_topics())


def _ask_postgres(address: str) -> None:
    psycopg.connect(address, connect_timeout=5).close()


def _ask_redis(address: str) -> None:
    with redis.Redis.from_url(address, socket_timeout=5, socket_connect_timeout=5) as client:
        client.ping()
