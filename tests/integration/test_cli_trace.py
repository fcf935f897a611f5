"""`leadstream trace`, `tail`, `topics`, `dead` and `rejected` read the log."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
import pytest

from infra.settings import Settings
from schemas.topics import CAPTURED, ENRICHED, ERASED, POLICIES, SIGNALS, TOPICS
from tests.support import story
from tests.support.children import IN_THE_BACKGROUND, started
from tests.support.cli import Terminal, own_names, point_commands_at
from tests.support.harness import POLICY
from tests.support.servers import Servers

pytestmark = pytest.mark.stack

OTHER, NOBODY = "019aa5c3e2d1f00dbabe5eed00000000", "019aa5c3e2d1f00dbabe5eedffffffff"


@pytest.fixture(scope="module")
def written(stack: Servers) -> Iterator[Terminal]:
    """A lead's whole story, written out of order and partly twice, and a bit of another's; not to be changed."""
    with own_names(stack) as settings:
        terminal = Terminal(settings)
        terminal.create_topics()
        terminal.put(reversed(story.STORY))
        terminal.put([*story.STORY[:3], (CAPTURED, story.captured(lead=OTHER)), *story.ELSEWHERE[:1]])
        terminal.put([(POLICIES, story.published(POLICY.version, POLICY.to_json()))])
        terminal.create_schema("score")
        terminal.execute("score", "insert into fence (partition, offsets) values (5, '{\"leads.enriched\": 0}')")
        terminal.create_schema("capture")
        for kind, value in (("email", "ada@gmail.com"), ("phone", "+442079460958")):
            terminal.execute("capture", "insert into identities values (%s, %s, %s)", kind, value, story.LEAD)
        yield terminal


@pytest.fixture
def told(written: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Commands see the story."""
    point_commands_at(written.settings, tmp_path, monkeypatch)
    return written


