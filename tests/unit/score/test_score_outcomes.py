from __future__ import annotations

from datetime import timedelta
from typing import Any

from policy import OutcomeAdjustment
from schemas.events import OutcomeRecorded
from services.score.domain.lines import Line
from services.score.domain.marks import to_milliseconds
from services.score.domain.outcomes import compile_outcomes, outcome_lines
from services.score.domain.state import ScoreState, fold_outcome
from tests.unit.score.score_cases import MONDAY, outcome

DAY = timedelta(days=1)


def lines(adjustment: dict[str, Any], *outcomes: OutcomeRecorded, days: int = 0) -> list[Line]:
    state = ScoreState()
    for each in outcomes:
        state = fold_outcome(state, each.data, to_milliseconds(each.data.occurred_at))
    given = OutcomeAdjustment.model_validate({"id": "a", "reason": "Because", **adjustment})
    return list(outcome_lines(compile_outcomes([given]), state.outcomes, to_milliseconds(MONDAY + days * DAY)))


def points(found: list[Line]) -> list[tuple[str, int]]:
    return [(line.part, line.tenths) for line in found]


def test_an_outcome_moves_fit_and_intent_each_with_its_own_line() -> None:
    found = lines({"outcome": "won", "fit": 15, "intent": -5}, outcome("won"))

    assert points(found) == [("fit", 150), ("intent", -50)]
    assert {line.code for line in found} == {"outcome:a"}


def test_other_outcomes_move_nothing() -> None:
    assert lines({"outcome": ["won", "paid"], "fit": 15}, outcome("lost")) == []


def test_the_reason_is_searched_for_whole_words() -> None:
    adjustment = {"outcome": "lost", "reason_contains": ["too small", "fit"], "fit": -25}

    assert points(lines(adjustment, outcome("lost", reason="They are TOO small."))) == [("fit", -250)]
    assert lines(adjustment, outcome("lost", reason="more profitable elsewhere")) == []


def test_an_adjustment_with_a_half_life_fades_and_one_without_stays() -> None:
    fading = {"outcome": "lost", "intent": -30, "half_life": "60d"}

    assert points(lines(fading, outcome("lost"), days=60)) == [("intent", -150)]
    assert points(lines({"outcome": "lost", "intent": -30}, outcome("lost"), days=60)) == [("intent", -300)]


def test_an_adjustment_counts_once_since_the_newest_outcome_that_meets_it() -> None:
    fading = {"outcome": ["meeting", "opportunity"], "intent": 20, "half_life": "10d"}
    found = lines(fading, outcome("opportunity", MONDAY + 10 * DAY, "o2"), outcome("meeting"), days=10)

    assert points(found) == [("intent", 200)]
