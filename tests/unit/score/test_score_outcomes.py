from __future__ import annotations

from datetime import timedelta
from typing import Any

from policy import OutcomeAdjustment
from schemas.events import OutcomeRecorded
from services.score.domain.contributions import Contribution
from services.score.domain.milliseconds import timestamp_ms
from services.score.domain.outcomes import compile_outcomes, outcome_contributions
from services.score.domain.state import ScoreState, fold_outcome
from tests.unit.score.score_cases import MONDAY, outcome

DAY = timedelta(days=1)


def contributions(adjustment: dict[str, Any], *outcomes: OutcomeRecorded, days: int = 0) -> list[Contribution]:
    state = ScoreState()
    for each in outcomes:
        state = fold_outcome(state, each.data, timestamp_ms(each.data.occurred_at))
    given = OutcomeAdjustment.model_validate({"id": "a", "reason": "Because", **adjustment})
    return list(outcome_contributions(compile_outcomes([given]), state.outcomes, timestamp_ms(MONDAY + days * DAY)))


def points(found: list[Contribution]) -> list[tuple[str, int]]:
    return [(contribution.part, contribution.tenths) for contribution in found]


def test_an_outcome_moves_fit_and_intent_each_with_its_own_line() -> None:
    found = contributions({"outcome": "won", "fit": 15, "intent": -5}, outcome("won"))

    assert points(found) == [("fit", 150), ("intent", -50)]
    assert {contribution.code for contribution in found} == {"outcome:a"}


def test_other_outcomes_move_nothing() -> None:
    assert contributions({"outcome": ["won", "paid"], "fit": 15}, outcome("lost")) == []


def test_the_reason_is_searched_for_whole_words() -> None:
    adjustment = {"outcome": "lost", "reason_contains": ["too small", "fit"], "fit": -25}

    assert points(contributions(adjustment, outcome("lost", reason="They are TOO small."))) == [("fit", -250)]
    assert contributions(adjustment, outcome("lost", reason="more profitable elsewhere")) == []


def test_an_adjustment_with_a_half_life_fades_and_one_without_stays() -> None:
    fading = {"outcome": "lost", "intent": -30, "half_life": "60d"}

    assert points(contributions(fading, outcome("lost"), days=60)) == [("intent", -150)]
    assert points(contributions({"outcome": "lost", "intent": -30}, outcome("lost"), days=60)) == [("intent", -300)]


def test_an_adjustment_counts_once_since_the_newest_outcome_that_meets_it() -> None:
    fading = {"outcome": ["meeting", "opportunity"], "intent": 20, "half_life": "10d"}
    found = contributions(fading, outcome("opportunity", MONDAY + 10 * DAY, "o2"), outcome("meeting"), days=10)

    assert points(found) == [("intent", 200)]
