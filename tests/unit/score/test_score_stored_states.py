"""States that an earlier release stored are read as they were meant."""

from __future__ import annotations

import orjson

from services.score.domain.state import ScoreState
from tests.unit.score.score_cases import Journey, enriched


def test_the_score_last_emitted_is_stored_as_told() -> None:
    known = Journey().follow([enriched()]).known
    stored = orjson.loads(known.to_json())
    assert known.last_emitted is not None
    assert stored["told"]["fit"] == known.last_emitted.fit
    assert ScoreState.from_json(orjson.dumps(stored)) == known
