from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy import Intent
from policy.matching import facts_of
from services.score.domain.contributions import Contribution, faded, score_of
from services.score.domain.intent import compile_intent, intent_contributions, signal_of
from services.score.domain.milliseconds import timestamp_ms
from services.score.domain.state import (
    SIGNALS_KEPT,
    ScoreState,
    fold_enriched,
    fold_signal,
    fold_touch,
)
from tests.unit.score.score_cases import MONDAY, SIGNALS, enriched, moments, signal

LATER = MONDAY + timedelta(days=31)
DAY = timedelta(days=1)


def rules(**fields: Any) -> Intent:
    content: dict[str, Any] = {
        "forget_after": "90d",
        "signals": {"pricing_visit": {"points": 10, "half_life": "7d", "cap": 25}},
    }
    return Intent.model_validate({**content, **fields})


def did(*things: tuple[str, datetime]) -> ScoreState:
    state = ScoreState()
    for number, (kind, at) in enumerate(things):
        state = fold_signal(state, signal(kind, at, f"n{number}").data, timestamp_ms(at))
    return state


def contributions(intent: Intent, state: ScoreState, at: datetime) -> list[Contribution]:
    return list(intent_contributions(compile_intent(intent), state, timestamp_ms(at)))


@given(st.integers(0, 10**11), st.integers(1_000, 10**10))
def test_what_fades_halves_with_every_half_life(age: int, half_life: int) -> None:
    assert faded(age + half_life, half_life) == pytest.approx(faded(age, half_life) / 2)
    assert faded(0, half_life) == 1


def test_a_signal_is_worth_half_after_its_half_life_and_a_quarter_after_two() -> None:
    state = did(("pricing_visit", MONDAY))

    worth = [contributions(rules(), state, MONDAY + 7 * weeks * DAY)[0].tenths for weeks in range(3)]

    assert worth == [100, 50, 25]


def test_signals_of_one_type_add_up_to_their_cap() -> None:
    state = did(*[("pricing_visit", MONDAY)] * 3)

    (contribution,) = contributions(rules(), state, MONDAY)

    assert (contribution.tenths, contribution.times, contribution.capped) == (250, 3, True)


def test_negative_points_are_capped_too() -> None:
    intent = rules(signals={"unsubscribe": {"points": -40, "half_life": "60d", "cap": 60}})

    (contribution,) = contributions(intent, did(*[("unsubscribe", MONDAY)] * 2), MONDAY)

    assert contribution.tenths == -600
    assert score_of([contribution]) == 0


def test_signals_older_than_the_policy_remembers_count_nothing() -> None:
    intent = rules(forget_after="10d")
    state = did(("pricing_visit", MONDAY), ("pricing_visit", MONDAY + 5 * DAY))

    assert contributions(intent, state, MONDAY + 10 * DAY)[0].times == 2
    assert contributions(intent, state, MONDAY + 10 * DAY + timedelta(seconds=1))[0].times == 1
    assert contributions(intent, state, MONDAY + 16 * DAY) == []


def test_a_type_that_is_not_listed_counts_nothing() -> None:
    assert contributions(rules(), did(("chat", MONDAY)), MONDAY) == []


things = st.lists(st.tuples(st.sampled_from(SIGNALS), moments), max_size=SIGNALS_KEPT + 8)
weights = st.dictionaries(
    st.sampled_from(SIGNALS),
    st.fixed_dictionaries(
        {
            "points": st.integers(0, 100),
            "half_life": st.integers(1, 90).map("{}d".format),
            "cap": st.integers(0, 100),
        }
    ),
    min_size=1,
)


@given(weights, things, st.sampled_from(SIGNALS), moments)
def test_one_more_thing_done_never_lowers_intent(
    signals: dict[str, Any], done: list[tuple[str, datetime]], kind: str, at: datetime
) -> None:
    intent = rules(signals=signals, unanswered={"points": -5, "after": "0m", "half_life": "30d", "cap": 20})
    before = fold_touch(did(*done), "touch", timestamp_ms(MONDAY + DAY))
    after = fold_signal(before, signal(kind, at, "one more").data, timestamp_ms(at))

    assert score_of(contributions(intent, after, LATER)) >= score_of(contributions(intent, before, LATER))


