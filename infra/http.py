"""What every service serves over HTTP: `/metrics`, `/healthz`, `/readyz`; and what their own routes share.

That is how secrets are compared and how JSON and problems (RFC 9457) are answered.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from infra.errors import SettingsError
from infra.settings import Settings

PROCESS = "Leadstream-Process"
"""Header of `/readyz`: who answers. Another stack's service may sit on the port that was meant for ours."""
MOST_BODY = 1024 * 1024
"""Bytes that a request's body may have; more is answered with 413."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="leadstream"'}
"""Header of an answer with status 401."""


class Secrets:
    """A set of secrets that a given one is compared with in constant time, whatever its length."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Keeps only the secrets' hashes. Empty ones are left out: nothing sent must never be enough."""
        self._hashes = [_hash(secret) for secret in secrets if secret]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def contain(self, given: str) -> bool:
        """Tells whether `given` is one of them."""
        hashed = _hash(given)
        found = False
        for secret in self._hashes:  # all of them, so that the time tells nothing of which one matched
            found |= hmac.compare_digest(secret, hashed)
        return found

    def admit(self, authorization: str | None) -> bool:
        """Tells whether an `Authorization` header bears one of them."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and self.contain(token.strip())


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def as_json(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Makes a JSON answer; a problem (RFC 9457) when the status says so."""
    kind = "application/problem+json" if status >= 400 else "application/json"
    return web.Response(body=orjson.dumps(body), status=status, content_type=kind, headers=headers)


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
