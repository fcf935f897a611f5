"""Prometheus itself scrapes a process that shows all our metrics, and every rule and dashboard query has an answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.children import tied
from tests.support.metrics_exporter import SERVICES
from tests.support.prometheus import Panel, Prometheus, metrics_named_in, panel_queries, prometheus, rules
from tests.support.waiting import until

ROOT = Path(__file__).parent.parent.parent

SILENT_ALERTS = (
    "LeadstreamServiceDown",
    "LeadstreamWorkerDown",
    "LeadstreamNotReady",
    "LeadstreamPaused",
    "LeadstreamSequenceGap",
)


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    """Address of a process with every metric."""
    process = subprocess.Popen(
        tied([sys.executable, "-m", "tests.support.metrics_exporter"]), stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="module")
def scraped(exporter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus after a few scrapes and at least one turn of every rule."""
    services = dict.fromkeys(SERVICES, exporter)
    with prometheus(services, tmp_path_factory.mktemp("prometheus")) as server:
        server.wait_for(f"count(up == 1) == {len(SERVICES)}")
        server.wait_for("min(count_over_time(leadstream_lag[5m])) >= 5")
        until(lambda: not server.unevaluated_rules(), "every rule has been evaluated")
        yield server


def test_every_service_is_scraped(scraped: Prometheus) -> None:
    assert scraped.unhealthy() == []
    assert {row["metric"]["component"] for row in scraped.query("up == 1")} == set(SERVICES)


def test_no_rule_fails(scraped: Prometheus) -> None:
    assert scraped.failed_rules() == []


@pytest.mark.parametrize("record", [rule["record"] for rule in rules() if "record" in rule])
def test_every_recording_rule_records_something(scraped: Prometheus, record: str) -> None:
    scraped.wait_for(record)


@pytest.mark.parametrize("panel", panel_queries(), ids=str)
def test_every_panel_shows_something(scraped: Prometheus, panel: Panel) -> None:
    scraped.wait_for(panel.runnable())


def test_rules_and_panels_read_only_metrics_that_exist(scraped: Prometheus) -> None:
    exposed = scraped.exposed()
    read = set().union(
        *(metrics_named_in(rule["expr"]) for rule in rules()), *(metrics_named_in(p.expr) for p in panel_queries())
    )
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert read - exposed - recorded == set()


@pytest.mark.parametrize("alert", SILENT_ALERTS)
def test_no_alert_fires_about_a_service_that_is_well(scraped: Prometheus, alert: str) -> None:
    assert scraped.query(f'ALERTS{{alertname="{alert}"}}') == []


def test_a_dead_letter_is_alerted_about(scraped: Prometheus) -> None:
    scraped.wait_for('ALERTS{alertname="LeadstreamDeadLetters", alertstate="firing", service="score"}')


def test_the_exporter_serves_what_every_service_serves(exporter: str) -> None:
    for path in ("healthz", "readyz", "metrics"):
        assert requests.get(f"http://{exporter}/{path}", timeout=5).status_code == 200
