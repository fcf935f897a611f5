"""Connections to Kafka for reading back: no consumer group, so nobody's position moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from infra.settings import Settings

CLIENT_ID = "leadstream-log"
TIMEOUT_MS = 10_000
FETCH_BYTES = 1024 * 1024


@asynccontextmanager
async def log_consumer(settings: Settings, fetch_bytes: int = FETCH_BYTES) -> AsyncIterator[AIOKafkaConsumer]:
    """Opens a consumer without a group, which fetches up to so many bytes of a partition at a time."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        client_id=CLIENT_ID,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=TIMEOUT_MS,
        max_partition_fetch_bytes=fetch_bytes,
    )
    try:
        await consumer.start()
        await asyncio.sleep(0)  # aiokafka trips over its own tasks when it is stopped before they have begun
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def kafka_admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Opens a client that asks Kafka about its topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, client_id=CLIENT_ID, request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
