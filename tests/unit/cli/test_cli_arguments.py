"""What operators type: whom they mean, and what they send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.context import Answer, CommandFailed, ask
from cli.erase import named
from cli.leads import keys_of
from cli.send import answers_of, document_of, why_refused
from log.leads import identity_rules
from log.policies import PublishedPolicy
from services.capture.domain.erasure import read_erasure
from services.capture.domain.identity import Key
from services.capture.domain.inputs import LeadIn, read
from tests.support import story
from tests.support.harness import POLICY

RULES = POLICY.identity


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
    published = [PublishedPolicy(story.published(), policy) for policy in (POLICY, None, other, POLICY)]
    assert identity_rules(published) == [RULES, other.identity]
    assert keys_of("(020) 7946 0958", identity_rules(published))[0] == Key("phone", "+442079460958")


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
