"""Every alert fires when it should, is silent when it should, and says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.prometheus import DEPLOY, load_yaml, programs, rules

PROMETHEUS = DEPLOY / "prometheus"
CASES = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}
WORTH_AN_ALERT = {
    "lag grows": "LeadstreamLagGrowing",
    "nothing moves": "LeadstreamNoProgress",
    "a sequence gap": "LeadstreamSequenceGap",
    "dead letters": "LeadstreamDeadLetters",
    "much is rejected": "LeadstreamRejectedRateHigh",
    "the fence is lost often": "LeadstreamFenceLostOften",
    "a service is down": "LeadstreamServiceDown",
    "hot leads' SLA is broken": "LeadstreamHotLeadSlaBroken",
    "time to owner": "LeadstreamTimeToOwnerSlow",
    "the outbox is stuck": "LeadstreamOutboxStuck",
}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [programs() / "promtool", *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=PROMETHEUS
    )


def anchors(markdown: str) -> set[str]:
    """The anchors that the headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", markdown, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def alert_tests() -> list[dict[str, Any]]:
    return [case for path in CASES for test in load_yaml(path)["tests"] for case in test.get("alert_rule_test", ())]


@pytest.mark.parametrize("config", ["prometheus.yml", "prometheus.local.yml"])
def test_the_configuration_and_its_rules_are_valid(config: str) -> None:
    done = promtool("check", "config", "--lint=all", "--lint-fatal", config)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_alerts_fire_and_keep_silent_as_they_should(case: Path) -> None:
    done = promtool("test", "rules", case)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_broken_alert_is_found(tmp_path: Path) -> None:
    """The check itself: with a threshold out of reach, the same cases fail."""
    for name in ("recording.yml", "alerts.yml"):
        text = (PROMETHEUS / "rules" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("(leadstream_sequence_gap) == 1", "(leadstream_sequence_gap) == 9"))
    case = (PROMETHEUS / "tests" / "flow.yml").read_text(encoding="utf-8").replace("../rules/", "")
    (tmp_path / "flow.yml").write_text(case)
    done = promtool("test", "rules", tmp_path / "flow.yml")
    assert done.returncode != 0
    assert "LeadstreamSequenceGap" in done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_where_it_fires_and_one_where_it_does_not(alert: str) -> None:
    expected = [bool(case["exp_alerts"]) for case in alert_tests() if case["alertname"] == alert]
    assert set(expected) == {True, False}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_it_means_and_where_its_runbook_is(alert: str) -> None:
    annotations = ALERTS[alert]["annotations"]
    assert set(annotations) == {"summary", "description", "runbook_url"}
    page, _, anchor = annotations["runbook_url"].partition("#")
    assert anchor in anchors((DEPLOY.parent / page).read_text(encoding="utf-8"))


def test_every_section_of_the_runbook_belongs_to_an_alert() -> None:
    linked = {rule["annotations"]["runbook_url"].partition("#")[2] for rule in ALERTS.values()}
    text = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
    assert anchors(text) - {"runbook"} == linked
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= linked


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_a_page_or_a_ticket(alert: str) -> None:
    assert ALERTS[alert]["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("alert", WORTH_AN_ALERT.values(), ids=WORTH_AN_ALERT)
def test_there_is_an_alert_when(alert: str) -> None:
    assert alert in ALERTS
