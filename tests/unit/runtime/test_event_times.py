"""Times, numbers and names that a stranger may put into an otherwise valid event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.base import LONGEST_NAME
from schemas.strict import Malformed
from schemas.topics import ASSIGNED, CAPTURED, OUTCOMES, SCORED

ENVELOPE = {
    "specversion": "1.0", "id": "e-1", "source": "stranger", "subject": "lead0",
    "time": "2026-03-01T09:30:00Z", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
}  # fmt: skip
OUTCOME = {"outcome_id": "o-1", "outcome": "won", "occurred_at": "2026-03-01T09:30:00Z"}


def outcome(**over: Any) -> bytes:
    event = {**ENVELOPE, "type": "leadstream.outcome.recorded.v1", "data": OUTCOME}
    return json.dumps({**event, **over}).encode()


@pytest.mark.parametrize(
    "time",
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2150-01-01T00:00:00Z"],
)
def test_a_time_at_the_end_of_the_calendar_is_no_events(time: str) -> None:
    with pytest.raises(Malformed):
        OUTCOMES.decode(outcome(time=time))
    with pytest.raises(Malformed):
        OUTCOMES.decode(outcome(data={**OUTCOME, "occurred_at": time}))


@pytest.mark.parametrize("time", ["1900-01-01T00:00:00Z", "1969-07-20T20:17:40Z", "2149-12-31T23:59:59Z"])
def test_times_before_1970_and_long_after_us_are_read(time: str) -> None:
    assert OUTCOMES.decode(outcome(time=time)).time == datetime.fromisoformat(time).astimezone(UTC)


@pytest.mark.parametrize("length", [255, 256])
def test_what_tables_are_keyed_by_fits_their_indexes(length: int) -> None:
    origin = {"submission_id": "\u4e00" * length, "channel": "api", "submitted_at": "2026-03-01T09:30:00Z",
              "captured_at": "2026-03-01T09:30:00Z"}  # fmt: skip
    data = {"origin": origin, "person": {}, "identity": {"new": True}}
    value = json.dumps({**ENVELOPE, "type": "leadstream.lead.captured.v1", "data": data}).encode()
    if length <= LONGEST_NAME:
        assert CAPTURED.decode(value).subject == "lead0"
    else:
        with pytest.raises(Malformed):
            CAPTURED.decode(value)


@pytest.mark.parametrize("points", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("topic", [SCORED, ASSIGNED], ids=lambda topic: topic.name)
def test_no_number_is_infinite_or_none_at_all(topic: Any, points: str) -> None:
    origin = {"submission_id": "s", "channel": "api", "submitted_at": "2026-03-01T09:30:00Z",
              "captured_at": "2026-03-01T09:30:00Z"}  # fmt: skip
    scored = {"origin": origin, "person": {}, "profile": {}, "fit": 1, "intent": 1, "total": 1, "tier": "A1",
              "band": "hot", "qualification": "mql", "model": "rules", "as_of": "2026-03-01T09:30:00Z",
              "trigger": "enriched", "reasons": [{"part": "fit", "code": "x", "text": "x", "points": 7.5}]}  # fmt: skip
    met = {"origin": origin, "sla": "owned", "band": "hot", "team": None, "rep": None, "seconds": 7.5,
           "deadline": "2026-03-01T09:30:00Z", "at": "2026-03-01T09:30:00Z"}  # fmt: skip
    kind, data = ("lead.scored", scored) if topic is SCORED else ("sla.met", met)
    value = json.dumps({**ENVELOPE, "type": f"leadstream.{kind}.v1", "data": data})
    assert topic.decode(value.encode())
    with pytest.raises(Malformed):
        topic.decode(value.replace("7.5", points).encode())
