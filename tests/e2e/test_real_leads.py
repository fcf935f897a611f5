"""Real leads through the running stack: imported as history, answered by the funnel. See ../shared/data/README.md."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import Running
from tests.support.waiting import until

DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data"
MOST = 2_000
SECONDS = 180

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the real leads are not on this machine"),
    pytest.mark.deadline(3 * SECONDS),
]


def rows_of(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def imported(running: Running, path: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli.main", "import", str(path), "--history", "--json", *options]
    environment = {**os.environ, "LEADSTREAM_DATA": str(running.data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def report_outcomes(running: Running, outcomes: list[dict[str, Any]]) -> None:
    with running.client() as client:
        for start in range(0, len(outcomes), 100):
            answer = client.post("/v1/outcomes:batch", json=outcomes[start : start + 100])
            assert answer.status_code == 202, answer.text


def stages(running: Running, source: str) -> dict[str, int]:
    groups = running.metrics("/v1/funnel", by="source")["groups"]
    found: dict[str, Any] = next((group for group in groups if group["key"] == source), {"stages": []})
    return {stage["stage"]: stage["leads"] for stage in found["stages"]}


def wait_for_funnel(running: Running, source: str, **wanted: int) -> None:
    def reached() -> bool:
        found = stages(running, source)
        return {stage: found.get(stage) for stage in wanted} == wanted

    until(reached, f"a funnel of {source} with {wanted}", SECONDS)


def test_leads_of_an_education_company_are_scored_and_their_conversions_counted(
    running: Running, tmp_path: Path
) -> None:
    leads = rows_of("x_education_leads.csv")[:MOST]
    system = "external_ids.x-education"
    imported(
        running,
        write(tmp_path / "leads.csv", leads),
        "--map", "Prospect ID=" + system, "--map", "What is your current occupation=title",
        "--submitted-at", "200d", "--source", "x-education",
    )  # fmt: skip
    won_at = (datetime.now(UTC) - timedelta(days=100)).isoformat()
    converted = [lead["Prospect ID"] for lead in leads if lead["Converted"] == "1"]
    report_outcomes(
        running,
        [
            {
                "id": f"won-{one}",
                "external_ids": {"x-education": one},
                "outcome": "won",
                "occurred_at": won_at,
                "mode": "history",
            }
            for one in converted
        ],
    )
    wait_for_funnel(running, "x-education", captured=len(leads), scored=len(leads), won=len(converted))
    again = imported(
        running, tmp_path / "leads.csv", "--map", "Prospect ID=" + system,
        "--map", "What is your current occupation=title", "--submitted-at", "200d", "--source", "x-education",
    )  # fmt: skip
    assert again["refused"] == 0
    assert stages(running, "x-education")["captured"] == len(leads)


def test_marketing_qualified_leads_keep_their_dates_and_their_deals(running: Running, tmp_path: Path) -> None:
    deals = {row["mql_id"]: row["won_date"].replace(" ", "T") + "Z" for row in rows_of("olist_closed_deals.csv")}
    leads = [row for row in rows_of("olist_mql.csv") if row["first_contact_date"]]
    leads = [row for row in leads if row["mql_id"] in deals] + [row for row in leads if row["mql_id"] not in deals]
    leads = leads[:MOST]
    imported(
        running,
        write(tmp_path / "mql.csv", leads),
        "--map", "mql_id=external_ids.olist", "--map", "first_contact_date=submitted_at",
        "--map", "origin=attribution.utm_source", "--map", "landing_page_id=attribution.landing_page",
        "--source", "olist",
    )  # fmt: skip
    won = [(row["mql_id"], deals[row["mql_id"]]) for row in leads if row["mql_id"] in deals]
    report_outcomes(
        running,
        [
            {"id": f"won-{lead}", "external_ids": {"olist": lead}, "outcome": "won", "occurred_at": at,
             "mode": "history"}
            for lead, at in won
        ],
    )  # fmt: skip
    wait_for_funnel(running, "olist", captured=len(leads), scored=len(leads), won=len(won))
    assert len(won) > 500
