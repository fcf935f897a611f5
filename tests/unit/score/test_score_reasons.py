from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from policy import BANDS
from schemas.base import Event
from schemas.events import Scored
from tests.support.events import interleavings
from tests.unit.score.score_cases import (
    MONDAY,
    POLICY_FILES,
    Journey,
    Topics,
    enriched,
    histories,
    outcome,
    policy_at,
    policy_of,
    signal,
)

DAY = timedelta(days=1)


def held_sum(scored: Scored, part: str) -> int:
    """The sum of a part's points, exactly, rounded (a half up) and held to 0-100."""
    tenths = sum(Fraction(str(reason.points)) for reason in scored.reasons if reason.part == part)
    return min(100, max(0, int((tenths + Fraction(1, 2)) // 1)))


@pytest.mark.parametrize("path", POLICY_FILES, ids=lambda path: path.stem)
@settings(max_examples=25)
@given(read=histories().flatmap(interleavings))
def test_the_reasons_of_a_part_add_up_to_it(path: Path, read: list[Event]) -> None:
    journey = Journey(policy_at(path)).follow(read)

    for event in journey.scored:
        data = event.data
        assert (held_sum(data, "fit"), held_sum(data, "intent")) == (data.fit, data.intent)


@pytest.mark.parametrize("path", POLICY_FILES, ids=lambda path: path.stem)
@settings(max_examples=25)
@given(topics=histories())
def test_every_score_is_within_its_bounds_and_explained(path: Path, topics: Topics) -> None:
    journey = Journey(policy_at(path)).follow(event for topic in topics for event in topic)

    for event in journey.scored:
        data = event.data
        assert all(0 <= score <= 100 for score in (data.fit, data.intent, data.total))
        assert data.band in BANDS
        weights = [abs(reason.points) for reason in data.reasons]
        assert weights == sorted(weights, reverse=True)
        unweighted = {reason.part for reason in data.reasons if not reason.points}
        assert unweighted == {"qualification"}


def test_reasons_read_as_a_rep_would_say_them() -> None:
    intent = {
        "forget_after": "90d",
        "signals": {
            "pricing_visit": {"points": 12, "half_life": "7d", "cap": 20},
            "demo_request": {"points": 30, "half_life": "7d", "reason": "Wants a demo"},
        },
    }
    rules = [{"id": "uk", "when": {"country": "GB"}, "points": 15, "reason": "Country we sell in"}]
    lost = [{"id": "lost", "outcome": "lost", "intent": -10, "reason": "The last deal was lost"}]
    policy = policy_of(intent=intent, fit={"rules": rules}, outcomes=lost)
    visits = [signal("pricing_visit", MONDAY + 7 * DAY, f"v{number}") for number in range(3)]

    journey = Journey(policy).follow([signal("demo_request"), *visits, outcome("lost", MONDAY + 6 * DAY), enriched()])

    assert [(reason.points, reason.text) for reason in journey.scored[0].data.reasons] == [
        (20, "Looked at the prices (3 times, last less than a day ago; counted up to 20 points)"),
        (15, "Country we sell in"),
        (15, "Wants a demo (7 days ago)"),
        (-10, "The last deal was lost (a day ago)"),
        (0, "Meets no rule for marketing-qualified leads yet"),
    ]
