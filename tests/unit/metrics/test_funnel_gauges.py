"""The gauges wait for a database that is away, whatever it says when it goes."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import psycopg
import pytest
from prometheus_client import CollectorRegistry
from typing_extensions import override

from infra.postgres import Connection
from services.metrics import gauges
from services.metrics.telemetry import BusinessMetrics


class Away(AbstractAsyncContextManager[Connection]):
    """A connection that is never there; each attempt counts."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault
        self.attempts = 0
        self.tried_again = asyncio.Event()

    @override
    async def __aenter__(self) -> Connection:
        self.attempts += 1
        if self.attempts > 1:
            self.tried_again.set()
        raise self.fault

    @override
    async def __aexit__(self, *_: object) -> None:
        return


@pytest.mark.parametrize(
    "fault",
    [
        psycopg.OperationalError("away"),
        psycopg.InterfaceError("closed"),
        psycopg.errors.ReadOnlySqlTransaction("a stand-by"),
        psycopg.errors.TransactionTimeout("frozen"),
        ConnectionResetError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_fault_that_passes_is_waited_for(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "REFRESH_SECONDS", 0)
    away = Away(fault)
    task = asyncio.create_task(
        gauges.keep_refreshed(BusinessMetrics(CollectorRegistry()), lambda: away, lambda: frozenset({0}))
    )
    waiting = asyncio.create_task(away.tried_again.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert not task.done()
    assert away.tried_again.is_set()
    task.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)
