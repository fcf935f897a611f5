"""Keeps the funnel gauges in step with the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import structlog

from infra.postgres import PASSING
from services.metrics.http.api import Connections
from services.metrics.store.counts import stage_counts
from services.metrics.telemetry import BusinessMetrics

log = structlog.get_logger()

REFRESH_SECONDS = 5.0


async def keep_refreshed(
    metrics: BusinessMetrics, connections: Connections, owned: Callable[[], Collection[int]]
) -> None:
    """Refreshes the gauges for ever; a database that is away is waited for."""
    while True:
        try:
            await refresh(metrics, connections, owned())
        except (*PASSING, OSError) as error:
            log.warning("the funnel gauges wait for the database", error=type(error).__name__)
        await asyncio.sleep(REFRESH_SECONDS)


async def refresh(metrics: BusinessMetrics, connections: Connections, owned: Collection[int]) -> None:
    """Shows how many leads of the owned partitions have reached each stage. Cheap: it reads counts, not leads."""
    async with connections() as connection:
        metrics.show_funnel(await stage_counts(connection, owned))
