"""A process that shows every metric of the runtime and of the metrics service, moving on at each scrape.

`python -m tests.support.metrics_exporter` prints its port. The metrics are the real ones, so a label that a rule or
dashboard asks for and the code doesn't have shows as an empty result.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from aiohttp import web

from infra.http import build_application
from runtime import telemetry
from services.metrics.domain.ledger import STAGES
from services.metrics.telemetry import BusinessMetrics

SERVICES = ("capture", "enrich", "score", "route", "nurture", "metrics")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Exporter:
    """Every metric, with samples."""

    def __init__(self) -> None:
        self.business = BusinessMetrics()
        self.business.show_funnel(
            (stage, channel, "hot", 100 - 5 * place)
            for place, stage in enumerate(STAGES)
            for channel in ("web_form", "chat")
        )
        self._scrapes = count(1)

    def move_on(self) -> None:
        """As if another second of traffic had passed."""
        scrape = next(self._scrapes)
        for service in SERVICES:
            self._runtime(service)
        telemetry.observe_lag("score", {("leads.enriched", 0): 5 * scrape, ("leads.signals", 3): 2})
        self._business()

    def _runtime(self, service: str) -> None:
        for result in ("done", "dropped_repeated", "dead"):
            telemetry.EVENTS.labels(service, "leads.scored", "leadstream.lead.scored.v1", result).inc(5)
        telemetry.BATCH_SECONDS.labels(service).observe(0.02)
        telemetry.BATCH_SIZE.labels(service).observe(40)
        telemetry.DELAY.labels(service).observe(0.03)
        telemetry.OUTBOX.labels(service).set(3)
        telemetry.DEAD.labels(service, "malformed").inc()
        telemetry.FENCE_LOST.labels(service).inc()
        telemetry.GAP.labels(service, "leads.scored").set(0)
        telemetry.DUPLICATES.labels(service, "leads.scored").inc()
        telemetry.TIMERS.labels(service).inc()
        telemetry.READY.labels(service).set(1)
        telemetry.PAUSED.labels(service).set(0)
        telemetry.OWNED.labels(service).set(12)
        telemetry.RETRIES.labels(service, "OperationalError").inc()
        telemetry.EFFECTS.labels(service, "email", "done").inc()

    def _business(self) -> None:
        shown = self.business
        shown.submissions.labels("web_form").inc(20)
        shown.rejections.labels("web_form", "no_contact").inc()
        shown.dead.labels("score", "malformed").inc()
        shown.to_owner.labels("hot").observe(0.2)
        shown.to_contact.labels("hot").observe(90)
        for sla in ("owned", "contacted"):
            for result, by in (("met", 9), ("breached", 3), ("corrected", 1)):
                shown.sla.labels(sla, result, "hot", "emea").inc(by)


def application() -> web.Application:
    """Serves /metrics, /healthz and /readyz as every service does."""
    exporter = Exporter()

    @web.middleware
    async def moving(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/metrics":
            exporter.move_on()
        return await handler(request)

    return build_application(lambda: "", middlewares=[moving])


async def main() -> None:
    """Serves until it is ended."""
    runner: Any = web.AppRunner(application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
