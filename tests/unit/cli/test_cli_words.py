"""What operators type: whom they mean, and what they send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.context import Answer, CommandFailed, ask
from cli.erase import named
from cli.leads import keys_of, rules_of
from cli.log import Found, is_forgotten, read_record
from cli.policies import Published
from cli.send import answers_of, document_of, why_refused
from cli.story import in_order, start_of
from schemas.topics import CAPTURED, ENRICHED, KEYS, SCORED, TOUCHED, Topic
from services.capture.domain.erasure import read_erasure
from services.capture.domain.identity import Key
from services.capture.domain.inputs import LeadIn, read
from tests.support import story
from tests.support.harness import POLICY

RULES = POLICY.identity


def found(topic: Topic, value: bytes, offset: int = 0) -> Found:
    return read_record(topic, SimpleNamespace(topic=topic.name, partition=0, offset=offset, timestamp=0, value=value))


# -- whom they mean ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("A.Da+x@googlemail.com", [Key("email", "ada@gmail.com")]),
        ("+44 20 7946 0958", [Key("phone", "+442079460958")]),
        ("(020) 7946 0958", [Key("phone", "+442079460958")]),
        ("02079460958", [Key("lead_id", "02079460958"), Key("phone", "+442079460958")]),
        ("crm-4711", [Key("lead_id", "crm-4711")]),
        ("Ada Lovelace", []),
        ("nobody@", []),
    ],
)
def test_words_are_taken_for_the_keys_that_capture_knows(text: str, keys: list[Key]) -> None:
    assert keys_of(text, [RULES]) == keys


@given(st.text(max_size=60))
def test_any_words_can_be_asked_for(text: str) -> None:
    assert all(key.value for key in keys_of(text, [RULES]))


def test_without_a_policy_an_id_is_still_an_id() -> None:
    assert keys_of("crm-4711", []) == [Key("lead_id", "crm-4711")]


def test_every_rule_that_was_ever_in_force_is_tried_the_latest_first() -> None:
    other = POLICY.model_copy(update={"identity": RULES.model_copy(update={"default_phone_region": "US"})})
    published = [Published(story.published(), policy) for policy in (POLICY, None, other, POLICY)]
    assert rules_of(published) == [RULES, other.identity]
    assert keys_of("(020) 7946 0958", rules_of(published))[0] == Key("phone", "+442079460958")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("ada@example.com", {"email": "ada@example.com"}),
        ("+44 20 7946 0958", {"phone": "+44 20 7946 0958"}),
        ("0044 20 7946 0958", {"phone": "0044 20 7946 0958"}),
        (story.LEAD, {"lead_id": story.LEAD}),
        ("01234567890123456789012345678901", {"lead_id": "01234567890123456789012345678901"}),
        ("crm-4711", {"lead_id": "crm-4711"}),
    ],
)
def test_who_is_to_be_forgotten_is_named_as_capture_reads_it(who: str, said: dict[str, str]) -> None:
    assert named(who) == said
    received: Any = SimpleNamespace()
    assert read_erasure({**named(who), "reason": "right_to_erasure"}, received, RULES).keys


# -- what they send ----------------------------------------------------------------------------------------------------


def test_only_what_was_given_is_sent() -> None:
    fields = {"email": "a@example.com", "phone": None, "company": {"name": None}, "consent": {"marketing": False}}
    assert document_of({**fields, "answers": {}}) == {"email": "a@example.com", "consent": {"marketing": False}}


def test_a_lead_with_every_flag_is_what_capture_takes() -> None:
    document = document_of(
        {
            "id": "1",
            "email": "a@example.com",
            "answers": answers_of(["budget=50k", "plan=a=b"]),
            "company": {"name": "X", "website": "x.example", "employees": 5, "industry": "it", "country": "GB"},
            "attribution": {"utm_campaign": "spring"},
            "consent": {"marketing": True},
            "channel": "phone",
            "source": "list",
            "submitted_at": "2026-03-01T09:30:00Z",
            "mode": "history",
        }
    )
    lead = read(LeadIn, document)
    assert lead.answers == {"budget": "50k", "plan": "a=b"}


@pytest.mark.parametrize("pair", ["budget", "=50k", " =x"])
def test_an_answer_without_a_name_is_refused(pair: str) -> None:
    with pytest.raises(CommandFailed, match="NAME=VALUE") as failure:
        answers_of([pair])
    assert failure.value.code == 2


def test_a_refusal_is_told_field_by_field() -> None:
    body = {"detail": "one field", "errors": [{"pointer": "/email", "reason": "not an email address"}]}
    assert why_refused(Answer(422, body)) == "one field\n  /email: not an email address"
    assert "LEADSTREAM_CAPTURE_TOKEN" in why_refused(Answer(401, {"detail": "who are you"}))
    assert why_refused(Answer(502, "<html>")) == "it answered 502: <html>"


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "nonsense", "http://"])
def test_only_http_addresses_are_asked(url: str) -> None:
    with pytest.raises(CommandFailed, match="no http address"):
        ask(url)


def test_who_does_not_answer_is_named() -> None:
    with pytest.raises(CommandFailed, match=r"http://127\.0\.0\.1:1 does not answer") as failure:
        ask("http://127.0.0.1:1/readyz", seconds=1)
    assert failure.value.code == 3


# -- a story's order ---------------------------------------------------------------------------------------------------


def test_events_of_one_moment_stand_in_the_order_of_the_stream() -> None:
    events = [(TOUCHED, story.touched(seconds=1)), (SCORED, story.scored(1)), (ENRICHED, story.enriched(1))]
    told = in_order([found(topic, event.to_json()) for topic, event in events])
    assert [each.topic for each in told] == [ENRICHED, SCORED, TOUCHED]


@given(st.permutations(range(len(story.STORY))), st.sets(st.integers(0, len(story.STORY) - 1)))
def test_a_story_is_the_same_however_it_was_read(order: list[int], twice: set[int]) -> None:
    read_in = [*order, *twice]
    records = [found(story.STORY[index][0], story.STORY[index][1].to_json(), index) for index in read_in]
    assert [each.event for each in in_order(records)] == [event for _, event in story.STORY]


def test_a_story_starts_with_the_capture() -> None:
    records = [found(topic, event.to_json()) for topic, event in story.STORY]
    assert start_of(records) == story.at(0)
    assert start_of(records[3:]) == records[3].event.time if records[3].event else None
    assert start_of([]) is None


def test_a_stranger_s_record_says_what_it_is_not() -> None:
    assert found(CAPTURED, b"junk").problem == "not an event of this topic (the whole: is no JSON)"
    assert found(CAPTURED, story.scored().to_json()).problem.startswith("not an event of this topic (")
    assert found(KEYS, b"wrapped").problem == "not an event"


def test_what_was_said_before_an_erasure_is_forgotten_and_what_comes_later_is_not() -> None:
    erasures = {story.LEAD: story.at(10)}
    assert is_forgotten(story.captured(10), erasures)
    assert not is_forgotten(story.captured(11), erasures)
    assert not is_forgotten(story.captured(lead="other"), erasures)
    assert not is_forgotten(story.erased(10), erasures)
