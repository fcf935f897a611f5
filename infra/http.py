"""What every service serves: `/metrics`, `/healthz`, `/readyz`; a service may add its own routes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra.errors import SettingsError
from infra.settings import Settings

PROCESS = "Leadstream-Process"
"""Header of `/readyz`: who answers. Another stack's service may sit on the port that was meant for ours."""
MOST_BODY = 1024 * 1024
"""Bytes that a request's body may have; more is answered with 413."""


def build_application(
    ready: Callable[[], str],
    routes: Iterable[web.AbstractRouteDef] = (),
    middlewares: Iterable[Middleware] = (),
) -> web.Application:
    """The service's HTTP application. `ready` says why it is not ready, or nothing."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        problem = ready()
        body = {"status": "not ready", "reason": problem} if problem else {"status": "ready"}
        return web.json_response(body, status=503 if problem else 200, headers={PROCESS: str(os.getpid())})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application(client_max_size=MOST_BODY, middlewares=list(middlewares))
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    application.add_routes(routes)
    return application


async def serve(application: web.Application, settings: Settings) -> tuple[web.AppRunner, int]:
    """Listens; returns the runner and the port, which the system chose where none is set.

    Raises:
        SettingsError: the port is taken.

    """
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    site = web.TCPSite(runner, settings.http_host, settings.http_port, backlog=1024, reuse_port=None)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError(
            f"port {settings.http_port} is taken; set LEADSTREAM_HTTP_PORT to a free one, or to 0 for any"
        ) from error
    port: int = runner.addresses[0][1]
    return runner, port
