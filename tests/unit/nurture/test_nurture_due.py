"""A touch whose time has come: consent, addresses, windows and limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policy.loading import load_policy
from runtime.stage import SetTimer
from schemas.events import Consent, Profile, SequencePlanned
from services.nurture.domain.limits import SenderDay, places
from services.nurture.domain.schedule import place_of
from tests.unit.nurture.world import (
    LEAD,
    MONDAY,
    NURTURE,
    World,
    assigned,
    limits,
    origin,
    person,
    policy,
    reassigned,
    recycled,
    scored,
    signal,
)

HOUR = timedelta(hours=1)
GB_CONSENT = {
    "rules": [
        {"id": "texts", "channels": "sms", "basis": "never", "reason": "No texts"},
        {"id": "britain", "countries": "GB", "channels": ["email"], "basis": "requested", "reason": "Only who asked"},
        {"id": "calls", "channels": "call_task", "basis": "legitimate_interest", "reason": "A person calls"},
    ],
    "otherwise": "consent",
    "requested_for": "2d",
    "expires_after": "30d",
}


def days_of(world: World) -> tuple[SenderDay, ...]:
    """What the planned touches count against."""
    return places(timer.data or {} for timer, _ in world.timers.values())


def played(world: World, **facts: Any) -> list[str]:
    """What became of each touch in the end; of what happened at the same time, in the order of the sequence."""
    world.hear(assigned(**facts)).run_until(MONDAY + timedelta(days=30))
    assert world.timers == {}
    order = list(dict.fromkeys(told.data.touch_id for told in world.told))
    ends = [
        (told.data.occurred_at, order.index(told.data.touch_id), line)
        for told, line in zip(world.told, world.log(), strict=True)
        if told.status != "planned"
    ]
    return [line for _, _, line in sorted(ends)]


def test_a_whole_sequence_is_sent_in_its_time() -> None:
    world = World()
    assert played(world) == [
        "sent at-once/email",
        "sent at-once/call_task",
        "sent connect/linkedin",
        "sent again/email",
        "sent again/sms",
    ]
    assert [f"{t.data.occurred_at:%a %H:%M}" for t in world.told if t.status == "sent"] == [
        "Mon 10:00",
        "Mon 10:00",
        "Tue 10:00",
        "Thu 10:00",
        "Thu 10:00",
    ]


def test_what_was_said_and_to_whom_is_told_of_a_touch_that_was_sent() -> None:
    world = World()
    played(world)
    said = {t.data.channel: t.data.person for t in world.told if t.status == "sent"}
    assert (said["call_task"].to, said["call_task"].body) == ("+442079460000", "Call Ada Lovelace of Acme")
    assert (said["linkedin"].to, said["linkedin"].body) == ("https://linkedin.example/ada", "Hi Ada")
    assert (said["sms"].to, said["sms"].body) == ("+442079460000", "Hi, Lucia will call")
    assert said["email"].to == "ada@acme.example"
    assert said["email"].body == "Lucia Romero here: mailto:lucia@example.com?subject=unsubscribe"


def test_the_sender_is_asked_for_all_it_needs_and_only_once() -> None:
    world = World().hear(assigned())
    world.fire()
    effect, task = world.effects
    assert (effect.payload["channel"], task.payload["channel"]) == ("email", "call_task")
    assert effect.kind == "send"
    assert effect.payload["lead_id"] == LEAD
    assert effect.payload["sender"] == "lucia@example.com"
    assert effect.payload["sender_name"] == "Lucia Romero"
    assert effect.payload["subject"] == "Hi Ada"
    assert effect.payload["unsubscribe"] == "mailto:lucia@example.com?subject=unsubscribe"
    assert effect.payload["send_before"] > effect.payload["due_at"]


def test_a_timer_that_comes_again_asks_for_nothing() -> None:
    world = World().hear(assigned())
    timer = world.timers["touches"]
    world.fire()
    world.timers["touches"] = timer
    world.fire()
    assert len(world.effects) == 2
    assert world.decisions[-1].dropped == "touch_superseded"


# ── may we ─────────────────────────────────────────────────────────────────────────────────────────


def test_consent_is_asked_by_country_and_channel() -> None:
    assert played(World(policy(GB_CONSENT))) == [
        "sent at-once/email",
        "sent at-once/call_task",
        "suppressed connect/linkedin no_basis:consent:otherwise",
        "suppressed again/email no_basis:requested:britain",  # three days later, and asked for two
        "suppressed again/sms no_basis:never:texts",
    ]


def test_who_agreed_to_marketing_is_sent_all_but_what_nobody_is() -> None:
    assert played(World(policy(GB_CONSENT)), consent=Consent(marketing=True)) == [
        "sent at-once/email",
        "sent at-once/call_task",
        "sent connect/linkedin",
        "sent again/email",
        "suppressed again/sms no_basis:never:texts",
    ]


def test_consent_lapses() -> None:
    given = Consent(marketing=True, given_at=MONDAY - timedelta(days=29, hours=12))
    assert "suppressed connect/linkedin no_basis:consent:otherwise" in played(World(policy(GB_CONSENT)), consent=given)


def test_a_no_wins_over_every_basis() -> None:
    outcomes = played(World(), consent=Consent(marketing=False))
    assert len(outcomes) == 5
    assert all(line.endswith("consent_refused") for line in outcomes)


def test_who_was_put_on_a_list_has_not_asked() -> None:
    outcomes = played(World(policy(GB_CONSENT)), origin=origin(channel="csv_import"))
    assert outcomes[0] == "suppressed at-once/email no_basis:requested:britain"


def test_a_country_s_rule_is_not_for_leads_of_unknown_country() -> None:
    outcomes = played(World(policy(GB_CONSENT)), profile=Profile())
    assert outcomes[0] == "suppressed at-once/email no_basis:consent:otherwise"


def test_an_old_unsubscription_holds_for_a_new_enquiry() -> None:
    world = World().hear(signal("unsubscribe", MONDAY - timedelta(days=90)))
    outcomes = played(world)
    assert len(outcomes) == 5
    assert all(line.endswith("unsubscribed") for line in outcomes)


def test_consent_given_after_an_unsubscription_lifts_it() -> None:
    world = World().hear(signal("unsubscribe", MONDAY - timedelta(days=90)))
    assert played(world, consent=Consent(marketing=True))[0] == "sent at-once/email"


def test_the_latest_consent_counts_and_not_the_one_at_the_assignment() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    newer = origin(MONDAY + HOUR, "s2")
    world.hear(scored(MONDAY + HOUR, origin=newer, consent=Consent(marketing=False)))
    world.run_until(MONDAY + timedelta(days=9))
    assert len(world.log("sent")) == 2
    assert len([line for line in world.log("suppressed") if line.endswith("consent_refused")]) == 3


# ── can we ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_channel_without_an_address_is_suppressed_and_the_others_go_on() -> None:
    assert played(World(), person=person(phone=None, linkedin_url=None)) == [
        "sent at-once/email",
        "suppressed at-once/call_task no_address:call_task",
        "suppressed connect/linkedin no_address:linkedin",
        "sent again/email",
        "suppressed again/sms no_address:sms",
    ]


def test_an_invalid_email_address_is_none() -> None:
    outcomes = played(World(), profile=Profile(email_kind="invalid", country="GB"))
    assert outcomes[0] == "suppressed at-once/email no_address:email"


def test_a_message_with_a_gap_in_it_is_not_sent() -> None:
    templates = [{**NURTURE["templates"][0], "body": "Dear {last_name}"}, *NURTURE["templates"][1:]]
    assert played(World(policy(templates=templates)))[0] == "suppressed at-once/email missing_value:last_name"


def test_a_step_that_a_newer_policy_dropped_is_suppressed() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    hot = NURTURE["sequences"][0]
    world.policy = policy(sequences=[{**hot, "steps": hot["steps"][:2]}])
    world.run_until(MONDAY + timedelta(days=9))
    assert world.log("suppressed") == ["suppressed again/email step_gone", "suppressed again/sms step_gone"]


def test_a_window_that_has_become_quiet_altogether_is_said() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    world.policy = policy(limits=limits(quiet_hours="08:00-18:00"))
    world.run_until(MONDAY + timedelta(days=9))
    assert set(world.log("suppressed")) == {
        "suppressed connect/linkedin no_send_window",
        "suppressed again/email no_send_window",
        "suppressed again/sms no_send_window",
    }


# ── not now ────────────────────────────────────────────────────────────────────────────────────────


def test_over_the_mailbox_s_limit_a_touch_moves_to_the_next_day_and_is_not_lost() -> None:
    world = World(used={SenderDay("email:lucia@example.com", "2026-03-05"): 2})
    outcomes = played(world)
    assert "planned again/email daily_limit" in world.log()
    moved = next(t.data for t in world.told if t.data.reason == "daily_limit")
    assert f"{moved.due_at:%a %H:%M}" == "Fri 09:00"
    assert outcomes[-1] == "sent again/email"
    assert world.used[SenderDay("email:lucia@example.com", "2026-03-05")] == 2
    assert world.used[SenderDay("email:lucia@example.com", "2026-03-06")] == 1


def test_limits_of_linkedin_are_the_rep_s_and_of_texts_the_company_s() -> None:
    world = World(used={SenderDay("linkedin:lucia", "2026-03-03"): 2, SenderDay("sms", "2026-03-05"): 2})
    played(world)
    assert [line for line in world.log("planned") if "daily_limit" in line] == [
        "planned connect/linkedin daily_limit",
        "planned again/sms daily_limit",
    ]


def test_a_touch_that_never_finds_room_is_given_up() -> None:
    world = World(policy(limits=limits(mailboxes={"lucia@example.com": 1})))
    days = (MONDAY + timedelta(days=n) for n in range(30))
    world.used = {SenderDay("email:lucia@example.com", f"{day:%Y-%m-%d}"): 1 for day in days}
    assert played(world)[-1] == "suppressed again/email gave_up:daily_limit"


def test_a_mailbox_s_day_is_that_of_its_owner() -> None:
    evening = MONDAY.replace(hour=23, minute=30)  # kevin is in Los Angeles, where it is still afternoon
    world = World().hear(assigned(evening, rep="kevin", origin=origin(evening)))
    assert SenderDay("email:kevin@example.com", "2026-03-02") in days_of(world)
    world = World().hear(assigned(evening, rep="jonas", origin=origin(evening)))  # and jonas in Berlin
    assert SenderDay("email:jonas@example.com", "2026-03-03") in days_of(world)


def test_a_sender_that_the_batch_has_not_locked_is_locked_first() -> None:
    world = World().hear(assigned())
    timer, cause = world.timers["touches"]
    stale = {"places": [["email:somebody-else@example.com", "2026-03-02"]]}
    world.timers["touches"] = (type(timer)(timer.name, timer.due, stale), cause)
    world.fire()
    assert [effect.payload["channel"] for effect in world.effects] == ["call_task"]
    again, _ = world.timers["touches"]
    assert again.due == MONDAY
    assert places([again.data or {}]) == (SenderDay("email:lucia@example.com", "2026-03-02"),)
    world.fire()
    assert [effect.payload["channel"] for effect in world.effects] == ["call_task", "email"]


def test_several_touches_that_are_due_together_are_decided_together() -> None:
    world = World(used={SenderDay("email:lucia@example.com", "2026-03-05"): 2, SenderDay("sms", "2026-03-05"): 2})
    world.hear(assigned()).run_until(MONDAY + timedelta(days=2))
    decided = len(world.decisions)
    world.fire()
    assert len(world.decisions) == decided + 1
    (event,) = world.decisions[-1].events
    assert isinstance(event, SequencePlanned)
    assert [(each.channel, each.reason) for each in event.data.touches] == [
        ("email", "daily_limit"),
        ("sms", "daily_limit"),
    ]


def test_what_the_sender_has_been_asked_for_counts_for_the_lead_s_limits() -> None:
    world = World(policy(limits=limits(per_lead_per_week=3))).hear(assigned()).run_until(MONDAY + timedelta(days=2))
    world.fire()
    assert [effect.payload["channel"] for effect in world.effects] == ["email"]
    assert world.log()[-1] == "planned again/sms lead_limit"


# ── timers of one touch each, as earlier versions set them ─────────────────────────────────────────


def with_old_timers(world: World) -> World:
    """The same lead as it stood when each touch had its timer."""
    (_, cause) = world.timers.pop("touches")
    assert world.state is not None
    for touch in world.waiting:
        place = place_of(touch, world.state.owner, world.policy)
        data = {"touch": touch.touch_id, **({"counts_on": list(place)} if place else {})}
        name = f"touch:{touch.touch_id}"
        world.timers[name] = (SetTimer(name, touch.due, data), cause)
    return world


def test_timers_of_single_touches_send_what_is_due_and_only_once() -> None:
    world = with_old_timers(World().hear(assigned())).run_until(MONDAY + timedelta(days=30))
    assert world.log()[5:] == World().hear(assigned()).run_until(MONDAY + timedelta(days=30)).log()[5:]
    assert world.timers == {}


def test_timers_of_single_touches_send_nothing_when_the_sequence_was_stopped_or_is_held() -> None:
    stopped = with_old_timers(World().hear(assigned())).hear(signal("email_reply", MONDAY + HOUR / 2))
    held = with_old_timers(World().hear(assigned())).hear(recycled(MONDAY))
    for world in (stopped, held):
        world.run_until(MONDAY + timedelta(days=30))
        assert world.log("sent") == []
        assert world.timers == {}


def test_a_lead_gets_no_more_than_its_weekly_limit() -> None:
    world = World(policy(limits=limits(per_lead_per_week=2)))
    assert played(world)[-2:] == ["sent again/email", "sent again/sms"]
    assert {"planned again/email lead_limit", "planned again/sms lead_limit"} <= set(world.log("planned"))
    sent = sorted(t.data.occurred_at for t in world.told if t.status == "sent" and t.data.channel != "call_task")
    assert all(later - earlier >= timedelta(days=7) for earlier, later in zip(sent, sent[2:], strict=False))


def test_a_window_that_a_newer_policy_moved_is_kept() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    hot = {**NURTURE["sequences"][0], "send_window": {"mon-fri": "14:00-16:00"}}
    world.policy = policy(sequences=[hot])
    world.run_until(MONDAY + timedelta(days=1, hours=1))
    assert world.log()[-1] == "planned connect/linkedin outside_send_window"
    assert f"{world.told[-1].data.due_at:%a %H:%M}" == "Tue 14:00"


def test_a_rep_who_has_left_the_policy_still_sends() -> None:
    world = World().hear(assigned(), reassigned(MONDAY + HOUR, rep="gone")).run_until(MONDAY + timedelta(days=1))
    assert "sent connect/linkedin" in world.log()


@pytest.mark.parametrize("policy_file", ["policy/starters/sales-team.yaml", "policy/starters/solo-founder.yaml"])
def test_the_starter_policies_send_a_hot_lead_its_first_email_at_once(policy_file: str) -> None:
    world = World(load_policy(Path(policy_file))).hear(assigned()).run_until(MONDAY)
    assert "sent at-once/email" in world.log()


def test_the_policy_says_on_which_channels_others_bring_a_lead() -> None:
    world = World(policy({**GB_CONSENT, "brought_by_others": "partner"}))
    assert played(world, origin=origin(channel="csv_import"))[0] == "sent at-once/email"
    world = World(policy({**GB_CONSENT, "brought_by_others": "partner"}))
    outcomes = played(world, origin=origin(channel="partner"))
    assert outcomes[0] == "suppressed at-once/email no_basis:requested:britain"
