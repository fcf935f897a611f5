"""The metrics service as a process: what is written to the topics shows in its API and in Prometheus."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from aiokafka import AIOKafkaProducer

from infra.partitioner import partition_of
from infra.settings import Settings
from infra.setup import prepare
from schemas.base import Event
from schemas.topics import TOPICS
from tests.support.prometheus import Prometheus, prometheus
from tests.support.waiting import until
from tests.unit.log.exported_events import erased
from tests.unit.metrics import ledger_events as e

ROOT = Path(__file__).parent.parent.parent
TOPIC_OF = {event: topic.name for topic in TOPICS for event in topic.events}
TOKEN = "a-token-of-the-test"
LEADS = 30


@pytest.fixture
async def prepared(settings: Settings) -> Settings:
    await prepare(settings, ROOT / "policy.yaml")
    return settings


@pytest.fixture
def service(prepared: Settings, stack_env: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The service's address, once it is ready."""
    environment = {**os.environ, **stack_env, "LEADSTREAM_ADMIN_TOKEN": TOKEN, "LEADSTREAM_HTTP_PORT": "0"}
    log = tmp_path / "metrics.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.metrics"],
            env=environment | {"PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def ready() -> str | None:
        assert process.poll() is None, log.read_text(errors="replace")
        ports = [
            connection.laddr.port
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        return next((f"127.0.0.1:{port}" for port in ports if _is_ready(port)), None)

    try:
        address = until(ready, "the metrics service is ready", 60)
        assert address is not None
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


@pytest.fixture
async def write(prepared: Settings) -> AsyncIterator[Any]:
    """Writes events to their topics, as strangers do: without our headers."""
    async with AIOKafkaProducer(bootstrap_servers=prepared.kafka) as producer:

        async def send(*events: Event) -> None:
            for event in events:
                key = event.subject.encode()
                await producer.send_and_wait(
                    prepared.topic(TOPIC_OF[type(event)]),
                    event.to_json(),
                    key=key,
                    partition=partition_of(key, prepared.partitions),
                )

        yield send


def asked(service: str, path: str) -> Any:
    return requests.get(f"http://{service}{path}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)


def story(number: int) -> list[Event]:
    lead, came = f"lead-{number}", e.origin(f"s{number}", number)
    return [
        e.met("owned", number + 0.3, came, lead=lead),
        e.assigned(number + 0.3, came=came, lead=lead),
        e.captured(number, f"s{number}", lead=lead),
        e.scored(number + 0.2, came=came, lead=lead),
    ]


def reached(service: str) -> dict[str, int]:
    report = asked(service, "/v1/funnel").json()
    return {row["stage"]: row["leads"] for row in report["total"]["stages"] if row["leads"]}


async def shown(service: str, leads: int) -> None:
    """Waits until the funnel tells of so many leads, at every stage that a story reaches."""
    expected = dict.fromkeys(("captured", "scored", "mql", "assigned"), leads)
    await asyncio.to_thread(until, lambda: reached(service) == expected, f"the funnel shows {expected}")


async def test_what_is_written_to_the_topics_shows_in_the_api_and_in_prometheus(
    service: str, write: Any, tmp_path: Path
) -> None:
    for number in range(LEADS):
        await write(*story(number))
    await write(e.rejected())
    await shown(service, LEADS)
    await write(erased(10_000, "lead-0"))
    await shown(service, LEADS - 1)
    [owned] = [row for row in asked(service, "/v1/sla").json()["rows"] if row["sla"] == "owned"]
    assert (owned["key"], owned["met"], owned["breached"]) == ("hot", LEADS - 1, 0)
    assert asked(service, "/v1/leads/lead-1").json()["rep"] == "kim"
    assert asked(service, "/v1/leads/lead-0").status_code == 404

    with prometheus({"metrics": service}, tmp_path) as server:
        await asyncio.to_thread(check_scraped, server)


def check_scraped(server: Prometheus) -> None:
    def value(expr: str) -> float:
        return float(server.wait_for(expr)[0]["value"][1])

    assert value('sum(leadstream_submissions_total{channel="web_form"})') == LEADS
    assert value('sum(leadstream_time_to_owner_seconds_bucket{le="0.5"})') == LEADS
    assert value('sum(leadstream_sla_results_total{sla="owned", result="met", band="hot", team="emea"})') == LEADS
    assert value('sum(leadstream_rejections_total{reason="no_contact"})') == 1
    assert value('sum(leadstream_events_total{service="metrics", result="done"})') >= 4 * LEADS
    server.wait_for(f'sum(leadstream_funnel_leads{{stage="captured"}}) == {LEADS - 1}')
    assert server.failed_rules() == []
    assert server.unhealthy() == []
