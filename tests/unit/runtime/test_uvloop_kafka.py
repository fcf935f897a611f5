"""A connection that uvloop has closed is a broken one to aiokafka, and not an error that nobody expects."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from infra.kafka import expect_uvloop


async def sent_after_the_end(send: Any) -> None:
    """Sends on a connection whose transport is closed, and that nobody has told of it."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection: Any = AIOKafkaConnection("127.0.0.1", port)
        connection._reader, writer = await asyncio.open_connection("127.0.0.1", port)
        connection._writer, connection._versions = writer, {MetadataRequest.API_KEY: (0, 1)}
        connection._read_task = asyncio.create_task(connection._reader.read())
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
        try:
            send(connection, MetadataRequest([]))
        finally:
            connection._read_task.cancel()
            connection._writer = connection._reader = None


def test_a_connection_that_uvloop_closed_is_told_as_broken() -> None:
    expect_uvloop()
    expect_uvloop()  # once is enough, and twice does no harm
    with pytest.raises(KafkaConnectionError, match="closed"):
        uvloop.run(sent_after_the_end(AIOKafkaConnection.send))


def test_without_that_it_is_an_error_that_ends_the_task_that_meets_it() -> None:
    expect_uvloop()
    with pytest.raises(RuntimeError, match="closed"):
        uvloop.run(sent_after_the_end(vars(AIOKafkaConnection)["send"].__wrapped__))
