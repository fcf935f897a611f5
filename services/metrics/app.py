"""Wires metrics: the only place where its parts meet."""

from __future__ import annotations

from prometheus_client import REGISTRY

from infra.postgres import pool
from infra.settings import Settings
from runtime.publish import FaultPoint, no_faults
from runtime.service import ServiceSpec
from services.metrics.gauges import keep_refreshed
from services.metrics.http.api import routes
from services.metrics.stage import MetricsStage
from services.metrics.telemetry import BusinessMetrics


def parts(settings: Settings | None = None, probe: FaultPoint = no_faults) -> ServiceSpec:
    """Builds the service's parts, nothing connected yet."""
    settings = settings or Settings()
    metrics = BusinessMetrics(REGISTRY)
    connections = pool(settings, "metrics")

    async def keep_gauges(spec: ServiceSpec) -> None:
        async with connections:
            await keep_refreshed(metrics, connections.connection, lambda: spec.worker.owned)

    return ServiceSpec(
        stage=MetricsStage(metrics, settings.partitions),
        settings=settings,
        routes=lambda _: routes(connections.connection, settings.admin_token),
        tasks=(keep_gauges,),
        probe=probe,
    )
