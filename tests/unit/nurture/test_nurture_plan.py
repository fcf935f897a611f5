"""Which sequence a lead enters, and when its touches are due."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from schemas.base import Mode
from schemas.events import Consent, Profile, SequencePlanned
from services.nurture.domain.entry import sequence_for
from services.nurture.domain.limits import places
from services.nurture.domain.state import NurtureState
from tests.unit.nurture.world import (
    MONDAY,
    NURTURE,
    World,
    assigned,
    origin,
    parked,
    policy,
    reassigned,
    scored,
)

PARALLEL = [
    "planned at-once/email entered",
    "planned at-once/call_task entered",
    "planned connect/linkedin entered",
    "planned again/email entered",
    "planned again/sms entered",
]


def due_of(world: World) -> dict[str, str]:
    """When each touch was last planned for, in UTC."""
    return {f"{t.data.step}/{t.data.channel}": f"{t.data.due_at:%a %H:%M}" for t in world.told if t.status == "planned"}


def senders_of(world: World) -> set[str]:
    """Whose daily limits the touches that are due next count against."""
    return {place.sender for place in places(timer.data or {} for timer, _ in world.timers.values())}


def test_an_assignment_plans_touches_on_parallel_channels() -> None:
    world = World().hear(assigned())
    assert world.log() == PARALLEL
    assert due_of(world) == {
        "at-once/email": "Mon 10:00",
        "at-once/call_task": "Mon 10:00",
        "connect/linkedin": "Tue 10:00",
        "again/email": "Thu 10:00",
        "again/sms": "Thu 10:00",
    }
    assert len(world.waiting) == 5
    assert not world.effects


def test_a_planned_touch_names_the_enquiry_the_rep_and_nobody_in_person() -> None:
    touch = World().hear(assigned()).told[0].data
    assert (touch.origin and touch.origin.submission_id, touch.rep, touch.sequence, touch.human) == (
        "s1",
        "lucia",
        "hot",
        False,
    )
    assert touch.person.to is touch.person.subject is touch.person.body is None


def test_only_what_answers_at_any_hour_goes_out_at_night() -> None:
    night = MONDAY.replace(hour=23)
    world = World().hear(assigned(night, origin=origin(night)))
    assert due_of(world)["at-once/email"] == "Mon 23:00"
    assert due_of(world)["at-once/call_task"] == "Tue 09:00"


def test_a_step_is_counted_from_the_moment_the_one_before_goes_out() -> None:
    slow = {"id": "slow", "name": "Slow", "entry": {"band": "hot"}, "send_window": {"mon-fri": "09:00-17:00"}}
    email, text = {"channel": "email", "template": "again"}, {"channel": "sms", "template": "text"}
    steps = [{"id": "one", "after": "8h", "touches": [email]}, {"id": "two", "after": "3h", "touches": [text]}]
    world = World(policy(sequences=[{**slow, "steps": steps}])).hear(assigned())
    assert due_of(world) == {"one/email": "Tue 09:00", "two/sms": "Tue 12:00"}


def test_two_touches_on_one_channel_keep_their_distance() -> None:
    hot = NURTURE["sequences"][0]
    email = {"channel": "email", "template": "again"}
    steps = [{"id": name, "after": "1h", "touches": [email]} for name in ("one", "two", "three")]
    world = World(policy(sequences=[{**hot, "steps": steps}])).hear(assigned())
    dues = [t.data.due_at for t in world.told]
    assert all(later - earlier >= timedelta(hours=20) for earlier, later in pairwise(dues))


def test_call_tasks_need_no_distance() -> None:
    hot, call = NURTURE["sequences"][0], {"channel": "call_task", "template": "call"}
    steps = [{"id": name, "after": "1h", "touches": [call]} for name in ("one", "two")]
    world = World(policy(sequences=[{**hot, "steps": steps}])).hear(assigned())
    assert due_of(world) == {"one/call_task": "Mon 11:00", "two/call_task": "Mon 12:00"}


def test_the_same_assignment_again_gives_the_same_touches_and_no_others() -> None:
    world = World().hear(assigned())
    world.hear(assigned())
    assert world.log() == PARALLEL
    assert [t.id for t in World().hear(assigned()).told] == [t.id for t in world.told]


def test_a_parked_lead_enters_the_sequence_for_leads_without_owner() -> None:
    world = World().hear(parked())
    assert world.log() == ["planned story/email entered"]
    assert due_of(world) == {"story/email": "Thu 10:00"}


def test_a_disqualified_lead_enters_nothing() -> None:
    anybody = {**NURTURE["sequences"][2], "entry": {"band": ["hot", "warm", "cool", "cold"]}}
    assert World(policy(sequences=[anybody])).hear(parked()).log() != []
    assert World(policy(sequences=[anybody])).hear(parked(qualification="disqualified")).log() == []


def test_a_lead_that_meets_no_sequence_is_remembered_and_sent_nothing() -> None:
    world = World().hear(assigned(band="cold"))
    assert world.told == []
    assert world.state is not None
    assert world.state.owner is not None


def test_a_new_owner_goes_on_with_the_sequence_from_another_mailbox() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    assert senders_of(world) == {"linkedin:lucia"}
    told = len(world.told)
    world.hear(reassigned(MONDAY + timedelta(hours=2), rep="jonas"))
    assert senders_of(world) == {"linkedin:jonas"}
    assert len(world.told) == told
    world.run_until(MONDAY + timedelta(days=2))
    assert senders_of(world) == {"email:jonas@example.com", "sms"}


def test_parking_ends_the_owner_s_sequence_and_begins_the_other() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    world.hear(parked(MONDAY + timedelta(hours=1)))
    assert world.log("suppressed") == [
        "suppressed connect/linkedin parked",
        "suppressed again/email parked",
        "suppressed again/sms parked",
    ]
    assert world.log()[-1] == "planned story/email entered"
    assert len(world.waiting) == 1


def test_a_lead_parked_for_good_enters_again_only_as_the_policy_says() -> None:
    world = World(policy(sequences=NURTURE["sequences"][:1])).hear(assigned(), parked(MONDAY + timedelta(hours=1)))
    assert world.timers == {}
    world.hear(reassigned(MONDAY + timedelta(days=2)))
    assert world.timers == {}
    world.hear(parked(MONDAY + timedelta(days=3)), reassigned(MONDAY + timedelta(days=40)))
    assert len(world.waiting) == 5


def test_a_new_enquiry_that_leads_to_another_sequence_replaces_the_one_under_way() -> None:
    tuesday = MONDAY + timedelta(days=1, hours=-1)
    world = World().hear(assigned(band="warm"), reassigned(tuesday, origin=origin(tuesday, "s2")))
    assert "suppressed later/email assigned" in world.log()
    assert len(world.waiting) == 5


def test_the_same_enquiry_scored_anew_goes_on_with_its_sequence() -> None:
    world = World().hear(assigned(band="warm"), reassigned(MONDAY + timedelta(hours=1)))
    assert world.log() == ["planned later/email entered"]


def test_an_owner_ends_the_sequence_for_leads_without_one() -> None:
    world = World().hear(parked(), assigned(MONDAY + timedelta(days=1)))
    assert "suppressed story/email assigned" in world.log()
    assert len(world.waiting) == 5


def test_a_sequence_is_entered_again_only_after_its_time() -> None:
    world = World().hear(assigned()).run_until(MONDAY + timedelta(days=7))
    soon, later = MONDAY + timedelta(days=20), MONDAY + timedelta(days=40)
    told = len(world.told)
    world.hear(reassigned(soon, origin=origin(soon, "s2")))
    assert len(world.told) == told
    world.hear(reassigned(later, origin=origin(later, "s3")))
    assert len(world.told) == told + 5
    assert len({t.data.touch_id for t in world.told}) == 10


def test_a_sequence_without_reentry_is_entered_once_in_a_life() -> None:
    world = World().hear(assigned(band="warm")).run_until(MONDAY + timedelta(days=7))
    later = MONDAY + timedelta(days=3_000)
    told = len(world.told)
    world.hear(reassigned(later, band="warm", origin=origin(later, "s2")))
    assert len(world.told) == told


def test_history_plans_nothing_and_remembers_the_owner() -> None:
    world = World().hear(assigned(mode="history"))
    assert (world.told, world.timers, world.effects) == ([], {}, [])
    assert world.state is not None
    assert world.state.owner is not None
    world.hear(assigned(MONDAY + timedelta(days=1)))
    assert len(world.waiting) == 5


def test_shadow_tells_what_it_would_plan_and_keeps_nothing_of_it() -> None:
    world = World().hear(assigned(mode="shadow"))
    assert world.log() == PARALLEL
    assert {t.mode for t in world.told} == {"shadow"}
    assert (world.timers, world.effects) == ({}, [])
    assert world.state is not None
    assert (world.state.enrolment, world.state.owner, world.state.entered) == (None, None, {})


def test_a_shadow_assignment_leaves_a_live_plan_alone() -> None:
    world = World().hear(assigned())
    enrolment = world.state and world.state.enrolment
    world.hear(reassigned(MONDAY + timedelta(hours=1), mode="shadow", rep="jonas"))
    assert world.state is not None
    assert world.state.enrolment == enrolment
    assert world.state.owner is not None
    assert world.state.owner.rep == "lucia"
    assert len(world.waiting) == 5


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"band": ["hot", "warm"], "tier": "A1", "qualification": "mql"}, True),
        ({"territory": "uk-ireland", "in_territory": True}, True),
        ({"territory": "enterprise"}, False),
        ({"company_size": "51-200", "seniority": "unknown"}, True),
        ({"email_domain": "acme.example", "source": "pricing"}, True),
        ({"marketing_consent": True}, True),
        ({"account_has_owner": False}, False),
        ({"account_has_owner": True}, False),
        ({"band": "hot", "country": "US"}, False),
    ],
)
def test_a_lead_meets_a_sequence_when_all_its_conditions_hold(entry: dict[str, Any], expected: bool) -> None:  # noqa: FBT001  # a parametrised value
    profile = Profile(company="Acme", country="GB", employees=120)
    told = assigned(profile=profile, consent=Consent(marketing=True), territory="uk-ireland").data
    wanted = {**NURTURE["sequences"][0], "entry": entry}
    entered = sequence_for(policy(sequences=[wanted]).nurture, NurtureState(), told)
    assert (entered is not None) is expected


def test_limits_of_the_past_week_space_a_new_sequence_too() -> None:
    world = World().hear(assigned(band="warm")).run_until(MONDAY + timedelta(days=2))
    sent = next(t.data.occurred_at for t in world.told if t.status == "sent")
    world.hear(parked(sent + timedelta(minutes=5)), assigned(sent + timedelta(minutes=10)))
    first = next(t.data.due_at for t in world.told if t.data.step == "at-once" and t.data.channel == "email")
    assert first == sent + timedelta(hours=20)


def test_touches_of_two_leads_never_share_an_id() -> None:
    other = assigned().replace(subject="lead-2")
    ids = {t.data.touch_id for t in World().hear(assigned()).told}
    assert ids.isdisjoint(t.data.touch_id for t in World().hear(other).told)


def test_an_enrolment_is_one_event_and_one_timer() -> None:
    world = World().hear(assigned())
    (event,) = world.events
    assert isinstance(event, SequencePlanned)
    assert len(event.data.touches) == 5
    assert list(world.timers) == ["touches"]
    assert SequencePlanned.from_json(event.to_json()) == event


def test_a_timer_is_set_only_when_the_next_touch_changes() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    before = len(world.decisions)
    world.hear(scored(MONDAY + timedelta(hours=1)), reassigned(MONDAY + timedelta(hours=2)))
    assert [decision.timers for decision in world.decisions[before:]] == [(), ()]


@pytest.mark.parametrize("mode", ["history", "shadow"])
def test_what_is_imported_or_tried_out_does_not_keep_a_live_plan_from_being_sent(mode: Mode) -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    world.hear(reassigned(MONDAY + timedelta(hours=1), rep="jonas", mode=mode))
    world.run_until(MONDAY + timedelta(days=30))
    assert len(world.log("sent")) == 5
    assert world.told[-1].data.rep == ("jonas" if mode == "history" else "lucia")
