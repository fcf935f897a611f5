"""What was asked for while the database went away is done when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
import psycopg
import pytest

from infra.postgres import Connection, connect
from infra.settings import Settings
from runtime import commands
from runtime.effects import EffectRunner
from schemas.base import Cause, new_traceparent
from schemas.events import Command, CommandIssued
from tests.support.harness import Harness, eventually, harness

pytestmark = pytest.mark.stack


@pytest.fixture
async def ours(settings: Settings) -> AsyncIterator[Harness]:
    async with harness(settings, "alpha") as opened:
        yield opened


class Phone:
    """Remembers what it was asked to do."""

    repeatable = True

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def perform(self, kind: str, payload: Mapping[str, Any]) -> tuple[Literal["done", "failed"], str]:
        self.calls.append(payload["n"])
        return "done", kind


class CutOff(EffectRunner):
    """Loses its connection at the moment it takes partitions over, once."""

    cut = False

    async def _adopt(self, connection: Connection, partitions: Collection[int]) -> None:
        if not self.cut:
            self.cut = True
            async with await psycopg.AsyncConnection.connect(self._settings.dsn(), autocommit=True) as admin:
                await admin.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
        await super()._adopt(connection, partitions)


async def test_an_effect_is_performed_though_the_connection_broke_when_its_turn_came(ours: Harness) -> None:
    body = orjson.dumps({"kind": "call", "payload": {"n": 7}, "cause": {}})
    async with await connect(ours.settings, "alpha") as connection:
        await connection.execute(
            "insert into effects (effect_id, lead_id, partition, body) values ('e', 'l', 3, %s)", (body,)
        )
    phone = Phone()
    runner = CutOff("alpha", ours.settings, ours.clock, phone, lambda: None)
    running = asyncio.create_task(runner.run())
    runner.own([3])

    async def called() -> bool:
        if running.done():
            running.result()
        return phone.calls == [7]

    try:
        await eventually(called, seconds=20)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_order_waits_for_the_database(ours: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [psycopg.OperationalError("away"), ConnectionRefusedError()]

    async def sometimes(settings: Settings, service: str) -> Connection:
        if away:
            raise away.pop()
        return await connect(settings, service)

    monkeypatch.setattr(commands, "connect", sometimes)
    order = CommandIssued.create(
        cause=Cause(id="order", lead_id="all", traceparent=new_traceparent("order")),
        service="cli",
        time=datetime.now(UTC),
        data=Command(service="all", command="pause", issued_by="test"),
    )
    assert await commands.obey_patiently(ours.settings, "alpha", order.to_json()) == "done"
    assert await ours.rows("select value from alpha.control where key = 'paused'") == [("true",)]
