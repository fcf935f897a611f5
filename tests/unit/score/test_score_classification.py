from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import BANDS
from policy.matching import facts_of
from schemas.events.scored import Band
from services.score.domain.classification import Classification, classify, compile_classification
from services.score.domain.milliseconds import timestamp_ms
from services.score.domain.state import ScoreState, fold_enriched, fold_signal
from tests.unit.score.score_cases import MONDAY, enriched, scoring_of, signal


def classification(
    fit: int, intent: int, *, did: str | None = None, hours_ago: int = 0, email_kind: str = "business", **sections: Any
) -> Classification:
    now = MONDAY + timedelta(hours=hours_ago)
    state = fold_enriched(ScoreState(), enriched(email_kind=email_kind).data, timestamp_ms(now), None)
    if did:
        state = fold_signal(state, signal(did).data, timestamp_ms(MONDAY))
    assert state.lead is not None
    return classify(compile_classification(scoring_of(**sections)), facts_of(state.lead), state, fit, intent)


@pytest.mark.parametrize(
    ("fit", "intent", "tier", "band", "total"),
    [
        (100, 100, "A1", "hot", 100),
        (75, 75, "A1", "hot", 75),
        (74, 74, "B2", "hot", 74),
        (50, 49, "B3", "warm", 50),
        (49, 25, "C3", "cool", 37),
        (24, 24, "D4", "cool", 24),
        (0, 39, "D3", "cool", 20),
        (0, 38, "D3", "cold", 19),
        (0, 0, "D4", "cold", 0),
    ],
)
def test_thresholds_belong_to_the_better_side(fit: int, intent: int, tier: str, band: Band, total: int) -> None:
    standing = classification(fit, intent).standing

    assert (standing.tier, standing.band, standing.total) == (tier, band, total)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_total_lies_between_fit_and_intent_in_the_policys_proportion(fit: int, intent: int, percent: int) -> None:
    standing = classification(fit, intent, total={"fit": percent, "intent": 100 - percent}).standing

    assert min(fit, intent) <= standing.total <= max(fit, intent)
    assert abs(standing.total - (percent * fit + (100 - percent) * intent) / 100) <= 0.5


def test_a_band_needs_all_of_its_thresholds() -> None:
    bands = [{"band": "hot", "total_at_least": 50, "fit_at_least": 40, "intent_at_least": 40}, {"band": "cold"}]

    assert classification(60, 40, bands=bands).standing.band == "hot"
    assert classification(100, 39, bands=bands).standing.band == "cold"
    assert classification(39, 100, bands=bands).standing.band == "cold"


PROMOTIONS = [
    {"id": "asked", "signal": "demo_request", "within": "1d", "fit_at_least": 30, "band": "hot", "reason": "Asked"},
    {"id": "wrote", "signal": ["email_reply", "demo_request"], "within": "2d", "band": "warm", "reason": "Wrote"},
]


@pytest.mark.parametrize(
    ("did", "hours_ago", "fit", "band"),
    [
        ("demo_request", 24, 30, "hot"),
        ("demo_request", 25, 30, "warm"),
        ("demo_request", 1, 29, "warm"),
        ("email_reply", 48, 0, "warm"),
        ("email_reply", 49, 0, "cold"),
        ("page_view", 0, 30, "cold"),
    ],
)
def test_a_promotion_lifts_for_a_while_after_its_signal(did: str, hours_ago: int, fit: int, band: Band) -> None:
    assert classification(fit, 0, did=did, hours_ago=hours_ago, promotions=PROMOTIONS).standing.band == band


def test_a_promotion_never_lowers_and_is_named_only_where_it_lifted() -> None:
    hot = classification(90, 90, did="email_reply", promotions=PROMOTIONS)
    lifted = classification(30, 0, did="demo_request", promotions=PROMOTIONS)

    assert hot.standing.band == "hot"
    assert [contribution.code for contribution in hot.contributions] == ["good"]
    assert [contribution.code for contribution in lifted.contributions] == ["asked", "not_yet"]


@given(st.integers(0, 100), st.integers(0, 100), st.sampled_from(["demo_request", "email_reply", "chat"]))
def test_promotions_only_make_hotter(fit: int, intent: int, did: str) -> None:
    plain = classification(fit, intent, did=did).standing.band
    promoted = classification(fit, intent, did=did, promotions=PROMOTIONS).standing.band

    assert BANDS.index(promoted) <= BANDS.index(plain)


QUALIFICATION = {
    "mql": [
        {"id": "strong", "fit_at_least": 50, "intent_at_least": 50, "reason": "Strong"},
        {"id": "asked", "fit_at_least": 20, "signal": ["demo_request", "call"], "reason": "Asked"},
    ],
    "disqualify": [
        {"id": "throw-away", "when": {"email_kind": "disposable"}, "reason": "Throw-away address"},
        {
            "id": "private",
            "when": {"email_kind": ["disposable", "free"]},
            "unless": {"seniority": "director"},
            "reason": "Private",
        },
    ],
}


@pytest.mark.parametrize(
    ("fit", "intent", "did", "email_kind", "qualification", "why"),
    [
        (50, 50, None, "business", "mql", "strong"),
        (50, 49, None, "business", "nurture", "not_yet"),
        (20, 0, "call", "business", "mql", "asked"),
        (19, 0, "call", "business", "nurture", "not_yet"),
        (99, 0, "chat", "business", "nurture", "not_yet"),
        (99, 99, "call", "disposable", "disqualified", "throw-away"),
        (99, 99, None, "free", "mql", "strong"),
    ],
)
def test_qualification_says_which_rule_decided(
    fit: int, intent: int, did: str | None, email_kind: str, qualification: str, why: str
) -> None:
    found = classification(fit, intent, did=did, email_kind=email_kind, qualification=QUALIFICATION)

    assert found.standing.qualification == qualification
    assert [contribution.code for contribution in found.contributions] == [why]


def test_a_signal_that_the_policy_has_forgotten_qualifies_nobody() -> None:
    days_90 = 24 * 90

    then = classification(30, 0, did="call", hours_ago=days_90, qualification=QUALIFICATION)
    later = classification(30, 0, did="call", hours_ago=days_90 + 1, qualification=QUALIFICATION)

    assert then.standing.qualification == "mql"
    assert later.standing.qualification == "nurture"
