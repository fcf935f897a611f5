"""`leadstream policy`, `pause`, `resume` and `accept-gap`, and the doctor's visit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from infra import setup
from infra.settings import Settings
from schemas.events import CommandIssued
from schemas.topics import CAPTURED, COMMANDS, ENRICHED, POLICIES, SCORED
from tests.support import story
from tests.support.cli import STARTER, Terminal, point_commands_at

pytestmark = pytest.mark.stack


# -- policy ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """The starter policy with one more point and no version of its own."""
    text = STARTER.read_text(encoding="utf-8")
    file = tmp_path / "edited.yaml"
    file.write_text(text.replace("version: default-1\n", "").replace("base: 10", "base: 11"), encoding="utf-8")
    return file


def test_a_policy_is_checked_without_a_stack(terminal: Terminal, tmp_path: Path) -> None:
    assert "policy.yaml is good: version default-1" in terminal.good("policy", "check")
    assert terminal.document("policy", "check", "--json")["ok"] is True
    broken = tmp_path / "broken.yaml"
    broken.write_text(STARTER.read_text(encoding="utf-8").replace("base: 10", "bass: 10"), encoding="utf-8")
    result = terminal.run("policy", "check", str(broken))
    assert result.exit_code == 1
    assert "scoring.fit.bass" in result.stderr
    problem = terminal.document("policy", "check", str(broken), "--json", code=1)["problems"][0]
    assert {"line", "column", "key", "message", "hint"} <= set(problem)


def test_a_dry_run_tells_what_changes_and_publishes_nothing(terminal: Terminal, edited: Path) -> None:
    before = terminal.document("policy", "list", "--json")
    said = terminal.good("policy", "publish", str(edited), "--dry-run")
    assert "~ scoring.fit.base: 10 → 11" in said
    document = terminal.document("policy", "publish", str(edited), "--dry-run", "--json")
    assert document["published"] is False
    assert document["changes"] == [{"key": "scoring.fit.base", "before": 10, "after": 11}]
    assert terminal.document("policy", "list", "--json") == before


def test_publishing_asks_first_and_needs_somebody_to_ask(terminal: Terminal, edited: Path) -> None:
    before = terminal.document("policy", "list", "--json")
    result = terminal.run("policy", "publish", str(edited))
    assert result.exit_code == 2
    assert "say --yes" in result.stderr
    assert terminal.document("policy", "list", "--json") == before


def test_a_policy_is_published_for_a_moment_and_shown(terminal: Terminal, edited: Path) -> None:
    later = ("--effective-at", "2099-01-01T00:00+01:00")
    document = terminal.document("policy", "publish", str(edited), "--yes", "--json", *later)
    assert (document["published"], document["effective_at"]) == (True, "2098-12-31T23:00:00Z")
    version = document["version"]
    policies = terminal.document("policy", "list", "--json")["policies"]
    assert [(each["version"], each["in_force"]) for each in policies] == [(version, False), ("default-1", True)]
    assert "default-1" in terminal.good("policy", "show").splitlines()[0]
    assert terminal.document("policy", "show", version, "--json")["scoring"]["fit"]["base"] == 11
    again = terminal.run("policy", "publish", str(edited), "--yes", *later)
    assert (again.exit_code, "there is nothing to do" in again.stdout) == (0, True)
    assert len(terminal.document("policy", "list", "--json")["policies"]) == 2


def test_a_version_never_changes_its_content(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "same-version.yaml"
    file.write_text(STARTER.read_text(encoding="utf-8").replace("base: 10", "base: 12"), encoding="utf-8")
    result = terminal.run("policy", "publish", str(file), "--yes")
    assert result.exit_code == 1
    assert "version default-1 is published already, with other content" in result.stderr


def test_an_unknown_policy_is_said_to_be_unknown(terminal: Terminal) -> None:
    result = terminal.run("policy", "show", "nothing-1")
    assert result.exit_code == 1
    assert "there is no policy nothing-1" in result.stderr


def test_a_policy_that_is_wrong_is_not_published(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("identity: 1\n", encoding="utf-8")
    result = terminal.run("policy", "publish", str(file), "--yes")
    assert result.exit_code == 1
    assert "wrong.yaml:1" in result.stderr


# -- orders ------------------------------------------------------------------------------------------------------------


def test_orders_reach_the_commands_topic(terminal: Terminal) -> None:
    order = terminal.document("pause", "score", "--json")
    assert (order["data"]["service"], order["data"]["command"]) == ("score", "pause")
    terminal.good("resume", "all")
    terminal.good("accept-gap", "score", "enriched", "7")
    events = terminal.lines("tail", "commands", "--from", "beginning", "--no-follow", "--json")
    decoded = [COMMANDS.decode(CommandIssued.from_dict(each).to_json()) for each in events]
    given = {(each.data.command, each.data.service, tuple(each.data.arguments.items())) for each in decoded}
    assert given == {
        ("pause", "score", ()),
        ("resume", "all", ()),
        ("accept_gap", "score", (("topic", "leads.enriched"), ("partition", "7"))),
    }


def test_only_known_services_take_orders(terminal: Terminal) -> None:
    result = terminal.run("pause", "sales")
    assert result.exit_code == 2
    assert "'score'" in result.stderr


# -- the doctor --------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_wrong_with_what_setup_leaves(terminal: Terminal) -> None:
    report = terminal.document("doctor", "--json")
    assert report["ok"] is True
    assert {each["level"] for each in report["findings"]} == {"ok", "unknown"}
    assert "set LEADSTREAM_SCORE_URL" in terminal.good("doctor")


def test_the_doctor_finds_what_is_wrong(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_commands_at(settings, tmp_path, monkeypatch)
    monkeypatch.setenv("LEADSTREAM_SCORE_URL", "http://127.0.0.1:1")
    terminal = Terminal(settings)
    asyncio.run(setup.create_topics(settings, (CAPTURED, ENRICHED, POLICIES)))
    terminal.create_schema("score")
    terminal.execute("score", "insert into control values ('paused', 'true')")
    terminal.execute("score", "delete from migrations")
    monkeypatch.setenv("LEADSTREAM_REDIS", "redis://127.0.0.1:1/0")
    report = terminal.document("doctor", "--json", code=1)
    said = {each["what"] for each in report["findings"] if each["level"] in ("problem", "warning")}
    assert {"leads.scored is missing", "score is paused by an operator", "none is published"} <= said
    assert any(what.startswith("route has no ") and what.endswith("no schema") for what in said)
    assert any(what.startswith("score lacks the migrations runtime/0001_runtime.sql") for what in said)
    assert any(what.startswith("not ready: http://127.0.0.1:1 does not answer") for what in said)
    assert all(each["fix"] for each in report["findings"] if each["level"] != "ok")


def test_the_doctor_sees_late_services_and_gaps(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_commands_at(settings, tmp_path, monkeypatch)
    terminal = Terminal(settings)
    asyncio.run(setup.prepare(settings, STARTER))
    terminal.put([(ENRICHED, story.enriched())])
    report = terminal.document("doctor", "--json")
    [lag] = [each for each in report["findings"] if each["check"] == "lag"]
    assert lag["what"] == "2 records on their way", "score and metrics have yet to read it"
    stamped = [("ls-producer", b"score@1"), ("ls-seq", b"7")]
    terminal.put_bytes([(SCORED, story.LEAD.encode(), story.scored().to_json())], headers=stamped)
    report = terminal.document("doctor", "--json", code=1)
    gaps = [each for each in report["findings"] if each["check"] == "gaps"]
    assert {each["what"].partition(" ")[0] for each in gaps} == {"route", "nurture", "metrics"}
    assert all("score@1 jumps from sequence 0 to 7" in each["what"] for each in gaps)
    assert any("leadstream accept-gap route leads.scored " in each["fix"] for each in gaps)


def test_the_doctor_comes_when_the_servers_are_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Settings.model_validate(
        {
            "kafka": "127.0.0.1:1",
            "postgres": "postgresql://u:secret-password@127.0.0.1:1/x",
            "redis": "redis://127.0.0.1:1",
        }
    )
    point_commands_at(away, tmp_path, monkeypatch)
    result = Terminal(away).run("doctor")
    assert result.exit_code == 1
    assert "secret-password" not in result.output
    for setting in ("LEADSTREAM_KAFKA", "LEADSTREAM_POSTGRES", "LEADSTREAM_REDIS"):
        assert setting in result.stdout
