"""`leadstream send` and `erase`: a lead comes in through a real capture, and is forgotten by it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.context import CommandFailed, ask
from infra.settings import Settings
from local.embedded.ports import Ports
from tests.support.children import tied
from tests.support.cli import Terminal
from tests.support.waiting import until

pytestmark = pytest.mark.stack

TOKEN, ADMIN = "token-of-the-test", "admin-of-the-test"


@contextmanager
def capture_of(settings: Settings, log: Path) -> Iterator[str]:
    """A capture worker; where it listens."""
    port = Ports().any()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADSTREAM_")} | {
        "LEADSTREAM_KAFKA": settings.kafka,
        "LEADSTREAM_POSTGRES": settings.postgres.get_secret_value(),
        "LEADSTREAM_REDIS": settings.redis.get_secret_value(),
        "LEADSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "LEADSTREAM_HTTP_PORT": str(port),
        "LEADSTREAM_CAPTURE_TOKEN": TOKEN,
        "LEADSTREAM_ADMIN_TOKEN": ADMIN,
    }
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(tied([sys.executable, "-m", "services.capture"]), env=environment, stderr=output)
        try:
            until(lambda: process.poll() is not None or is_ready(url), "capture is ready", seconds=60)
            assert process.poll() is None, log.read_text()
            yield url
        finally:
            process.terminate()
            process.wait(30)


def is_ready(url: str) -> bool:
    try:
        return ask(f"{url}/readyz", seconds=2).good
    except CommandFailed:
        return False


@pytest.fixture(scope="module")
def capture(prepared: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Capture alone runs; no other service is needed to take leads in."""
    with capture_of(prepared.settings, tmp_path_factory.mktemp("capture") / "log") as url:
        yield url


@pytest.fixture
def sender(terminal: Terminal, capture: str, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Commands know capture and its tokens."""
    monkeypatch.setenv("LEADSTREAM_CAPTURE_URL", capture)
    monkeypatch.setenv("LEADSTREAM_CAPTURE_TOKEN", f"{TOKEN},another")
    monkeypatch.setenv("LEADSTREAM_ADMIN_TOKEN", ADMIN)
    return terminal


def test_a_lead_is_sent_traced_by_its_address_and_forgotten(sender: Terminal) -> None:
    said = sender.good("send", "--email", "Grace@Example.com", "--name", "Grace Hopper", "--answer", "budget=50k")
    assert "Accepted: a new lead" in said
    lead = said.partition("leadstream trace ")[2].split()[0]
    event = until(lambda: traced(sender, "grace@example.com"), "the event is in the log")[0]
    assert (event["subject"], event["type"]) == (lead, "leadstream.lead.captured.v1")
    assert event["data"]["person"]["answers"] == {"budget": "50k"}

    again = sender.document("send", "--email", "grace@example.com", "--json")
    assert (again["lead_id"], again["new"]) == (lead, False)

    erased = sender.document("erase", "GRACE@example.com", "--yes", "--json")
    assert erased == {"erased": [lead]}
    until(lambda: [each["type"] for each in traced(sender, lead)] == ["leadstream.lead.erased.v1"], "forgotten")
    assert traced(sender, "grace@example.com") == [], "her address leads nowhere"


def traced(terminal: Terminal, who: str) -> list[Any]:
    result = terminal.run("trace", who, "--personal", "--json")
    return [] if result.exit_code else terminal.lines("trace", who, "--personal", "--json")


def test_a_refused_lead_is_told_field_by_field(sender: Terminal) -> None:
    result = sender.run("send", "--email", "nonsense", "--submitted-at", "yesterday")
    assert result.exit_code == 1
    assert "/submitted_at: " in result.stderr
    assert sender.document("send", "--email", "nonsense", "--json", code=1)["status"] == 422


def test_a_wrong_token_is_told_with_the_setting(sender: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_CAPTURE_TOKEN", "wrong")
    result = sender.run("send", "--email", "a@example.com")
    assert result.exit_code == 1
    assert "LEADSTREAM_CAPTURE_TOKEN" in result.stderr


def test_nobody_is_erased_by_an_unknown_address_or_without_a_yes(sender: Terminal) -> None:
    unknown = sender.run("erase", "nobody@example.com", "--yes")
    assert (unknown.exit_code, "nobody is known by this" in unknown.stderr) == (1, True)
    unasked = sender.run("erase", "nobody@example.com")
    assert (unasked.exit_code, "say --yes" in unasked.stderr) == (2, True)


def test_a_capture_that_is_away_is_named(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_CAPTURE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LEADSTREAM_CAPTURE_TOKEN", TOKEN)
    result = terminal.run("send", "--email", "a@example.com")
    assert result.exit_code == 3
    assert "http://127.0.0.1:1 does not answer" in result.stderr
