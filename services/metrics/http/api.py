"""`/v1/funnel`, `/v1/sla`, `/v1/leads/{lead_id}`: what the ledger knows, for whoever has the admin token."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from typing import cast

import orjson
from aiohttp import web
from pydantic import SecretStr

from infra.http import CHALLENGE, Secrets, as_json
from infra.postgres import PASSING, Connection
from services.metrics.domain.reports import FUNNEL_BY, SLA_BY, FunnelBy, Report, SlaBy
from services.metrics.http.queries import BadQueryError, known_only, one_of, span_of
from services.metrics.store import reports

Connections = Callable[[], AbstractAsyncContextManager[Connection]]
"""Lends a connection that sees the service's schema, such as `AsyncConnectionPool.connection`."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LEAD_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
REPORT_PARAMETERS = frozenset({"by", "from", "to", "mode"})


def routes(connections: Connections, admin_token: SecretStr | None) -> list[web.RouteDef]:
    """Makes the API's routes. Without a token set, they answer 503 and say what to set: there is no open default."""

    async def funnel(request: web.Request) -> web.Response:
        known_only(request.query, REPORT_PARAMETERS)
        by = cast("FunnelBy", one_of(request.query, "by", FUNNEL_BY))
        span = span_of(request.query)
        async with connections() as connection:
            return _json(await reports.funnel(connection, by, span))

    async def sla(request: web.Request) -> web.Response:
        known_only(request.query, REPORT_PARAMETERS - {"mode"})
        by = cast("SlaBy", one_of(request.query, "by", SLA_BY))
        span = span_of(request.query)
        async with connections() as connection:
            return _json(await reports.sla(connection, by, span))

    async def lead(request: web.Request) -> web.Response:
        lead_id = request.match_info["lead_id"]
        found = None
        if LEAD_ID.fullmatch(lead_id):
            async with connections() as connection:
                found = await reports.lead(connection, lead_id)
        if found is None:
            return problem(404, "No such lead", "The ledger has no lead of this id.")
        return _json(found)

    return [
        web.get("/v1/funnel", _guarded(funnel, admin_token)),
        web.get("/v1/sla", _guarded(sla, admin_token)),
        web.get("/v1/leads/{lead_id}", _guarded(lead, admin_token)),
    ]


def problem(status: int, title: str, detail: str, **extra: object) -> web.Response:
    """Writes an error as RFC 9457 `application/problem+json`."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return as_json(body, status)


def _guarded(handler: Handler, admin_token: SecretStr | None) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        refused = _refusal(request, admin_token)
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except BadQueryError as error:
            return problem(400, "Wrong query parameter", str(error), parameter=error.parameter)
        except (*PASSING, OSError):
            answer = problem(503, "Database unavailable", "The ledger can't be read just now; try again shortly.")
            answer.headers["Retry-After"] = "5"
            return answer

    return checked


def _refusal(request: web.Request, admin_token: SecretStr | None) -> web.Response | None:
    if admin_token is None or not admin_token.get_secret_value():
        return problem(503, "Reports are locked", "Set LEADSTREAM_ADMIN_TOKEN and restart the metrics service.")
    if Secrets((admin_token.get_secret_value(),)).admit(request.headers.get("Authorization")):
        return None
    answer = problem(401, "Token needed", "Send `Authorization: Bearer` with the value of LEADSTREAM_ADMIN_TOKEN.")
    answer.headers.update(CHALLENGE)
    return answer


def _json(report: Report) -> web.Response:
    body = orjson.dumps(report, default=_plain, option=orjson.OPT_UTC_Z)
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})


def _plain(value: object) -> str:
    if isinstance(value, Decimal | datetime):
        return str(value)
    raise TypeError(f"a report can't hold {type(value).__name__}")
