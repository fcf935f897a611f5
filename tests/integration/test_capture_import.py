"""A list imported through the real API into a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from rich.console import Console

from cli.importer import ImportOptions, import_csv
from cli.importing.sending import HttpClient
from infra.clock import ManualClock
from infra.http import build_application
from schemas.events import LeadCaptured
from services.capture.http.access import Access
from services.capture.http.api import CaptureApi
from services.capture.intake import Intake
from services.capture.store import eraser
from tests.integration.capture_database import PARTITIONS, Connect, capture_connect, capture_settings, events, running
from tests.integration.test_capture_api import in_force
from tests.unit.capture.capture_cases import NOW

pytestmark = pytest.mark.stack
__all__ = ["capture_connect", "capture_settings"]

QUIET = Console(quiet=True)


@pytest.fixture
async def http_client(capture_connect: Connect) -> AsyncIterator[HttpClient]:
    intake = Intake(capture_connect, PARTITIONS)
    api = CaptureApi(intake, Access(["token"]), ManualClock(NOW), in_force, eraser(capture_connect, PARTITIONS))
    async with running(intake), TestServer(build_application(lambda: "", api.routes())) as server:
        yield HttpClient(str(server.make_url("/")).rstrip("/"), "token")


async def test_a_list_of_the_past_becomes_history_once(
    tmp_path: Path, capture_connect: Connect, http_client: HttpClient
) -> None:
    path = tmp_path / "crm.csv"
    rows = [f"P{n % 120};p{n % 120}@example.com;{2024 + n % 2}-03-0{1 + n % 9};topic {n}" for n in range(240)]
    path.write_text(
        "\n".join(["Full Name;Work Email;Created;Interest", *rows, "nobody;;2024-01-01;x"]), encoding="utf-8"
    )

    def run() -> tuple[int, int, int, int]:
        done = import_csv(path, ImportOptions(history=True), http_client, QUIET)
        return done.accepted, done.new_leads, done.repeated, done.refused

    assert await asyncio.to_thread(run) == (240, 120, 0, 1)
    assert await asyncio.to_thread(run) == (0, 0, 240, 1)
    captured = await events(await capture_connect(), "leads.captured")
    assert len(captured) == 240
    first = captured[0]
    assert isinstance(first, LeadCaptured)
    assert (first.mode, first.time.year, first.data.origin.channel) == ("history", 2024, "csv_import")
    assert first.data.person.answers == {"Interest": "topic 0"}
