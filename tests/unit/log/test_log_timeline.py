"""A lead's events in order, and records that are none."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from log.reader import LogRecord, is_erased, read_record
from log.timeline import in_order, start_of
from schemas.topics import CAPTURED, ENRICHED, KEYS, SCORED, TOUCHED, Topic
from tests.support import story


def found(topic: Topic, value: bytes, offset: int = 0) -> LogRecord:
    return read_record(topic, SimpleNamespace(topic=topic.name, partition=0, offset=offset, timestamp=0, value=value))


def test_events_of_one_moment_stand_in_the_order_of_the_stream() -> None:
    events = [(TOUCHED, story.touched(seconds=1)), (SCORED, story.scored(1)), (ENRICHED, story.enriched(1))]
    timeline = in_order([found(topic, event.to_json()) for topic, event in events])
    assert [each.topic for each in timeline] == [ENRICHED, SCORED, TOUCHED]


@given(st.permutations(range(len(story.STORY))), st.sets(st.integers(0, len(story.STORY) - 1)))
def test_a_timeline_is_the_same_however_it_was_read(order: list[int], twice: set[int]) -> None:
    read_in = [*order, *twice]
    records = [found(story.STORY[index][0], story.STORY[index][1].to_json(), index) for index in read_in]
    assert [each.event for each in in_order(records)] == [event for _, event in story.STORY]


def test_a_timeline_starts_with_the_capture() -> None:
    records = [found(topic, event.to_json()) for topic, event in story.STORY]
    assert start_of(records) == story.at(0)
    assert start_of(records[3:]) == records[3].event.time if records[3].event else None
    assert start_of([]) is None


def test_a_stranger_s_record_says_what_it_is_not() -> None:
    assert found(CAPTURED, b"junk").problem == "not an event of this topic (the whole: json_invalid)"
    assert found(CAPTURED, story.scored().to_json()).problem.startswith("not an event of this topic (")
    assert found(KEYS, b"wrapped").problem == "not an event"


def test_what_was_said_before_an_erasure_is_erased_and_what_comes_later_is_not() -> None:
    erasures = {story.LEAD: story.at(10)}
    assert is_erased(story.captured(10), erasures)
    assert not is_erased(story.captured(11), erasures)
    assert not is_erased(story.captured(lead="other"), erasures)
    assert not is_erased(story.erased(10), erasures)
