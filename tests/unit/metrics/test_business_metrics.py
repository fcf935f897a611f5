"""What Prometheus is shown: live leads once, few labels, nothing personal."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from runtime.stage import Change
from schemas.base import Event
from services.metrics.domain.fold import fold
from services.metrics.domain.ledger import Ledger
from services.metrics.domain.tally import Tally
from services.metrics.telemetry import DISTINCT, BusinessMetrics
from tests.unit.metrics import ledger_events as e


class Shown:
    """Business metrics with a registry of their own, and what a scrape would find there."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = BusinessMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def commit(self, before: Ledger | None, *events: Event, tally: Tally | None = None) -> Ledger | None:
        after = before
        for event in events:
            after = fold(after, event) or after
        changes: Mapping[str, Change[Ledger]] = {e.LEAD: Change(0, before, after)}
        self.metrics.observe(tally or Tally(), changes)
        return after


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_time_to_owner_is_observed_once_and_under_its_band(shown: Shown) -> None:
    ledger = shown.commit(None, e.captured(0), e.scored(0.1), e.assigned(0.2))
    shown.commit(ledger, e.reassigned(60))
    assert shown.value("leadstream_time_to_owner_seconds_count", band="hot") == 1
    assert shown.value("leadstream_time_to_owner_seconds_bucket", band="hot", le="0.1") == 0
    assert shown.value("leadstream_time_to_owner_seconds_bucket", band="hot", le="0.25") == 1


def test_time_to_owner_is_observed_when_capture_is_the_last_to_be_read(shown: Shown) -> None:
    ledger = shown.commit(None, e.outcome("contacted", 40))
    assert shown.value("leadstream_time_to_contact_seconds_count", band="unknown") is None
    shown.commit(ledger, e.captured(0))
    assert shown.value("leadstream_time_to_contact_seconds_sum", band="unknown") == 40


def test_clocks_of_two_machines_that_disagree_give_no_negative_time(shown: Shown) -> None:
    shown.commit(None, e.captured(1), e.outcome("contacted", 0))
    assert shown.value("leadstream_time_to_contact_seconds_sum", band="unknown") == 0


def test_sla_results_are_counted_once_and_a_correction_takes_a_breach_back(shown: Shown) -> None:
    labels = {"sla": "contacted", "band": "hot", "team": "emea"}
    ledger = shown.commit(None, e.captured(), e.assigned())
    assert shown.value("leadstream_sla_results_total", result="breached", **labels) is None
    ledger = shown.commit(ledger, e.breached("contacted", 300))
    ledger = shown.commit(ledger, e.signal())
    shown.commit(ledger, e.met("contacted", 100))
    assert shown.value("leadstream_sla_results_total", result="breached", **labels) == 1
    assert shown.value("leadstream_sla_results_total", result="corrected", **labels) == 1
    assert shown.value("leadstream_sla_results_total", result="met", **labels) is None


def test_imported_leads_are_no_traffic(shown: Shown) -> None:
    tally = Tally()
    tally.submission(e.captured(mode="history"))
    shown.commit(None, e.captured(mode="history"), e.assigned(mode="history"), tally=tally)
    assert shown.value("leadstream_time_to_owner_seconds_count", band="unknown") is None
    assert shown.value("leadstream_submissions_total", channel="web_form") is None


def test_what_belongs_to_no_lead_is_counted_by_reason(shown: Shown) -> None:
    tally = Tally()
    tally.submission(e.captured())
    tally.rejection(e.rejected())
    tally.rejection(e.rejected(2))
    tally.dead_letter(e.dead())
    shown.metrics.observe(tally, {})
    assert shown.value("leadstream_submissions_total", channel="web_form") == 1
    assert shown.value("leadstream_rejections_total", channel="csv_import", reason="no_contact") == 2
    assert shown.value("leadstream_dead_letters_recorded_total", origin="score", reason="malformed") == 1


def test_a_flood_of_channel_names_does_not_flood_prometheus(shown: Shown) -> None:
    for number in range(DISTINCT + 20):
        tally = Tally()
        tally.submission(e.captured(channel=f"channel-{number}"))
        shown.metrics.observe(tally, {})
    lines = [
        line
        for line in generate_latest(shown.registry).decode().splitlines()
        if line.startswith("leadstream_submissions_total")
    ]
    assert len(lines) == DISTINCT + 1
    assert shown.value("leadstream_submissions_total", channel="other") == 20


def test_gauges_forget_what_is_no_longer_owned(shown: Shown) -> None:
    shown.metrics.show_funnel([("captured", "chat", "hot", 3), ("captured", "web_form", "hot", 5)])
    shown.metrics.show_funnel([("captured", "web_form", "hot", 6)])
    assert shown.value("leadstream_funnel_leads", stage="captured", channel="web_form", band="hot") == 6
    assert shown.value("leadstream_funnel_leads", stage="captured", channel="chat", band="hot") is None


def test_nothing_shown_names_a_person_or_a_lead(shown: Shown) -> None:
    shown.commit(None, e.captured(), e.scored(), e.assigned(), e.met("owned", 0.3))
    text = generate_latest(shown.registry).decode()
    for personal in ("ada", "example.com", "kim", e.LEAD):
        assert personal not in text
