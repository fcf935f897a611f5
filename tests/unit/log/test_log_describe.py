"""What events say in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.describe import _describe, describe
from log.sentence import printable
from schemas.base import Event
from schemas.events import Profile
from schemas.topics import TOPICS
from tests.support import story

ALL = [each for _, each in (*story.STORY, *story.ELSEWHERE)]


@pytest.mark.parametrize("kind", [kind for topic in TOPICS for kind in topic.events], ids=lambda kind: kind.__name__)
def test_every_kind_of_event_has_its_own_sentence(kind: type[Event]) -> None:
    assert _describe.dispatch(kind) is not _describe.dispatch(Event)


def test_the_sample_story_has_an_event_of_every_kind() -> None:
    assert {type(each) for each in ALL} == {kind for topic in TOPICS for kind in topic.events}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (story.captured(), "captured from web_form (pricing): a new lead"),
        (
            story.enriched(),
            (
                "enriched: VP Operations (vp, operations) at Analytical Engines (250 employees, software, GB), "
                "business address"
            ),
        ),
        (story.scored(), "scored 78 hot A1, mql (fit 80, intent 70; after enriched; by rules)"),
        (
            story.assigned(),
            "assigned to Kim Reyes (team sales, territory uk) because hot leads from the UK go to the UK team in turn",
        ),
        (
            story.reassigned(),
            (
                "reassigned from kim to Lee Wong (team sales, territory uk) "
                "because hot leads from the UK go to the UK team in turn"
            ),
        ),
        (story.accepted(), "accepted by kim after 12 s"),
        (story.sla_met(), "SLA met: owned in 12 s"),
        (story.sla_breached(), "SLA breached: not contacted in 5 min (kim)"),
        (story.escalated(), "escalated, the manager is told: max"),
        (story.parked(), "parked, nobody owns it, because too small for a person"),
        (story.recycled(), "given back: the owner gave it back: no budget"),
        (story.touched(), "email touch planned (welcome, step hello) for 2026-03-02 09:01:00"),
        (story.planned(), "sequence welcome planned: entered"),
        (story.stopped(), "sequence welcome stopped: reply"),
        (story.touched("sent"), "email touch sent (welcome, step hello)"),
        (story.touched("sent", human=True, channel="call", sequence=None), "call touch sent by kim"),
        (story.signalled(), "pricing visit (/pricing), by web"),
        (story.outcome(), "outcome: won, 12,000 EUR, by kim"),
        (story.outcome("lost", reason="bought elsewhere"), "outcome: lost, by kim"),
        (story.rejected(), "rejected from api (partner): invalid_fields"),
        (story.dead(), "set aside by score: keyerror at decide, leads.enriched/3 at 42"),
        (story.erased(), "erased (right_to_erasure), asked for at 2026-03-03 12:46:40"),
        (story.published(), "policy default-1 published by ops, in force from 2026-03-02 09:00:00"),
        (story.commanded(), "pause score, ordered by ops"),
        (story.captured(mode="history"), "[history] captured from web_form (pricing): a new lead"),
    ],
    ids=lambda value: value.type.split(".", 1)[1] if isinstance(value, Event) else "",
)
def test_an_event_is_told_in_a_sentence(event: Event, said: str) -> None:
    assert describe(event).what == said


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (story.captured(), "sent 2 min before, at 2026-03-02 08:58:00"),
        (story.captured(), "came by newsletter / spring"),
        (story.captured(), "agreed to be contacted"),
        (story.enriched(), "from phone prefix: country 80%"),
        (story.scored(), "+30 fit: Can decide on a purchase"),
        (story.scored(), "qualification: Fits and shows interest"),
        (story.assigned(), "rule hot-uk"),
        (
            story.assigned(),
            "to be owned in 1 min (by 2026-03-02 09:01:00), contacted in 5 min (in business hours)",
        ),
        (story.assigned(), "turn 12 of pool everybody; could take it: kim, lee"),
        (story.sla_met(), "48 s before the deadline"),
        (story.sla_breached(), "the deadline was 2026-03-02 09:05:00"),
        (story.escalated(), "not contacted by kim by 2026-03-02 09:05:00"),
        (story.touched("suppressed"), "first message of the sequence"),
        (story.planned(), "2026-03-02 09:01:00 email (step hello)"),
        (story.planned(), "2026-03-03 09:00:00 call task (step call): daily_limit"),
        (story.stopped(), "2026-03-03 09:00:00 call task (step call), suppressed"),
        (story.outcome("lost", reason="bought elsewhere"), "because bought elsewhere"),
        (story.dead("decode"), "data.origin: missing"),
        (
            story.outcome(occurred_at=story.at(86_400)),
            "happened at 2026-03-03 09:00:00, heard of 1 h later",
        ),
    ],
)
def test_a_sentence_gives_its_reasons(event: Event, reason: str) -> None:
    assert reason in describe(event).more


def test_an_enquiry_that_says_nothing_is_told_so() -> None:
    event = story.enriched()
    bare = event.replace(data=event.data.replace(profile=Profile()))
    assert describe(bare).what == "enriched: nothing could be told"


def test_a_submission_that_matched_says_on_what() -> None:
    event = story.captured()
    match = event.data.identity.replace(new=False, matched_on=("email", "external_id"), conflicts=("other-lead",))
    again = event.replace(data=event.data.replace(identity=match))
    assert describe(again).what.endswith("the same lead, matched on email and external id")
    assert "an identifier belongs to other-lead: candidates for a merge" in describe(again).more


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.type)
def test_nothing_personal_is_told_unasked(event: Event) -> None:
    said = describe(event)
    words = "\n".join((said.what, *said.more))
    assert not [secret for secret in story.SECRETS if secret in words]


def test_personal_words_are_there_for_who_asks() -> None:
    assert any("Ada Lovelace" in line for line in describe(story.captured()).personal)
    assert any("wrote: Please call me back" in line for line in describe(story.captured()).personal)
    assert "subject: Hello Ada Lovelace" in describe(story.touched()).personal
    assert describe(story.dead()).personal == ("KeyError('ada@example.com')",)


@given(st.text())
def test_no_words_can_drive_the_terminal(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    assert not any(letter in "\u202a\u202e\u2066\u2069\u200f" for letter in shown)


@given(detail=st.text(max_size=200))
def test_what_a_channel_reports_cannot_either(detail: str) -> None:
    event = story.signalled()
    wild: Any = event.replace(data=event.data.replace(detail=detail))
    assert "\x1b" not in describe(wild).what
