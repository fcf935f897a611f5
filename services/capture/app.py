"""Wires capture: the only place where its parts meet."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from infra.postgres import Connection, connect
from infra.settings import Settings
from runtime.publish import FaultPoint, no_faults
from runtime.service import ServiceSpec
from services.capture.http.access import Access
from services.capture.http.api import CaptureApi
from services.capture.intake import PACE, Intake
from services.capture.stage import CaptureStage
from services.capture.store import eraser


def parts(settings: Settings | None = None, probe: FaultPoint = no_faults) -> ServiceSpec:
    """The service's parts, nothing connected yet."""
    settings = settings or Settings()

    async def connected() -> Connection:
        return await connect(settings, CaptureStage.name)

    intake = Intake(connected, settings.partitions, pace=PACE * settings.pace)

    async def accept(_: ServiceSpec) -> None:
        await intake.run()

    def routes(ours: ServiceSpec) -> Iterable[web.AbstractRouteDef]:
        api = CaptureApi(
            intake,
            access_of(settings),
            ours.clock,
            lambda: ours.policies.book.at(ours.clock.now()),
            eraser(connected, settings.partitions),
        )
        return api.routes()

    return ServiceSpec(stage=CaptureStage(), settings=settings, routes=routes, tasks=(accept,), probe=probe)


def access_of(settings: Settings) -> Access:
    """Who may send what."""
    admins = (settings.admin_token.get_secret_value(),) if settings.admin_token else ()
    return Access((token.get_secret_value() for token in settings.capture_tokens), settings.form_keys, admins)
