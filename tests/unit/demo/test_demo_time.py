"""The agenda, the days and hours, and when the pipeline is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from demo.actions import Action, ForeignRecord
from demo.agenda import Agenda
from demo.quiescence import Snapshot, Timer, snapshot_of, stop_for
from demo.times import floor, office_time, somewhen

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NOTHING = ForeignRecord("leads.captured", b"", b"")


def action(minutes: float, patience: float = 0) -> Action:
    return Action(NOW + minutes * MINUTE, NOTHING, f"{minutes}", patience * MINUTE)


# -- agenda ------------------------------------------------------------------------------------------------------------


def test_the_clock_stops_for_what_can_wait_no_longer_and_takes_along_what_could() -> None:
    agenda = Agenda([action(10), action(2, patience=60), action(11)])
    assert agenda.next_stop() == NOW + 10 * MINUTE
    assert [each.lane for each in agenda.take(NOW + 10 * MINUTE)] == ["2", "10"]
    assert agenda.next_stop() == NOW + 11 * MINUTE


def test_what_has_waited_long_enough_stops_the_clock_by_itself() -> None:
    agenda = Agenda([action(2, patience=30), action(50)])
    assert agenda.next_stop() == NOW + 32 * MINUTE


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), max_size=40))
def test_everything_is_done_once_in_order_and_nothing_late(moments: list[tuple[int, int]]) -> None:
    agenda = Agenda(action(at, patience) for at, patience in moments)
    done: list[Action] = []
    while (stop := agenda.next_stop()) is not None:
        taken = agenda.take(stop)
        assert all(each.at <= stop <= each.at + each.patience or each.at == stop for each in taken)
        assert taken == sorted(taken, key=lambda each: each.at)
        done += taken
    assert len(done) == len(moments)
    assert len(agenda) == 0


# -- days and hours ----------------------------------------------------------------------------------------------------


MOMENTS = st.timedeltas(timedelta(days=-400), timedelta(days=400)).map(lambda away: NOW + away)


@given(MOMENTS)
def test_a_moment_lies_less_than_one_step_behind_its_place_on_the_grid(moment: datetime) -> None:
    on_grid = floor(moment, 10 * MINUTE)
    assert timedelta(0) <= moment - on_grid < 10 * MINUTE
    assert on_grid.minute % 10 == on_grid.second == 0


@given(MOMENTS, st.sampled_from(["Europe/London", "America/New_York", "Australia/Sydney", "Asia/Kolkata"]))
def test_office_time_is_on_a_weekday_by_day_and_soon(moment: datetime, zone: str) -> None:
    from zoneinfo import ZoneInfo

    found = office_time(moment, zone)
    local = found.astimezone(ZoneInfo(zone))
    assert local.weekday() < 5
    assert 9 <= local.hour < 17
    assert timedelta(0) <= found - moment < timedelta(days=4)


@given(st.integers())
def test_somewhen_is_between(seed: int) -> None:
    assert NOW <= somewhen(NOW, NOW + HOUR, "Europe/London", Random(seed)) < NOW + HOUR


# -- quiescence --------------------------------------------------------------------------------------------------------

READ = {("enrich", "leads.captured"): 7, ("metrics", "leads.captured"): 7}


def test_all_is_done_when_all_that_was_numbered_is_read() -> None:
    assert Snapshot({"leads.captured": 7}, READ).unfinished(NOW) == []


def test_an_event_that_one_reader_has_not_read_is_named() -> None:
    behind = READ | {("metrics", "leads.captured"): 6}
    assert Snapshot({"leads.captured": 7}, behind).unfinished(NOW) == [
        "metrics has read 6 of 7 events of leads.captured"
    ]


def test_a_due_timer_an_effect_and_an_unnumbered_event_are_work_to_do() -> None:
    timers = (Timer("route.sla", NOW), Timer("score.decay", NOW + HOUR))
    left = Snapshot(waiting={"nurture.effects": 2, "capture.intake": 0}, timers=timers).unfinished(NOW)
    assert left == ["2 in nurture.effects", "route.sla was due at 2026-11-18 12:00:00"]


def test_a_strangers_record_counts_until_every_reader_has_passed_it() -> None:
    passed = {("enrich", "leads.captured", 3): 9, ("metrics", "leads.captured", 3): 8}
    left = Snapshot(offsets=passed).unfinished(NOW, [("leads.captured", 3, 8)])
    assert left == ["metrics has not passed a stranger's record on leads.captured"]


def test_what_several_services_write_on_one_topic_adds_up() -> None:
    snapshot = snapshot_of(
        [
            ("capture", "numbered", "leads.signals", "", 4, None),
            ("nurture", "numbered", "leads.signals", "", 1, None),
            ("score", "read", "leads.signals", "", 5, None),
            ("capture", "waiting", "intake", "", 3, None),
            ("route", "timer", "sla", "", 0, NOW + HOUR),
            ("nurture", "timer", "touch", "", 0, NOW),
            ("score", "offset", "leads.signals", "11", 6, None),
        ]
    )
    assert snapshot.numbered == {"leads.signals": 5}
    assert snapshot.read == {("score", "leads.signals"): 5}
    assert snapshot.waiting == {"capture.intake": 3}
    assert snapshot.timers == (Timer("nurture.touch", NOW), Timer("route.sla", NOW + HOUR))
    assert snapshot.offsets == {("score", "leads.signals", 11): 6}


def test_the_clock_stops_soon_after_a_deadline_and_later_for_a_fading_score() -> None:
    assert stop_for(()) is None
    stop = stop_for((Timer("route.sla", NOW), Timer("score.decay", NOW)))
    assert stop is not None
    assert NOW < stop <= NOW + 5 * MINUTE
    decay = stop_for((Timer("score.decay", NOW),))
    assert decay is not None
    assert decay > stop
