"""Wires metrics: the only place where its parts meet."""

from __future__ import annotations

import asyncio

import psycopg
import structlog
from prometheus_client import REGISTRY

from infra.postgres import pool
from infra.settings import Settings
from runtime.publish import FaultPoint, no_faults
from runtime.service import ServiceSpec
from services.metrics.api import routes
from services.metrics.gauges import refresh
from services.metrics.prometheus import BusinessMetrics
from services.metrics.stage import MetricsStage

log = structlog.get_logger()

REFRESH_SECONDS = 5.0


def parts(settings: Settings | None = None, probe: FaultPoint = no_faults) -> ServiceSpec:
    """The service's parts, nothing connected yet."""
    settings = settings or Settings()
    metrics = BusinessMetrics(REGISTRY)
    connections = pool(settings, "metrics")

    async def keep_gauges(ours: ServiceSpec) -> None:
        async with connections:
            while True:
                try:
                    await refresh(metrics, connections.connection, ours.worker.owned)
                except psycopg.OperationalError as error:
                    log.warning("the funnel gauges wait for the database", error=type(error).__name__)
                await asyncio.sleep(REFRESH_SECONDS)

    return ServiceSpec(
        stage=MetricsStage(metrics, settings.partitions),
        settings=settings,
        routes=lambda _: routes(connections.connection, settings.admin_token),
        tasks=(keep_gauges,),
        probe=probe,
    )