@pytest.fixture
def terminal(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Commands see empty topics of the test's own."""
    point_commands_at(settings, tmp_path, monkeypatch)
    ours = Terminal(settings)
    ours.create_topics()
    return ours


def test_trace_tells_a_lead_s_events_once_and_in_order(told: Terminal) -> None:
    events = told.lines("trace", story.LEAD, "--json")
    assert [each["id"] for each in events] == [event.id for _, event in story.STORY]


def test_trace_tells_what_when_who_and_why(told: Terminal) -> None:
    said = told.good("trace", story.LEAD)
    assert f"Lead {story.LEAD}  24 events" in said
    for words in (
        "2026-03-02 09:00:00.000         +0 ms  capture   captured from web_form (pricing): a new lead",
        "+9 ms  score     scored 78 hot A1, mql",
        "+30 fit: Can decide on a purchase",
        "policy default-1",
        "+15 ms  route     assigned to Kim Reyes",
        "+25 ms  nurture   sequence welcome planned: entered",
        "2026-03-03 09:00:00 call task (step call): daily_limit",
        "+1 d 1 h  capture   outcome: won, 12,000 EUR, by kim",
    ):
        assert words in said
    assert not [secret for secret in story.SECRETS if secret in said]


@pytest.mark.parametrize("by", [(), IN_THE_BACKGROUND], ids=["a terminal", "a script, in the background"])
def test_trace_follows_what_happens_next_until_ctrl_c(terminal: Terminal, by: Sequence[str]) -> None:
    terminal.put(story.STORY[:1])
    command = [*by, sys.executable, "-m", "cli.main", "trace", story.LEAD, "--follow", "--json"]
    with started(command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = orjson.loads(process.stdout.readline())
        terminal.put([*story.STORY[:2], (CAPTURED, story.captured(lead=OTHER)), *story.STORY[2:3]])
        told = [first, *(orjson.loads(process.stdout.readline()) for _ in range(2))]
        process.send_signal(signal.SIGINT)
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert process.returncode == 130
    assert {each["id"] for each in told} == {event.id for _, event in story.STORY[:3]}, "each once, and no other lead's"


def test_trace_shows_personal_data_to_who_asks(told: Terminal) -> None:
    assert "Ada Lovelace, ada@example.com" in told.good("trace", story.LEAD, "--personal")
    first = told.lines("trace", story.LEAD, "--personal", "--json")[0]
    assert first["data"]["person"]["name"] == "Ada Lovelace"
    assert told.lines("trace", story.LEAD, "--json")[0]["data"]["person"] == {}


@pytest.mark.parametrize("spelling", ["A.Da+news@GMail.com", "ada@googlemail.com", "020 7946 0958", "+44 20 79460958"])
def test_trace_finds_a_lead_by_address_or_number_in_any_spelling(told: Terminal, spelling: str) -> None:
    assert len(told.lines("trace", spelling, "--json")) == len(story.STORY)


def test_trace_says_when_nobody_has_the_address(told: Terminal) -> None:
    result = told.run("trace", "nobody@example.com")
    assert result.exit_code == 1
    assert "no lead has this address or number" in result.stderr
    assert result.stdout == ""


def test_trace_says_when_a_lead_is_unknown(told: Terminal) -> None:
    result = told.run("trace", NOBODY, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"nothing is in the log of lead {NOBODY}" in result.stderr


def test_nothing_from_before_an_erasure_is_shown(terminal: Terminal) -> None:
    again = story.captured(200_000)
    terminal.put(
        [*story.STORY[:3], (ERASED, story.erased()), (CAPTURED, again), (CAPTURED, story.captured(lead=OTHER))]
    )
    events = terminal.lines("trace", story.LEAD, "--json")
    assert [each["type"] for each in events] == ["leadstream.lead.erased.v1", "leadstream.lead.captured.v1"]
    assert "3 events from before this person was erased: not shown." in terminal.run("trace", story.LEAD).stderr
    tailed = terminal.lines("tail", "captured", "--from", "beginning", "--no-follow", "--json")
    assert sorted(each["id"] for each in tailed) == sorted((again.id, story.captured(lead=OTHER).id))
    assert terminal.lines("tail", "enriched", "--from", "beginning", "--no-follow", "--json") == []


def test_trace_tells_a_stranger_s_junk_as_such(terminal: Terminal) -> None:
    terminal.put([(CAPTURED, story.captured())])
    terminal.put_bytes([(SIGNALS, story.LEAD.encode(), b"\x1b[2Jnot json")])
    said = terminal.good("trace", story.LEAD)
    assert "a record of a stranger, not an event of this topic (the whole: is no JSON)" in said
    assert "\x1b[2J" not in said


def test_tail_ends_on_ctrl_c_in_the_background_too(terminal: Terminal) -> None:
    terminal.put(story.STORY[:1])
    tail = [sys.executable, "-m", "cli.main", "tail", "captured", "--from", "beginning", "--json"]
    with started([*IN_THE_BACKGROUND, *tail]) as process:
        assert process.stdout is not None
        orjson.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


# -- tail --------------------------------------------------------------------------------------------------------------


def test_tail_prints_one_line_an_event_and_nothing_personal(told: Terminal) -> None:
    said = told.good("tail", "leads.scored", "--from", "beginning", "--no-follow").splitlines()
    assert len(said) == 2, "the log as it is: what was written twice is there twice"
    assert f"2026-03-02 09:00:00.009  {story.LEAD}  scored 78 hot A1" in said[0]
    assert "+30 fit: Can decide on a purchase" in said[0]
    assert not [secret for secret in story.SECRETS if secret in "".join(said)]


def test_tail_follows_until_the_limit(told: Terminal) -> None:
    events = told.lines("tail", "captured", "--from", "beginning", "--limit", "2", "--json")
    assert [each["type"] for each in events] == ["leadstream.lead.captured.v1"] * 2


def test_tail_starts_where_it_is_told(told: Terminal) -> None:
    assert told.lines("tail", "scored", "--from", "1h", "--no-follow", "--json")
    assert told.lines("tail", "scored", "--from", "2099-01-01", "--no-follow", "--json") == []
    assert told.lines("tail", "scored", "--no-follow", "--json") == []


def test_tail_shows_only_the_lead_that_is_asked_for(told: Terminal) -> None:
    arguments = ("tail", "captured", "--from", "beginning", "--no-follow", "--json")
    assert {each["subject"] for each in told.lines(*arguments)} == {story.LEAD, OTHER}
    assert {each["subject"] for each in told.lines(*arguments, "--lead", OTHER)} == {OTHER}


def test_tail_opens_personal_data_only_on_demand(told: Terminal) -> None:
    arguments = ("tail", "captured", "--from", "beginning", "--limit", "1", "--json")
    assert told.lines(*arguments)[0]["data"]["person"] == {}
    assert told.lines(*arguments, "--personal")[0]["data"]["person"]["email"] == "ada@example.com"


def test_tail_tells_of_records_that_are_no_events(terminal: Terminal) -> None:
    terminal.put_bytes([(ENRICHED, b"x", b'{"email": "ada@example.com"}')])
    [document] = terminal.lines("tail", "enriched", "--from", "beginning", "--no-follow", "--json")
    assert document == {
        "unreadable": "not an event of this topic (type: is missing)",
        "topic": "leads.enriched",
        "partition": document["partition"],
        "offset": 0,
        "bytes": 28,
    }
    assert "28 bytes" in terminal.good("tail", "enriched", "--from", "beginning", "--no-follow")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tail", "leads.nothing"), "there is no topic `leads.nothing`; there are leads.captured"),
        (("tail", "scored", "--from", "yesterday"), "`yesterday` is no moment"),
    ],
)
def test_tail_refuses_what_it_does_not_know(told: Terminal, arguments: tuple[str, ...], said: str) -> None:
    result = told.run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


# -- topics, dead, rejected --------------------------------------------------------------------------------------------


def test_topics_counts_events_and_tells_how_far_behind_services_are(told: Terminal) -> None:
    topics = {each["topic"]: each for each in told.document("topics", "--json")["topics"]}
    assert list(topics) == [topic.name for topic in TOPICS]
    captured = topics["leads.captured"]
    assert (captured["partitions"], captured["events"]) == (12, 3)
    assert captured["oldest"] <= captured["newest"]
    assert captured["settings"] == {"retention.ms": "-1", "cleanup.policy": "delete"}
    assert topics["leads.enriched"]["lag"] == {"score": 2}
    said = told.good("topics")
    assert "leads.enriched" in said
    assert "score 2" in said


def test_topics_names_what_is_missing(told: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_TOPIC_PREFIX", f"{told.settings.topic_prefix}nothing.")
    assert all(each["partitions"] == 0 for each in told.document("topics", "--json")["topics"])
    result = told.run("tail", "scored", "--no-follow")
    assert result.exit_code == 3
    assert "has no topic" in result.stderr


def test_topics_works_without_postgres(told: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_POSTGRES", "postgresql://nobody@127.0.0.1:1/nothing")
    assert told.document("topics", "--json")["topics"][0]["lag"] is None
    assert "Postgres does not answer" in told.run("topics").stderr


def test_dead_lists_what_services_set_aside_without_quoting_it(told: Terminal) -> None:
    said = told.good("dead")
    assert "leads.enriched/3 at 42" in said
    assert "keyerror at decide" in said
    assert "data.origin: missing" in said
    assert not [secret for secret in story.SECRETS if secret in said]
    assert "KeyError('ada@example.com')" in told.good("dead", "--personal")


def test_dead_can_be_narrowed_and_read_by_a_script(told: Terminal) -> None:
    assert len(told.lines("dead", "--json")) == 2
    assert [each["data"]["reason"] for each in told.lines("dead", "--reason", "malformed", "--json")] == ["malformed"]
    assert told.lines("dead", "--service", "route", "--json") == []
    assert told.lines("dead", "--since", "2099-01-01", "--json") == []
    assert len(told.lines("dead", "--limit", "1", "--json")) == 1
    assert "The latest 1 of 2" in told.run("dead", "--limit", "1").stderr


def test_rejected_lists_input_with_its_reason_and_its_bytes_on_demand(told: Terminal) -> None:
    said = told.good("rejected")
    assert "invalid_fields" in said
    assert "/shoe_size: unknown field" in said
    [event] = told.lines("rejected", "--json")
    assert (event["data"]["body"], event["data"]["headers"]) == ("", {})
    [event] = told.lines("rejected", "--json", "--personal")
    assert event["data"]["headers"] == {"user-agent": "Ada Lovelace"}


def test_rejected_says_when_there_is_nothing(terminal: Terminal) -> None:
    assert terminal.good("rejected") == "No input was rejected.\n"


def test_a_database_without_our_tables_is_told_plainly(told: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_SCHEMA_PREFIX", "nothing_")
    result = told.run("trace", "ada@example.com")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "Postgres does not do what is asked" in result.stderr


def test_a_dead_broker_is_named_with_what_to_do(told: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSTREAM_KAFKA", "127.0.0.1:1")
    result = told.run("tail", "scored", "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "Kafka at 127.0.0.1:1 does not do what is asked" in result.stderr
    assert "leadstream doctor" in result.stderr


def test_without_a_stack_every_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Terminal
) -> None:
    monkeypatch.delenv("LEADSTREAM_KAFKA")
    result = told.run("trace", story.LEAD, "--data", str(tmp_path / "elsewhere"))
    assert result.exit_code == 3
    assert f"nothing runs on {tmp_path}/elsewhere" in result.stderr
    assert "leadstream run" in result.stderr
