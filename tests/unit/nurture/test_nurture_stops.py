"""What stops a sequence, what holds it, and what does neither."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from pydantic import ValidationError

from schemas.base import Event
from schemas.events import LeadAccepted, LeadEscalated, OutcomeKind, SequenceStopped, SlaBreached, SlaMet, SlaResult
from schemas.events.signals import SignalType
from schemas.events.touched import TouchStatus
from services.nurture.stage import TIMER, NurtureStage
from tests.unit.nurture.world import (
    MONDAY,
    NURTURE,
    World,
    assigned,
    envelope,
    origin,
    outcome,
    policy,
    reassigned,
    recycled,
    scored,
    signal,
    touch,
)

HOUR = timedelta(hours=1)
LATER = MONDAY + HOUR


def under_way() -> World:
    """The first step is sent; three touches are still planned."""
    world = World().hear(assigned()).run_until(MONDAY)
    assert world.log("sent") == ["sent at-once/email", "sent at-once/call_task"]
    assert len(world.waiting) == 3
    return world


def rest_suppressed(reason: str) -> list[str]:
    return [f"suppressed {touch} {reason}" for touch in ("connect/linkedin", "again/email", "again/sms")]


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        (signal("email_reply", LATER), "reply"),
        (signal("linkedin_reply", LATER), "reply"),
        (signal("chat", LATER), "reply"),
        (signal("call", LATER), "reply"),
        (signal("meeting", LATER), "meeting"),
        (signal("unsubscribe", LATER), "unsubscribe"),
        (outcome("meeting", LATER), "outcome"),
        (outcome("sql", LATER), "outcome"),
        (outcome("opportunity", LATER), "outcome"),
        (outcome("quote_sent", LATER), "outcome"),
        (outcome("signed", LATER), "outcome"),
        (outcome("paid", LATER), "outcome"),
        (outcome("won", LATER), "outcome"),
        (outcome("lost", LATER), "outcome"),
        (outcome("contacted", LATER), "human_touch"),
        (touch(LATER), "human_touch"),
        (scored(LATER, qualification="disqualified"), "disqualified"),
    ],
)
def test_what_stops_a_sequence_suppresses_the_rest_of_it(happened: Event, reason: str) -> None:
    world = under_way().hear(happened)
    assert world.log("suppressed") == rest_suppressed(reason)
    assert world.timers == {}
    world.run_until(MONDAY + timedelta(days=30))
    assert len(world.log("sent")) == 2


@pytest.mark.parametrize(
    "kind", ["page_view", "pricing_visit", "download", "email_open", "email_click", "demo_request"]
)
def test_interest_stops_nothing(kind: SignalType) -> None:
    world = under_way().hear(signal(kind, LATER))
    assert len(world.waiting) == 3
    assert world.decisions[-1].dropped == "stops_nothing"


@pytest.mark.parametrize("kind", ["accepted"])
def test_an_owner_who_takes_the_lead_stops_nothing(kind: OutcomeKind) -> None:
    assert len(under_way().hear(outcome(kind, LATER)).waiting) == 3


@pytest.mark.parametrize("status", [status for status in get_args(TouchStatus) if status != "sent"])
def test_a_touch_that_a_rep_has_not_made_stops_nothing(status: TouchStatus) -> None:
    world = under_way().hear(touch(LATER, status))
    assert len(world.waiting) == 3
    assert world.decisions[-1].dropped == "no_contact_by_a_person"


@pytest.mark.parametrize("kind", [SlaMet, SlaBreached, LeadEscalated, LeadAccepted])
def test_what_became_of_deadlines_stops_nothing(kind: type[Event]) -> None:
    told = SlaResult(
        origin=origin(), sla="contacted", band="hot", team="sdr", rep="lucia", deadline=LATER, at=LATER, seconds=60
    )
    world = under_way().hear(envelope(kind, LATER, told))
    assert world.decisions[-1].dropped == "stops_nothing"
    assert len(world.waiting) == 3


def test_only_what_would_be_dropped_is_passed_over_unread() -> None:
    read = {event.type for event in (touch(LATER), assigned(), signal("email_reply", LATER), outcome("won", LATER))}
    assert not read & NurtureStage.ignores
    assert touch(LATER, "planned").type in NurtureStage.ignores


def test_the_news_of_its_own_touches_is_dropped() -> None:
    world = under_way()
    before, own = world.state, list(world.events)
    world.hear(*own, touch(LATER, human=False))
    assert {decision.dropped for decision in world.decisions[-len(own) - 1 :]} == {"no_contact_by_a_person"}
    assert (world.state, len(world.waiting)) == (before, 3)


def test_the_news_of_an_automatic_touch_leaves_nothing_of_a_lead_that_is_not_known() -> None:
    assert World().hear(touch(LATER, human=False)).state is None


def test_a_rep_who_was_too_late_still_stops_the_sequence() -> None:
    deadline = assigned().data.deadlines.contacted_by
    world = under_way().hear(touch(deadline + timedelta(days=1)))
    assert world.log("suppressed") == rest_suppressed("human_touch")


def test_the_time_of_a_touch_decides_and_not_when_it_was_entered() -> None:
    called = touch(LATER)
    entered = called.replace(time=LATER + timedelta(days=2))
    world = under_way().hear(entered)
    assert world.state is not None
    assert world.state.stops == {"human_touch": LATER}


def test_a_sequence_that_does_not_list_a_condition_goes_on() -> None:
    hot = {**NURTURE["sequences"][0], "stop_on": ["unsubscribe"]}
    world = World(policy(sequences=[hot])).hear(assigned()).run_until(MONDAY)
    world.hear(signal("email_reply", LATER), outcome("won", LATER), touch(LATER))
    assert len(world.waiting) == 3
    world.hear(signal("unsubscribe", LATER))
    assert world.log("suppressed") == rest_suppressed("unsubscribe")


def test_a_stop_that_comes_before_the_assignment_suppresses_every_touch() -> None:
    world = World().hear(outcome("won", LATER), assigned(MONDAY + 2 * HOUR))
    assert {line.split()[0] for line in world.log()} == {"suppressed"}
    assert len(world.told) == 5
    assert world.timers == {}


def test_what_happened_before_the_enquiry_stops_nothing() -> None:
    earlier = MONDAY - timedelta(days=30)
    world = World().hear(signal("email_reply", earlier), outcome("lost", earlier), touch(earlier), assigned())
    assert len(world.waiting) == 5


def test_a_meeting_booked_with_the_enquiry_stops_and_the_chat_it_came_through_does_not() -> None:
    assert len(World().hear(assigned(), signal("chat", MONDAY)).waiting) == 5
    assert len(World().hear(assigned(), signal("meeting", MONDAY)).waiting) == 0


def test_a_signal_dated_in_the_future_counts_from_when_it_was_heard_of() -> None:
    odd = signal("email_reply", LATER)
    odd = odd.replace(data=odd.data.replace(occurred_at=MONDAY + timedelta(days=900)))
    world = under_way().hear(odd)
    assert world.state is not None
    assert world.state.stops == {"reply": LATER}


def test_an_assignment_overrules_an_earlier_disqualification() -> None:
    world = World().hear(scored(MONDAY, qualification="disqualified"), assigned(LATER))
    assert len(world.waiting) == 5


def test_a_stop_in_imported_history_is_heeded() -> None:
    world = under_way().hear(signal("unsubscribe", LATER, mode="history"))
    assert world.timers == {}


def test_the_same_stop_again_is_dropped() -> None:
    world = under_way().hear(signal("email_reply", LATER))
    told = len(world.told)
    world.hear(signal("email_reply", LATER))
    assert len(world.told) == told
    assert world.decisions[-1].dropped == "nothing_new"


def test_a_touch_that_the_sender_already_has_is_left_to_its_result() -> None:
    world = World().hear(assigned())
    world.fire()
    world.hear(signal("email_reply", LATER))
    assert world.log("suppressed") == rest_suppressed("reply")
    world.answer("done")
    assert world.log()[-2:] == ["sent at-once/email", "sent at-once/call_task"]


# ── given back ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given_back", [recycled(LATER), outcome("returned", LATER)])
def test_a_lead_given_back_pauses(given_back: Event) -> None:
    world = under_way().hear(given_back)
    assert world.timers == {}
    assert world.log("suppressed") == []


@pytest.mark.parametrize("given_back", [recycled(LATER), outcome("returned", LATER)])
def test_the_next_owner_goes_on_where_it_stopped(given_back: Event) -> None:
    world = under_way().hear(given_back)
    friday = MONDAY + timedelta(days=4)
    world.hear(reassigned(friday, rep="jonas"))
    resumed = {f"{t.data.step}/{t.data.channel}": t.data.due_at for t in world.told if t.data.reason == "resumed"}
    assert resumed == {
        "connect/linkedin": friday,
        "again/email": friday + timedelta(days=3, hours=-1),  # Sunday: Monday at nine
        "again/sms": friday + timedelta(days=3, hours=-1),
    }
    world.run_until(friday + timedelta(days=10))
    assert len(world.log("sent")) == 5
    assert world.told[-1].data.rep == "jonas"


def test_an_owner_found_in_time_changes_no_times() -> None:
    world = under_way()
    before, due = world.waiting, world.timers[TIMER][0].due
    world.hear(recycled(LATER), reassigned(LATER + HOUR, rep="jonas"))
    assert world.waiting == before
    assert world.timers[TIMER][0].due == due
    assert world.log()[-1].startswith("sent")


def test_a_return_heard_of_after_the_next_assignment_is_old_news() -> None:
    world = under_way().hear(reassigned(LATER + HOUR, rep="jonas"), outcome("returned", LATER))
    assert len(world.waiting) == 3


def test_a_stop_while_on_hold_ends_the_sequence() -> None:
    world = under_way().hear(recycled(LATER), signal("unsubscribe", LATER + HOUR))
    assert world.log("suppressed") == rest_suppressed("unsubscribe")
    world.hear(reassigned(LATER + 2 * HOUR))
    assert world.timers == {}


def test_a_lead_assigned_while_returned_is_planned_and_held() -> None:
    world = World().hear(outcome("returned", LATER), assigned(MONDAY, origin=origin()))
    assert len(world.log("planned")) == 5
    assert world.timers == {}
    world.hear(reassigned(LATER + HOUR))
    assert len(world.waiting) == 5


def test_a_stop_is_one_event_with_all_that_it_suppresses() -> None:
    world = under_way()
    told = len(world.events)
    (event,) = world.hear(signal("email_reply", LATER)).events[told:]
    assert isinstance(event, SequenceStopped)
    assert (event.data.reason, event.data.sequence, event.data.rep) == ("reply", "hot", "lucia")
    assert [touch.channel for touch in event.data.touches] == ["linkedin", "email", "sms"]


def test_the_policy_says_which_signals_and_outcomes_stop() -> None:
    stops = {"signals": {"download": "reply", "unsubscribe": "unsubscribe"}, "outcomes": {"sql": "meeting"}}
    world = World(policy(stops=stops)).hear(assigned())
    world.hear(signal("email_reply", LATER), outcome("opportunity", LATER))
    assert world.log("suppressed")[-1].endswith("human_touch")  # contact all the same
    for happened, reason in ((signal("download", LATER), "reply"), (outcome("sql", LATER), "meeting")):
        world = World(policy(stops=stops)).hear(assigned(), happened)
        assert {line.split()[-1] for line in world.log("suppressed")} == {reason}


def test_no_policy_may_leave_an_unsubscription_unheeded() -> None:
    with pytest.raises(ValidationError, match="who unsubscribes is sent nothing more"):
        policy(stops={"signals": {"chat": "reply"}})
