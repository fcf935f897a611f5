"""States that an earlier release stored are read as they were meant, under the names they were stored under."""

from __future__ import annotations

import orjson

from services.route.domain.state import RouteState
from tests.unit.route.route_cases import MONDAY, Office, outcome, scored


def test_stored_names_stay_when_a_field_is_renamed() -> None:
    office = Office()
    office.take(scored(), outcome("accepted", MONDAY))
    stored = orjson.loads(office.state.to_json())
    assert (stored["clock"]["contacted_by"], stored["home"]["rule"], len(stored["seen"])) == (
        "2026-03-02T10:05:00Z",
        "emea",
        1,
    )
    stored["clock"]["verdict"] = "breached"
    stored["waiting"] = [
        {
            "kind": "accepted",
            "rep": None,
            "reason": None,
            "occurred_at": "2026-03-02T10:00:00Z",
            "at": "2026-03-02T10:00:00Z",
        }
    ]
    read = RouteState.from_json(orjson.dumps(stored))
    assert read.clock is not None
    assert read.clock.status == "breached"
    assert read.routed_by == office.state.routed_by
    assert read.outcomes_seen == office.state.outcomes_seen
    assert [each.occurred_at for each in read.pending] == [MONDAY]
