"""The API's door and its parameters. What it answers from the database is in tests/integration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from services.metrics.domain.reports import Span
from services.metrics.http.api import routes
from services.metrics.http.queries import BadQueryError, known_only, one_of, span_of

TOKEN = "a-token-of-the-test"
ADMIN = SecretStr(TOKEN)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def database_away() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    raise psycopg.OperationalError("connection refused")
    yield  # type: ignore[unreachable]  # makes it a context manager


@asynccontextmanager
async def client(token: SecretStr | None = ADMIN) -> AsyncIterator[TestClient[Any, Any]]:
    app = web.Application()
    app.add_routes(routes(database_away, token))
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/v1/funnel", "/v1/sla", "/v1/leads/lead-1"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer é"},
    ],
)
async def test_nobody_reads_without_the_token(path: str, headers: Mapping[str, str]) -> None:
    async with client() as http, http.get(path, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("token", [None, SecretStr("")])
async def test_without_a_token_set_there_is_no_open_default(token: SecretStr | None) -> None:
    async with client(token) as http, http.get("/v1/funnel", headers={"Authorization": "Bearer "}) as answer:
        assert answer.status == 503
        assert "LEADSTREAM_ADMIN_TOKEN" in (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/v1/funnel?by=colour", "by"),
        ("/v1/funnel?from=yesterday", "from"),
        ("/v1/funnel?from=2026-02-02&to=2026-02-01", "to"),
        ("/v1/funnel?form=2026-02-02", "form"),
        ("/v1/funnel?mode=dead", "mode"),
        ("/v1/sla?by=source", "by"),
        ("/v1/sla?to=2026-02-02T10:00:00", "to"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, parameter: str) -> None:
    async with client() as http, http.get(path, headers=BEARER) as answer:
        assert answer.status == 400
        problem = await answer.json(content_type=None)
        assert (answer.content_type, problem["parameter"]) == ("application/problem+json", parameter)


async def test_a_database_that_is_away_is_said_to_be_and_when_to_come_back() -> None:
    async with client() as http, http.get("/v1/funnel", headers=BEARER) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_an_id_that_no_lead_can_have_is_not_even_looked_up() -> None:
    async with client() as http, http.get("/v1/leads/a%00b", headers=BEARER) as answer:
        assert answer.status == 404


def test_dates_are_midnights_in_utc_and_the_end_is_not_part_of_the_span() -> None:
    span = span_of({"from": "2026-01-31", "to": "2026-02-01"})
    assert (span.start, span.end) == (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["2026-01-31T10:00:00+02:00", "2026-01-31T10:00:00 02:00"])
def test_times_keep_their_zone_even_where_the_plus_was_not_escaped(text: str) -> None:
    assert span_of({"from": text}).start == datetime(2026, 1, 31, 10, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "2026-13-01", "1e9", "2026-01-01T00:00"])
def test_a_time_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadQueryError, match="from"):
        span_of({"from": text})


def test_reports_are_about_live_and_imported_leads_unless_told_otherwise() -> None:
    assert span_of({}) == Span(None, None, ("live", "history"))
    assert span_of({"mode": "shadow"}).modes == ("shadow",)


def test_the_first_choice_is_the_default() -> None:
    assert one_of({}, "by", ("channel", "band")) == "channel"


def test_a_misspelt_parameter_is_not_silently_ignored() -> None:
    with pytest.raises(BadQueryError, match="formm"):
        known_only({"formm": "x"}, frozenset({"from", "to"}))