@given(weights, st.lists(moments, min_size=SIGNALS_KEPT + 1, max_size=80), st.sampled_from(SIGNALS))
def test_crowding_out_old_signals_never_lowers_intent(
    signals: dict[str, Any], times: list[datetime], kind: str
) -> None:
    intent = rules(signals={kind: signals.popitem()[1]})
    scores = [
        score_of(contributions(intent, did(*[(kind, at) for at in times[: SIGNALS_KEPT + more]]), LATER))
        for more in (0, 1, len(times))
    ]

    assert scores == sorted(scores)


@given(weights, things)
def test_intent_stays_between_0_and_100_and_only_fades_with_time(
    signals: dict[str, Any], done: list[tuple[str, datetime]]
) -> None:
    state = did(*done)

    scores = [score_of(contributions(rules(signals=signals), state, LATER + days * DAY)) for days in (0, 1, 10, 80)]

    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)


# ── submissions and touches ───────────────────────────────────────────────────────────────────────

SUBMISSIONS = [
    {"source": ["demo"], "signal": "demo_request"},
    {"channel": ["chat"], "signal": "chat"},
    {"channel": ["web_form", "api"], "source": ["trial", "demo"], "signal": "product_usage"},
    {"channel": ["web_form"], "signal": "form_submission"},
]


@pytest.mark.parametrize(
    ("channel", "source", "utm_source", "counts_as"),
    [
        ("web_form", "Demo", None, "demo_request"),
        ("google_ads", "x", "demo", "demo_request"),
        ("chat", None, None, "chat"),
        ("api", "trial", None, "product_usage"),
        ("web_form", "trial", None, "product_usage"),
        ("web_form", "other", None, "form_submission"),
        ("csv_import", "list", None, None),
    ],
)
def test_the_first_line_that_fits_says_what_a_submission_counts_as(
    channel: str, source: str | None, utm_source: str | None, counts_as: str | None
) -> None:
    facts = facts_of(enriched(channel=channel, source=source, utm_source=utm_source).data)
    assert signal_of(compile_intent(rules(submissions=SUBMISSIONS)), facts) == counts_as


def test_a_line_without_channel_and_source_takes_every_submission() -> None:
    everything = compile_intent(rules(submissions=[{"signal": "form_submission"}]))
    assert signal_of(everything, facts_of(enriched(channel="chat").data)) == "form_submission"


UNANSWERED = {"points": -3, "after": "0m", "half_life": "30d", "cap": 5}


def test_touches_since_the_lead_last_did_something_count_as_unanswered() -> None:
    intent = rules(unanswered=UNANSWERED, signals={})
    state = did(("page_view", MONDAY + DAY))
    for days in (0, 2):
        state = fold_touch(state, f"t{days}", timestamp_ms(MONDAY + days * DAY))

    (contribution,) = contributions(intent, state, MONDAY + 2 * DAY)

    assert (contribution.code, contribution.times, contribution.tenths) == ("unanswered", 1, -30)


def test_a_touch_is_unanswered_only_when_there_was_time_to_answer() -> None:
    intent = rules(unanswered=UNANSWERED | {"after": "2d"}, signals={})
    state = fold_touch(ScoreState(), "t", timestamp_ms(MONDAY))

    assert contributions(intent, state, MONDAY + 2 * DAY - timedelta(minutes=1)) == []
    assert [contribution.times for contribution in contributions(intent, state, MONDAY + 2 * DAY)] == [1]


def test_an_answer_takes_unanswered_touches_back() -> None:
    intent = rules(unanswered=UNANSWERED, signals={})
    state = fold_touch(ScoreState(), "t", timestamp_ms(MONDAY))
    assert contributions(intent, state, MONDAY)

    answered = fold_signal(state, signal("email_reply", MONDAY).data, timestamp_ms(MONDAY))

    assert contributions(intent, answered, MONDAY) == []


def test_a_submission_that_counts_as_no_signal_still_answers_touches() -> None:
    intent = rules(unanswered=UNANSWERED, signals={})
    state = fold_touch(ScoreState(), "t", timestamp_ms(MONDAY))
    again = enriched(MONDAY + DAY, channel="csv_import").data

    state = fold_enriched(state, again, timestamp_ms(MONDAY + DAY), None)

    assert contributions(intent, state, MONDAY + DAY) == []
