"""The publisher forgets nothing, whatever the broker or the moment does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.kafka import build_producer
from infra.settings import Settings
from runtime.fence import OutboxRow
from runtime.publish import Publisher
from runtime.sequence import stamp_of
from tests.support.bare import PONGS
from tests.support.harness import Harness, harness

pytestmark = pytest.mark.stack

NAMES = dict.fromkeys(range(12), b"alpha@1")


@pytest.fixture
async def ours(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings) as opened:
        yield opened


def row(sequence: int) -> OutboxRow:
    return OutboxRow(0, PONGS.name, sequence, b"lead0", b"{}")


async def published(ours: Harness) -> list[int]:
    return [stamp.sequence for record in await ours.read(PONGS) if (stamp := stamp_of(record.headers))]


@pytest.mark.parametrize("error", [KafkaConnectionError("away"), ConnectionError("reset"), TimeoutError()])
async def test_a_broker_that_is_away_while_a_producer_is_built_is_waited_for(
    ours: Harness, error: KafkaError | OSError
) -> None:
    away = [error, error]

    async def build() -> AIOKafkaProducer:
        if away:
            raise away.pop()
        return await build_producer(ours.settings)

    publisher = Publisher(build, ours.settings.topic)
    publisher.names = NAMES
    try:
        publisher.add([row(1), row(2)])
        await asyncio.wait_for(publisher.drained(), timeout=30)
        assert await published(ours) == [1, 2]
    finally:
        await publisher.close()


async def test_an_event_added_at_the_moment_a_lane_runs_dry_is_published_too(ours: Harness) -> None:
    publisher = Publisher(lambda: build_producer(ours.settings), ours.settings.topic)
    publisher.names = NAMES
    try:
        publisher.add([row(1)])
        (task,) = publisher._tasks.values()
        # Step by step with the loop: the publisher has not been told yet that its task is done.
        while not task.done():  # noqa: ASYNC110  # an event would come too late
            await asyncio.sleep(0)
        publisher.add([row(2)])
        await asyncio.wait_for(publisher.drained(), timeout=30)
        assert await published(ours) == [1, 2]
    finally:
        await publisher.close()
