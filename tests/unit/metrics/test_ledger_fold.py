"""What the ledger makes of events, one at a time and in any interleaving."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Event
from schemas.events import SequencePlanned, SequenceStopped
from services.metrics.domain.fold import REMEMBERED, fold
from services.metrics.domain.ledger import Ledger
from services.metrics.domain.sla_clocks import REMEMBERED_CLOCKS
from tests.support.events import interleavings
from tests.unit.metrics import ledger_events as e


def folded(*events: Event) -> Ledger:
    ledger: Ledger | None = None
    for event in events:
        after = fold(ledger, event)
        ledger = ledger if after is None else after
    assert ledger is not None
    return ledger


def test_a_lead_s_way_is_kept_with_the_time_of_each_stage() -> None:
    ledger = folded(
        e.captured(0),
        e.enriched(0.1),
        e.scored(0.2),
        e.assigned(0.3),
        e.touch(10),
        e.touch(40, "t2", human=True),
        e.outcome("meeting", 1_000),
        e.outcome("sql", 2_000),
        e.outcome("opportunity", 3_000, "900"),
        e.outcome("won", 4_000, "1200.50"),
    )
    assert ledger.captured_at == e.at(0)
    assert ledger.enriched_at == e.at(0.1)
    assert ledger.scored_at == ledger.mql_at == e.at(0.2)
    assert ledger.assigned_at == e.at(0.3)
    assert ledger.touched_at == e.at(10)
    assert ledger.contacted_at == e.at(40)
    assert (ledger.meeting_at, ledger.sql_at) == (e.at(1_000), e.at(2_000))
    assert (ledger.opportunity_at, ledger.won_at, ledger.lost_at) == (e.at(3_000), e.at(4_000), None)
    assert (ledger.value, ledger.currency) == (Decimal("1200.50"), "EUR")
    assert (ledger.channel, ledger.source) == ("web_form", "pricing")
    assert (ledger.team, ledger.rep, ledger.band, ledger.mode) == ("emea", "kim", "hot", "live")
    assert (ledger.submissions, ledger.touches) == (1, 2)


def test_the_first_submission_gives_the_channel_and_later_ones_are_counted() -> None:
    ledger = folded(e.captured(100, "s2", "chat"), e.captured(0, "s1", "web_form"))
    assert (ledger.channel, ledger.captured_at, ledger.submissions) == ("web_form", e.at(0), 2)


def test_the_channel_is_known_before_the_submission_itself_is_read() -> None:
    ledger = folded(e.scored(0.2, came=e.origin("s1", 0, "chat")))
    assert (ledger.channel, ledger.captured_at, ledger.submissions) == ("chat", e.at(0), 0)


def test_first_and_latest_band_are_both_kept() -> None:
    ledger = folded(e.scored(1, "cool", "nurture"), e.scored(2, "hot"), e.scored(3, "warm"))
    assert (ledger.first_band, ledger.band, ledger.mql_at) == ("cool", "warm", e.at(2))


def test_only_what_was_sent_is_a_touch_and_only_people_contact() -> None:
    ledger = folded(
        e.touch(1, "t1", "planned"),
        e.touch(2, "t1", "failed"),
        e.touch(3, "t2", "suppressed"),
        e.touch(4, "t3", "unknown"),
        e.touch(5, "t4"),
    )
    assert (ledger.touches, ledger.touched_at, ledger.contacted_at) == (1, e.at(5), None)


def test_a_plan_says_only_where_the_lead_came_from() -> None:
    plans = (e.sequence(SequencePlanned, 1, "t1", "t2"), e.sequence(SequenceStopped, 2, "t2"))
    assert [folded(each) for each in plans] == [folded(e.touch(1, "t1", "planned"))] * 2


def test_a_crm_that_reports_contact_counts_as_contact() -> None:
    assert folded(e.outcome("contacted", 77)).contacted_at == e.at(77)
    assert folded(e.outcome("meeting", 90), e.outcome("won", 99)).contacted_at == e.at(90)


@pytest.mark.parametrize(
    ("written", "kept"), [("1e-999999", "0"), ("1e999999", "1e15"), ("0.1234567890123456789", "0.123456789012345679")]
)
def test_an_amount_of_an_old_event_is_brought_within_bounds(written: str, kept: str) -> None:
    value = folded(e.outcome("won", 60, written)).value
    assert value == Decimal(kept)
    assert len(f"{value:f}") < 40


def test_a_deal_s_value_is_the_won_one_even_when_a_correction_of_the_offer_comes_later() -> None:
    ledger = folded(e.outcome("opportunity", 1, "500"), e.outcome("won", 2, "700"), e.outcome("opportunity", 3, "900"))
    assert (ledger.value, ledger.value_won) == (Decimal(700), True)


def test_a_reassignment_changes_the_owner_and_keeps_the_first_time() -> None:
    ledger = folded(e.assigned(0.3), e.reassigned(60, "lee"))
    assert (ledger.rep, ledger.assigned_at) == ("lee", e.at(0.3))


def test_a_parked_lead_has_no_owner_and_no_running_clock() -> None:
    ledger = folded(e.assigned(), e.met("owned", 0.3), e.parked())
    assert (ledger.rep, ledger.team) == (None, None)
    assert {clock.sla: clock.status for clock in ledger.clocks} == {"owned": "met", "contacted": "cancelled"}


def test_a_new_owner_starts_a_cancelled_clock_again() -> None:
    ledger = folded(e.assigned(), e.parked(), e.reassigned(100, "lee"))
    assert {(clock.sla, clock.status, clock.rep) for clock in ledger.clocks} == {
        ("owned", "open", "lee"),
        ("contacted", "open", "lee"),
    }


def test_a_deadline_reported_broken_may_turn_out_kept() -> None:
    ledger = folded(e.assigned(), e.breached("contacted", 300), e.met("contacted", 120))
    clock = next(clock for clock in ledger.clocks if clock.sla == "contacted")
    assert (clock.status, clock.seconds) == ("met", 120)


def test_a_deadline_kept_is_not_broken_by_a_late_report() -> None:
    ledger = folded(e.met("contacted", 120), e.breached("contacted", 300), e.assigned(400))
    clock = next(clock for clock in ledger.clocks if clock.sla == "contacted")
    assert (clock.status, clock.seconds) == ("met", 120)


def test_each_submission_has_its_own_deadlines() -> None:
    second = e.origin("s2", 10_000)
    ledger = folded(e.assigned(), e.breached("contacted", 300), e.reassigned(10_001, came=second))
    statuses = {(clock.submission_id, clock.sla): clock.status for clock in ledger.clocks}
    assert statuses["s1", "contacted"] == "breached"
    assert statuses["s2", "contacted"] == "open"


def test_what_the_next_owner_is_given_after_a_breach_opens_no_clock() -> None:
    first = (e.assigned(), e.breached("contacted", 300))
    taken_over = e.reassigned(400, "lee", started_at=e.at(400), measured=False)
    assert folded(*first, taken_over).clocks == folded(*first).clocks


def test_new_deadlines_end_the_running_ones() -> None:
    ledger = folded(e.assigned(), e.reassigned(100, "lee", started_at=e.at(100)))
    assert {(clock.sla, clock.rep, clock.status) for clock in ledger.clocks} == {
        ("owned", "kim", "cancelled"),
        ("contacted", "kim", "cancelled"),
        ("owned", "lee", "open"),
        ("contacted", "lee", "open"),
    }


@pytest.mark.parametrize("mode", ["history", "shadow"])
def test_no_clock_runs_for_what_was_imported_or_tried_out(mode: str) -> None:
    ledger = folded(e.captured(mode=mode), e.assigned(mode=mode))
    assert ledger.clocks == ()
    assert ledger.mode == mode


def test_one_live_event_makes_an_imported_lead_live() -> None:
    assert folded(e.captured(mode="history"), e.signal(5)).mode == "live"
    assert folded(e.signal(5), e.captured(mode="history")).mode == "live"


@pytest.mark.parametrize(
    "repeated",
    [e.captured(), e.signal(), e.touch()],
    ids=["submission", "signal", "touch"],
)
def test_a_repeat_is_not_counted_twice(repeated: Event) -> None:
    once = folded(repeated)
    assert fold(once, repeated) is None


def test_a_lead_s_state_stays_small() -> None:
    events: list[Event] = []
    for number in range(200):
        came = e.origin(f"s{number}", number)
        events += [
            e.captured(number, f"s{number}"),
            e.signal(number, f"g{number}"),
            e.touch(number, f"t{number}"),
            e.reassigned(number, came=came),
        ]
    ledger = folded(*events)
    assert (ledger.submissions, ledger.signals, ledger.touches) == (200, 200, 200)
    assert len(ledger.clocks) == REMEMBERED_CLOCKS
    assert len(ledger.seen_signals) == REMEMBERED
    assert len(ledger.to_json().decode()) < 6_000


def test_an_event_that_is_about_no_lead_is_refused() -> None:
    with pytest.raises(TypeError, match="InputRejected"):
        fold(None, e.rejected())


SECONDS = st.integers(0, 500)
SUBMISSIONS = st.sampled_from(["s1", "s2", "s3"])
STARTS = {"s1": 0, "s2": 50, "s3": 200}


@st.composite
def topics(draw: st.DrawFn) -> list[list[Event]]:
    """What each topic holds about one lead, in the topic's order."""

    def some(make: st.SearchStrategy[Event], most: int = 4) -> list[Event]:
        return draw(st.lists(make, max_size=most))

    came = SUBMISSIONS.map(lambda name: e.origin(name, STARTS[name]))
    captures = SUBMISSIONS.map(lambda name: e.captured(STARTS[name], name))
    rep = st.sampled_from(["kim", "lee"])
    sla = st.sampled_from(["owned", "contacted"])
    touches = st.builds(
        lambda s, n, status, human: e.touch(s, n, status, human=human),
        SECONDS,
        st.sampled_from(["t1", "t2", "t3"]),
        st.sampled_from(["sent", "planned", "failed"]),
        st.booleans(),
    )
    assignments = st.one_of(
        st.builds(e.assigned, SECONDS, rep, came=came),
        st.builds(e.reassigned, SECONDS, rep, came=came),
        st.builds(e.parked, SECONDS, came),
        st.builds(e.met, sla, SECONDS, came),
        st.builds(e.breached, sla, SECONDS, came),
    )
    outcomes = st.builds(
        e.outcome,
        st.sampled_from(["contacted", "meeting", "sql", "opportunity", "won", "lost", "returned"]),
        SECONDS,
        st.sampled_from([None, "10", "20"]),
    )
    return [
        some(captures),
        some(st.builds(e.enriched, SECONDS, came)),
        some(st.builds(e.scored, SECONDS, st.sampled_from(["hot", "warm", "cold"]), came=came)),
        some(assignments, 6),
        some(touches),
        some(st.builds(e.signal, SECONDS, st.sampled_from(["g1", "g2"]))),
        some(outcomes),
    ]


@given(st.data())
def test_any_interleaving_of_the_topics_gives_the_same_ledger(data: st.DataObject) -> None:
    queues = data.draw(topics())
    in_order = [event for queue in queues for event in queue]
    if in_order:
        shuffled = data.draw(interleavings(queues))
        assert folded(*shuffled) == folded(*in_order)


@given(
    st.permutations(
        [
            e.captured(0),
            e.captured(50, "s2", "chat"),
            e.enriched(1),
            e.enriched(51),
            e.touch(5),
            e.touch(6, "t2", human=True),
            e.outcome("meeting", 70),
            e.outcome("meeting", 60),
            e.outcome("won", 90),
            e.signal(3),
            e.signal(4, "g2"),
        ]
    )
)
def test_earliest_times_and_counts_need_no_order_at_all(events: list[Event]) -> None:
    ledger = folded(*events)
    assert (ledger.captured_at, ledger.enriched_at, ledger.meeting_at) == (e.at(0), e.at(1), e.at(60))
    assert (ledger.touched_at, ledger.contacted_at, ledger.won_at) == (e.at(5), e.at(6), e.at(90))
    assert (ledger.submissions, ledger.signals, ledger.touches, ledger.channel) == (2, 2, 2, "web_form")
