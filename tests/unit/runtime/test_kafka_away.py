"""What `/readyz` says while Kafka does not answer a service that has nothing to read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, GroupCoordinatorNotAvailableError

from infra.settings import Settings
from runtime import partition_consumer
from runtime.fence import FenceRow
from runtime.partition_consumer import KAFKA_AWAY, PartitionConsumer
from tests.support.bare import Alpha


class Silent:
    """A consumer whose broker answers as it is told, or not at all."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = list(answers)

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("bare.pings", 0)}

    async def commit(self, positions: Any) -> None:
        assert positions == {TopicPartition("bare.pings", 0): 7}
        if not self._answers:
            await asyncio.Event().wait()
        if (error := self._answers.pop(0)) is not None:
            raise error


async def problems(monkeypatch: pytest.MonkeyPatch, *answers: Exception | None, asked: int) -> list[str]:
    monkeypatch.setattr(partition_consumer, "COMMIT_PATIENCE", 0.01)
    ours = PartitionConsumer(Alpha(), Settings(), lambda: None)
    ours.fences = {0: FenceRow(0, 1, 0, offsets={"bare.pings": 7})}
    monkeypatch.setattr(ours, "_consumer", Silent(*answers))
    told = []
    for _ in range(asked):
        await ours.report_positions()
        told.append(ours.problem())
    return told


async def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await problems(monkeypatch, None, asked=2) == ["", KAFKA_AWAY]


async def test_it_is_over_with_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    away = GroupCoordinatorNotAvailableError()
    assert await problems(monkeypatch, away, None, asked=2) == [KAFKA_AWAY, ""]
    assert await problems(monkeypatch, away, CommitFailedError(), asked=2) == [KAFKA_AWAY, ""]
