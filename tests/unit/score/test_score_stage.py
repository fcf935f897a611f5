from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from runtime.stage import CancelTimer, EffectDone, SetTimer
from schemas.base import Cause, new_traceparent
from schemas.events import LeadScored
from schemas.topics import SCORED
from services.score.domain.state import ScoreState
from services.score.stage import DECAY
from tests.unit.score.score_cases import (
    LEAD,
    MONDAY,
    Journey,
    decay_due,
    enriched,
    outcome,
    policy_of,
    signal,
    touch,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIT_50 = {"fit": {"base": 50, "rules": []}}


def test_signals_before_the_enriched_event_are_kept_and_count_when_it_comes() -> None:
    lead = Journey(policy_of(**FIT_50)).follow([signal(), signal(name="g2")])
    assert lead.scored == []

    lead.take(enriched())

    (scored,) = lead.scored
    assert (scored.data.fit, scored.data.intent, scored.data.trigger) == (50, 20, "enriched")


def test_the_score_names_its_policy_and_carries_what_the_next_services_need() -> None:
    first = enriched(source="pricing", marketing=True)

    scored = Journey().follow([first]).scored[0]

    assert scored.policy == "default-1"
    assert scored.traceparent[:35] == first.traceparent[:35]
    data = scored.data
    assert (data.origin, data.person, data.profile, data.consent) == (
        first.data.origin,
        first.data.person,
        first.data.profile,
        first.data.consent,
    )
    assert SCORED.decode(scored.to_json()) == scored


def test_a_signal_that_changes_the_score_is_told() -> None:
    lead = Journey(policy_of(**FIT_50)).follow([enriched(), signal(at=MONDAY + HOUR)])

    assert [(each.data.intent, each.data.trigger) for each in lead.scored] == [(0, "enriched"), (10, "signal")]
    assert lead.scored[-1].data.as_of == MONDAY + HOUR


def test_a_signal_that_changes_no_number_is_folded_and_not_told() -> None:
    lead = Journey(policy_of(**FIT_50)).follow([enriched(), signal("chat", MONDAY + HOUR)])

    assert len(lead.scored) == 1
    assert "chat" in lead.known.signals


def test_a_repeated_signal_is_dropped() -> None:
    lead = Journey().follow([enriched(), signal()])
    before = lead.known

    decision = lead.take(signal())

    assert decision.dropped == "signal_known_or_too_old"
    assert decision.events == ()
    assert lead.known is before


def test_the_same_id_from_another_type_of_signal_is_another_signal() -> None:
    lead = Journey().follow([signal("email_open", name="m1"), signal("email_click", name="m1")])

    assert set(lead.known.signals) == {"email_open", "email_click"}


def test_new_facts_are_told_even_where_the_score_stays_the_same() -> None:
    policy = policy_of(**FIT_50)
    lead = Journey(policy).follow([enriched(), enriched(email="jane@new.example"), enriched(marketing=False)])

    assert [each.data.person.email for each in lead.scored[:2]] == ["jane@acme.example", "jane@new.example"]
    assert lead.scored[2].data.consent.marketing is False
    assert len({each.data.total for each in lead.scored}) == 1


def test_the_same_facts_again_are_not_told() -> None:
    assert len(Journey().follow([enriched(), enriched()]).scored) == 1


def test_a_demo_form_is_a_demo_request_once_for_each_submission() -> None:
    lead = Journey().follow([enriched(source="Demo"), enriched(source="Demo", email="other@acme.example")])

    assert len(lead.known.signals["demo_request"]) == 1
    data = lead.scored[0].data
    assert (data.band, data.qualification) == ("hot", "mql")
    assert "asked-for-demo" in {reason.code for reason in data.reasons} or data.total >= 65


def test_a_clock_that_runs_ahead_does_not_age_everything_else() -> None:
    lead = Journey(policy_of(**FIT_50)).follow([enriched(), signal()])

    lead.take(signal("chat", MONDAY + 3650 * DAY, "future", recorded=MONDAY + HOUR))

    assert lead.known.as_of == lead.known.signals["chat"][0][0]
    assert lead.scored[-1].data.intent == 10


def test_a_touch_counts_once_it_is_sent() -> None:
    unanswered = {"points": -10, "after": "0m", "half_life": "30d"}
    intent = {
        "forget_after": "90d",
        "signals": {"meeting": {"points": 60, "half_life": "30d"}},
        "unanswered": unanswered,
    }
    lead = Journey(policy_of(intent=intent)).follow([enriched(), signal("meeting")])

    planned = lead.take(touch(MONDAY + HOUR, status="planned"))
    lead.take(touch(MONDAY + HOUR, status="sent"))

    assert planned.dropped == "touch_not_sent"
    assert (lead.scored[-1].data.intent, lead.scored[-1].data.trigger) == (50, "touch")


def test_an_outcome_that_came_before_the_lead_was_enriched_counts() -> None:
    adjustments = [{"id": "bought", "outcome": "won", "fit": 15, "reason": "Bought"}]
    lead = Journey(policy_of(outcomes=adjustments, **FIT_50)).follow([outcome("won"), enriched()])

    assert lead.scored[-1].data.fit == 65


def test_a_new_policy_revalues_what_the_lead_did_before() -> None:
    lead = Journey(policy_of(**FIT_50)).follow([enriched(), signal()])
    double = {"forget_after": "90d", "signals": {"pricing_visit": {"points": 20, "half_life": "7d"}}}
    lead.policy = policy_of(intent=double, **FIT_50)

    lead.take(signal("chat"))

    assert lead.scored[-1].data.intent == 20


# ── fading ────────────────────────────────────────────────────────────────────────────────────────

FADING = policy_of(
    intent={"forget_after": "360d", "signals": {"meeting": {"points": 100, "half_life": "7d"}}}, **FIT_50
)


def timer_of(lead: Journey, item: object) -> SetTimer | CancelTimer | None:
    timers = lead.take(item).timers  # type: ignore[arg-type]  # any input
    assert len(timers) <= 1
    return timers[0] if timers else None


def test_a_lead_with_interest_is_scored_anew_within_two_intervals() -> None:
    lead = Journey(FADING).follow([signal("meeting")])

    timer = timer_of(lead, enriched())

    assert isinstance(timer, SetTimer)
    assert timer.name == DECAY
    assert MONDAY + DAY <= timer.due < MONDAY + 2 * DAY


def test_a_quiet_lead_fades_at_ever_longer_intervals_until_it_is_cold() -> None:
    lead = Journey(FADING).follow([signal("meeting")])
    timer = timer_of(lead, enriched())
    dues: list[datetime] = []
    while isinstance(timer, SetTimer) and len(dues) < 50:
        dues.append(timer.due)
        timer = timer_of(lead, decay_due(timer.due))

    waits = [later - earlier for earlier, later in pairwise(dues)]
    assert waits[0] == DAY
    assert waits == sorted(waits)
    assert waits[-1] > 10 * DAY
    assert len(dues) < 20
    told = [each.data for each in lead.scored]
    assert {each.trigger for each in told[1:]} == {"decay"}
    assert [each.as_of for each in told[1:]] == [due for due in dues if due in {each.as_of for each in told}]
    assert [each.intent for each in told] == sorted((each.intent for each in told), reverse=True)
    assert lead.known.timer == 0


def test_fading_by_less_than_the_policy_finds_worth_telling_is_not_told() -> None:
    lead = Journey(FADING).follow([signal("meeting"), enriched()])
    hours = lead.take(decay_due(MONDAY + 6 * HOUR))
    day = lead.take(decay_due(MONDAY + 26 * HOUR))

    assert hours.events == ()
    assert isinstance(day.events[0], LeadScored)
    assert lead.scored[0].data.total - lead.scored[1].data.total >= 3


def test_what_fading_left_untold_is_told_with_the_next_fact() -> None:
    lead = Journey(FADING).follow([signal("meeting"), enriched(), decay_due(MONDAY + 6 * HOUR)])
    assert len(lead.scored) == 1

    lead.take(signal("chat", MONDAY + 6 * HOUR))

    assert lead.scored[-1].data.intent == 98


def test_activity_within_an_interval_sets_no_new_timer_and_later_activity_does() -> None:
    lead = Journey(FADING).follow([signal("meeting")])
    first = timer_of(lead, enriched())
    assert isinstance(first, SetTimer)
    until = first.due - DAY - MONDAY

    assert timer_of(lead, signal("chat", MONDAY + until - HOUR, "soon")) is None
    later = timer_of(lead, signal("chat", MONDAY + until + HOUR, "later"))

    assert later == SetTimer(DECAY, first.due + DAY)


def test_a_lead_that_turns_cold_loses_its_timer() -> None:
    adjustments = [{"id": "gone", "outcome": "lost", "fit": -100, "intent": -100, "reason": "Gone"}]
    policy = FADING.model_copy(
        update={"scoring": policy_of(outcomes=adjustments, intent=FADING.scoring.intent, **FIT_50).scoring}
    )
    lead = Journey(policy).follow([signal("meeting"), enriched()])

    assert timer_of(lead, outcome("lost")) == CancelTimer(DECAY)
    assert lead.known.timer == 0


@pytest.mark.parametrize("mode", ["history", "shadow"])
def test_history_and_shadow_are_scored_and_set_no_timer(mode: str) -> None:
    lead = Journey(FADING).follow([signal("meeting", mode=mode)])  # type: ignore[arg-type]  # parametrized

    decision = lead.take(enriched(mode=mode))  # type: ignore[arg-type]  # parametrized

    assert decision.timers == ()
    assert decision.events[0].mode == mode


def test_a_lead_from_history_gets_its_timer_with_the_first_live_fact() -> None:
    lead = Journey(FADING).follow([signal("meeting", mode="history"), enriched(mode="history")])

    assert isinstance(timer_of(lead, signal("chat", MONDAY + timedelta(minutes=1))), SetTimer)


def test_a_timer_of_a_lead_that_was_forgotten_is_dropped() -> None:
    decision = Journey().take(decay_due(MONDAY))

    assert (decision.state, decision.dropped) == (None, "nothing_to_score")


def test_a_late_fact_does_not_take_a_faded_score_back_in_time() -> None:
    lead = Journey(FADING).follow([signal("meeting"), enriched(), decay_due(MONDAY + 7 * DAY)])

    lead.take(signal("meeting", MONDAY - 7 * DAY, "late"))

    data = lead.scored[-1].data
    assert (data.as_of, data.intent) == (MONDAY + 7 * DAY, 75)


def test_the_state_survives_its_json() -> None:
    lead = Journey().follow([enriched(), signal(), outcome("lost"), touch(), signal("chat")])

    assert ScoreState.from_json(lead.known.to_json()) == lead.known


def test_an_effects_result_is_none_of_its_business() -> None:
    cause = Cause(id="x", lead_id=LEAD, traceparent=new_traceparent("x"))
    done = EffectDone(LEAD, "e", "send", "done", "", MONDAY, {}, cause)

    assert Journey().take(done).dropped == "nothing_to_score"
