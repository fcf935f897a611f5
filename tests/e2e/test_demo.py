"""`leadstream demo`, as its user starts it: a few days, and everything that was sent comes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.embedded.ports import Ports

SECONDS = 300.0
SERVERS = ("KAFKA", "POSTGRES", "REDIS", "CAPTURE", "ENRICH", "SCORE", "ROUTE", "NURTURE", "METRICS")
COMMAND = (
    sys.executable, "-m", "cli.main", "demo", "--leads", "60", "--days", "3", "--seed", "7",
    "--until", "2026-11-20T17:00", "--json",
)  # fmt: skip

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")}
    ports = Ports()  # of this test's own: other stacks may start at the same moment
    clean |= {f"LEADSTREAM_{name}_PORT": str(ports.any()) for name in SERVERS}
    command = [*COMMAND, "--data", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=clean, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stderr[-3_000:]}\n{done.stdout[-3_000:]}"
    assert not left_over(folder), "the demo has left processes behind"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def left_over(folder: Path) -> list[str]:
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]


def test_every_promise_is_kept(summary: dict[str, Any]) -> None:
    assert summary["ok"]
    assert [check["promise"] for check in summary["checks"] if not check["kept"]] == []
    assert len(summary["checks"]) > 15


def test_every_person_is_a_lead_that_was_understood_scored_and_mostly_owned(summary: dict[str, Any]) -> None:
    stages = {each["stage"]: each["leads"] for each in summary["funnel"]["channels"]["total"]["stages"]}
    assert stages["captured"] == stages["enriched"] == stages["scored"] == 60
    assert 60 >= stages["assigned"] > 30
    assert stages["contacted"] > 20


def test_the_time_to_owner_is_that_of_the_pipeline_and_not_of_the_travelling_clock(summary: dict[str, Any]) -> None:
    times = summary["time_to_owner"]
    assert times["enquiries"] > 30
    assert 0 < times["p50"] <= times["p99"] < 30


def test_deadlines_are_kept_and_broken_by_what_reps_do(summary: dict[str, Any]) -> None:
    contacted = [row for row in summary["sla"]["rows"] if row["sla"] == "contacted"]
    assert sum(row["met"] for row in contacted) > sum(row["breached"] for row in contacted) > 0
    assert all(row["breached"] == 0 for row in summary["sla"]["rows"] if row["sla"] == "owned")


def test_what_was_wrong_is_told_and_why(summary: dict[str, Any]) -> None:
    assert {"no_identity", "invalid_fields", "malformed_json", "wrong_charset", "honeypot", "unknown_lead"} <= set(
        summary["rejected"]
    )
    assert summary["turned_away"] > 0
    assert summary["duplicates"]["submissions_of_known_leads"] > 0
    assert {letter["reason"] for letter in summary["dead_letters"]} == {"malformed"}


def test_touches_go_out_in_their_time_and_one_story_is_told(summary: dict[str, Any]) -> None:
    sent = {touch["channel"] for touch in summary["touches"] if touch["status"] == "sent" and not touch["human"]}
    assert {"email", "call_task"} <= sent
    told = {event["type"] for event in summary["story"]["events"]}
    assert {"leadstream.lead.captured.v1", "leadstream.lead.assigned.v1", "leadstream.touch.sent.v1"} <= told
