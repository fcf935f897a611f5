"""The measured stage's decision on plain dictionaries, for engines without events of ours: unvalidated."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.base import child_traceparent, derived_id

State = dict[str, Any]


def count(visited: dict[str, Any], before: State | None) -> tuple[State, dict[str, Any]]:
    """The state and the event after a visit: what `WorkloadStage` decides."""
    visit = visited["data"]
    known = before or {"count": 0, "seconds": 0}
    after = {"count": known["count"] + 1, "seconds": known["seconds"] + visit["seconds"], "last_page": visit["page"]}
    identity = derived_id("bench", visited["id"], "bench.counted.v1", 0)
    event = {
        "specversion": "1.0",
        "id": identity,
        "source": "leadstream/bench",
        "type": "bench.counted.v1",
        "subject": visited["subject"],
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": "leadstream:bench.counted.v1",
        "traceparent": child_traceparent(visited["traceparent"], identity),
        "mode": visited["mode"],
        "policy": "bench",
        "data": after,
    }
    return after, event
