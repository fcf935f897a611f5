"""Which records an export holds: ours, once, and nothing of before an erasure."""

from __future__ import annotations

from datetime import timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from log.export.selection import Erasure, Selection, latest_erasures
from schemas.topics import CAPTURED, ERASED, REJECTED, SCORED
from tests.unit.log.exported_events import Record, erased, exported, record
from tests.unit.metrics import ledger_events as e

GONE = {e.LEAD: Erasure(e.at(100), e.at(100))}


def test_an_event_written_twice_is_exported_once() -> None:
    selection = Selection(CAPTURED, {})
    event = e.captured()
    taken = [selection.take(record(event)), selection.take(record(event))]
    assert [found is not None for found in taken] == [True, False]
    assert selection.counts == {"exported": 1, "repeated": 1}


def test_what_came_before_an_erasure_is_left_out_and_what_came_after_is_not() -> None:
    before, after = e.captured(50, "s1"), e.captured(150, "s2")
    assert [found.event.id for found in exported(CAPTURED, before, after, erasures=GONE)] == [after.id]


def test_a_late_echo_of_an_erased_submission_is_left_out() -> None:
    echo = e.scored(101, came=e.origin("s1", 50))
    assert exported(SCORED, echo, erasures=GONE) == []


def test_other_leads_are_not_touched_by_an_erasure() -> None:
    assert len(exported(CAPTURED, e.captured(50, lead="other"), erasures=GONE)) == 1


def test_an_import_after_the_erasure_is_judged_by_when_it_was_written() -> None:
    event = e.captured(-1_000_000, mode="history")
    selection = Selection(CAPTURED, GONE)
    assert selection.take(record(event, e.at(50))) is None
    assert selection.take(record(event, e.at(200))) is not None


def test_the_erasure_itself_is_exported() -> None:
    assert len(exported(ERASED, erased(100), erasures=GONE)) == 1


def test_of_several_erasures_the_last_counts() -> None:
    events = [(erased(seconds), e.at(seconds)) for seconds in (100, 300, 200)]
    assert latest_erasures(events) == {e.LEAD: Erasure(e.at(300), e.at(300))}


@given(
    st.one_of(
        st.none(),
        st.binary(max_size=60),
        st.recursive(st.none() | st.integers(-(2**63), 2**63) | st.text(), st.lists).map(orjson.dumps),
    )
)
def test_a_stranger_s_record_is_counted_and_breaks_nothing(value: bytes | None) -> None:
    selection = Selection(CAPTURED, {})
    assert selection.take(Record(value)) is None
    assert selection.counts == {"unreadable": 1}


def test_an_event_of_another_topic_is_no_event_of_this_one() -> None:
    selection = Selection(CAPTURED, {})
    assert selection.take(record(e.scored())) is None
    assert selection.counts["unreadable"] == 1


def test_fields_that_a_newer_writer_added_are_kept() -> None:
    original = orjson.loads(e.captured().to_json()) | {"novelty": 1}
    original["data"]["novelty"] = {"deep": True}
    taken = Selection(CAPTURED, {}).take(Record(orjson.dumps(original)))
    assert taken is not None
    assert taken.original["data"]["novelty"] == {"deep": True}


def test_it_is_known_when_the_record_was_written() -> None:
    taken = Selection(REJECTED, {}).take(record(e.rejected(1), e.at(5)))
    assert taken is not None
    assert taken.written_at - e.at(5) < timedelta(milliseconds=1)
