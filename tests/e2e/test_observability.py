"""What SREs and RevOps look at, on the running services: scraped by a real Prometheus under the shipped rules."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.prometheus import Panel, Prometheus, panel_queries, prometheus
from tests.support.running import Running
from tests.support.waiting import until

pytestmark = pytest.mark.deadline(300)


@pytest.fixture(scope="module")
def watching(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    targets = {worker: urlsplit(url).netloc for worker, url in running.workers.items()}
    with prometheus(targets, tmp_path_factory.mktemp("prometheus")) as ours:
        with running.client() as client:
            for number in range(20):
                lead = {"email": f"{uuid.uuid4().hex[:12]}@acme.example", "title": "CEO", "source": "demo"}
                answer = client.post("/v1/leads", json=lead)
                assert answer.status_code == 202
                if number % 2:  # the others are left to the sequences
                    call = {"lead_id": answer.json()["lead_id"], "channel": "call"}
                    assert client.post("/v1/touches", json=call).status_code == 202
        ours.wait_for('sum(leadstream_sla_results_total{result="met"}) >= 20', seconds=120)
        ours.wait_for('sum(leadstream_sla_results_total{sla="contacted", result="met"}) >= 10', seconds=120)
        yield ours


def test_every_service_says_that_it_is_alive_and_ready(running: Running) -> None:
    for url in running.workers.values():
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"status": "ready"}


def test_every_service_is_scraped_and_every_rule_evaluated(watching: Prometheus) -> None:
    until(lambda: not watching.unhealthy(), "every service is scraped", 60)
    assert watching.failed_rules() == []


@pytest.mark.parametrize("panel", panel_queries(), ids=str)
def test_every_panel_can_be_asked(watching: Prometheus, panel: Panel) -> None:
    """That each has an answer while leads flow is shown by the integration tests of metrics."""
    watching.query(panel.runnable())


@pytest.mark.parametrize(
    "expr",
    [
        "count(max by (service) (leadstream_ready) == 1) == 6",
        'sum(leadstream_funnel_leads{stage="assigned"}) >= 20',
        'sum(leadstream_sla_results_total{sla="owned", result="met"}) >= 20',
        "sum(leadstream_time_to_owner_seconds_count) >= 20",
    ],
)
def test_the_numbers_of_the_running_services_arrive(watching: Prometheus, expr: str) -> None:
    watching.wait_for(expr, seconds=60)


def test_no_service_grows_past_its_memory(running: Running) -> None:
    for worker, url in running.workers.items():
        text = httpx.get(f"{url}/metrics", trust_env=False).text
        line = next(line for line in text.splitlines() if line.startswith("process_resident_memory_bytes"))
        assert float(line.split()[1]) < 150 * 1024 * 1024, worker
