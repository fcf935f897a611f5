"""Keeps the funnel gauges in step with the database."""

from __future__ import annotations

from collections.abc import Collection

from services.metrics.api import Connections
from services.metrics.prometheus import BusinessMetrics
from services.metrics.store import stage_counts


async def refresh(metrics: BusinessMetrics, connections: Connections, owned: Collection[int]) -> None:
    """Shows how many leads of the owned partitions have reached each stage. Cheap: it reads counts, not leads."""
    async with connections() as connection:
        metrics.show_funnel(await stage_counts(connection, owned))
