"""An event that we build is the one that a reader will see, though it is not validated a second time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Cause, cause_of, declared_data, derived_id, new_traceparent
from schemas.events import Touch, TouchRecorded
from tests.support.bare import PONGS, Ping, Pong, Step

CAUSE = Cause(id="cause", lead_id="lead-1", traceparent=new_traceparent("seed"), mode="history")
NOW = datetime(2026, 3, 1, 9, 30, 15, 250_000, UTC)


def pong(cause: Cause = CAUSE, n: int = 1) -> Pong:
    return Pong.create(cause=cause, service="alpha", time=NOW, data=Step(n=n), policy="v1", ordinal=2)


@given(n=st.integers(0, 10**9), note=st.text(), lead=st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_a_built_event_is_what_validation_would_make_of_it(n: int, note: str, lead: str) -> None:
    cause = Cause(id=f"c{n}", lead_id=lead, traceparent=new_traceparent(lead))
    built = Pong.create(cause=cause, service="alpha", time=NOW, data=Step(n=n, note=note))
    assert Pong.from_dict(built.to_dict()) == built
    assert Pong.from_json(built.to_json()) == built
    assert PONGS.decode(built.to_json()) == built


def test_its_id_is_derived_from_service_cause_type_and_ordinal() -> None:
    assert pong().id == derived_id("alpha", "cause", "bare.pong.v1", 2)


def test_the_quick_cause_of_an_event_equals_a_validated_one() -> None:
    event = pong()
    validated = Cause(id=event.id, lead_id=event.subject, traceparent=event.traceparent, mode=event.mode)
    assert cause_of(event) == validated


def test_an_event_can_be_copied_and_changed() -> None:
    event = pong()
    copy = event.replace(mode="live")
    assert (copy.mode, event.mode) == ("live", "history")
    assert copy.replace(mode="history") == event


def test_an_event_is_immutable() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Step(n=1).n = 2  # type: ignore[misc]  # the mistake


def test_an_event_of_a_type_that_the_class_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Ping has no type bare\.pong\.v1; it has bare\.ping\.v1"):
        Ping.create(cause=CAUSE, service="x", time=NOW, data=Step(n=1), type="bare.pong.v1")


def test_an_event_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Ping.create(cause=CAUSE, service="x", time=NOW.replace(tzinfo=None), data=Step(n=1))


def test_an_event_with_another_model_as_data_is_refused() -> None:
    with pytest.raises(TypeError, match="TouchRecorded holds Touch, not Step"):
        TouchRecorded.create(cause=CAUSE, service="x", time=NOW, data=Step(n=1), type="leadstream.touch.sent.v1")
    assert declared_data(TouchRecorded) is Touch
