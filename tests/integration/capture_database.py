"""A real database with capture's schema, and looks into what was stored there."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.postgres import Connection, connect, prepare_schema
from infra.settings import Settings
from schemas.base import Event
from schemas.topics import BY_NAME
from services.capture.intake import Intake
from services.capture.store import prepare
from tests.support.servers import Servers

PARTITIONS = 12

Connect = Callable[[], Awaitable[Connection]]


@pytest.fixture(scope="module")
def capture_settings(stack: Servers) -> Iterator[Settings]:
    """A schema of the module's own, migrated, and dropped afterwards."""
    settings = Settings.model_validate({"postgres": stack.postgres, "schema_prefix": f"t{uuid.uuid4().hex[:10]}_"})
    prepare_schema(settings, "capture")
    yield settings
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(settings.schema_of("capture"))))
        admin.execute(sql.SQL("drop role {}").format(sql.Identifier(settings.role_of("capture"))))


@pytest.fixture
async def capture_connect(capture_settings: Settings) -> AsyncIterator[Connect]:
    """Opens connections as capture does, to empty tables; they are closed afterwards."""
    opened: list[Connection] = []

    async def open_one() -> Connection:
        connection = await connect(capture_settings, "capture")
        await prepare(connection)
        opened.append(connection)
        return connection

    await (await open_one()).execute("truncate identities, submissions, intake")
    yield open_one
    for connection in opened:
        await connection.close()


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[Intake]:
    """Runs the intake's group commits meanwhile."""
    task = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    return await (await connection.execute(query.encode())).fetchall()


async def events(connection: Connection, topic: str | None = None) -> list[Event]:
    """What is to be published, in the order it was written."""
    found = await rows(connection, "select topic, value from intake order by id")
    return [BY_NAME[name].decode(value) for name, value in found if topic in (None, name)]
