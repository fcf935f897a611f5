"""`leadstream route explain` reads the lead's score, the policy in force and the turns as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.topics import ERASED, POLICIES, SCORED
from tests.support import story
from tests.support.cli import Terminal, own_names, point_commands_at
from tests.support.harness import POLICY
from tests.support.servers import Servers

pytestmark = pytest.mark.stack

UNSCORED, ERASED_LEAD = "019aa5c3e2d1f00dbabe5eed00000000", "019aa5c3e2d1f00dbabe5eed00000001"
WHEN = ("--at", "2026-03-02T10:00")
"""A Monday, an hour after the lead came."""


@pytest.fixture(scope="module")
def written(stack: Servers) -> Iterator[Terminal]:
    """A lead's whole story, a policy, and pools that have given turns; not to be changed."""
    with own_names(stack) as settings:
        terminal = Terminal(settings)
        terminal.create_topics()
        terminal.put([*story.STORY[2:], *story.STORY[2:3]])
        terminal.put([(SCORED, story.scored(lead=ERASED_LEAD)), (ERASED, story.erased(lead=ERASED_LEAD))])
        terminal.put([(POLICIES, story.published(POLICY.version, POLICY.to_json()))])
        terminal.create_schema("route")
        terminal.execute("route", "insert into pools (pool, ordinal) values (%s, 41)", "europeans")
        terminal.execute("route", "insert into rep_load values ('priya', '2026-03-02', 3)")
        yield terminal


@pytest.fixture
def terminal(written: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Commands see the story."""
    point_commands_at(written.settings, tmp_path, monkeypatch)
    return written


def test_explain_tells_every_rule_who_is_available_and_who_would_be_picked(terminal: Terminal) -> None:
    said = terminal.good("route", "explain", story.LEAD, *WHEN)
    assert said.splitlines() == [
        f"Lead {story.LEAD}, scored 78 hot A1, mql, at 2026-03-02 09:00:00 UTC",
        "Owned by nobody, by rule returned, at 2026-03-02 09:10:00 UTC",
        f"Were it new at 2026-03-02 10:00:00 UTC, policy {POLICY.version} would decide:",
        "  territory: uk-ireland",
        "  · not-a-lead: qualification is mql, the rule asks for disqualified",
        "  · account-owner: the company's other leads have no active owner",
        "  · big-and-hot: company_size is 201-500, the rule asks for 10001+ or 1001-5000 or 5001-10000",
        "  · cold: band is hot, the rule asks for cold",
        "  · americas: territory is uk-ireland, the rule asks for americas",
        "  ✓ europe: In Europe",
        "      Tom Lindqvist (pool 'europeans'): is free, at work, 0 of 40 leads that day",
        "      Priya Raman (pool 'europeans'): is free, at work, 3 of 40 leads that day",
        "      Tom Lindqvist (pool 'everybody'): is free, at work, 0 of 40 leads that day",
        "      Priya Raman (pool 'everybody'): is free, at work, 3 of 40 leads that day",
        "      Diego Alvarez (pool 'everybody'): is free, not at work, 0 of 40 leads that day",
        "      Maya Okafor (pool 'everybody'): is free, at work, 0 of 30 leads that day",
        "  In Europe → territory 'uk-ireland' → pool 'europeans', turn 42, available: tom, priya → Tom Lindqvist",
        "  owned by 2026-03-02 09:01 UTC (around the clock)",
        "  contacted by 2026-03-02 09:05 UTC",
    ]


def test_explain_gives_a_script_the_same(terminal: Terminal) -> None:
    found = terminal.document("route", "explain", story.LEAD, *WHEN, "--json")
    assert (found["lead"], found["policy"], found["territory"]) == (story.LEAD, POLICY.version, "uk-ireland")
    assert found["now"] == {"at": "2026-03-02T09:10:00Z", "rep": None, "rule": "returned"}
    assert [step["rule"] for step in found["rules"] if step["decided"]] == ["europe"]
    assert found["rules"][-1]["candidates"][1] == {
        "rep": "priya",
        "name": "Priya Raman",
        "group": "pool 'europeans'",
        "available": True,
        "why": "is free, at work, 3 of 40 leads that day",
    }
    assert found["decision"]["rep"] == "tom"
    assert found["decision"]["turn"] == {"pool": "europeans", "ordinal": 41, "available": ["tom", "priya"]}
    assert found["turns_known"] is True


def test_explain_does_without_postgres(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEADSTREAM_POSTGRES")
    result = terminal.run("route", "explain", story.LEAD, *WHEN)
    assert result.exit_code == 0
    assert "turns, leads given that day and owners of companies are not known" in result.stderr
    assert "turn 1, available" in result.stdout


@pytest.mark.parametrize("lead", [UNSCORED, ERASED_LEAD])
def test_explain_says_when_a_lead_has_no_score(terminal: Terminal, lead: str) -> None:
    result = terminal.run("route", "explain", lead, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"lead {lead} has no score yet" in result.stderr
    assert "leadstream trace" in result.stderr


def test_explain_says_how_to_write_a_moment(terminal: Terminal) -> None:
    result = terminal.run("route", "explain", story.LEAD, "--at", "yesterday")
    assert result.exit_code == 2
    assert "--at: `yesterday` is no moment; write 2026-03-01" in result.stderr
