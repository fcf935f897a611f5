"""What the result of a send makes of its touch: sent, failed, tried again, unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from schemas.events import SequencePlanned
from services.nurture.domain.limits import SenderDay
from tests.unit.nurture.world import MONDAY, NURTURE, World, assigned, parked, policy, reassigned, recycled, signal

HOUR = timedelta(hours=1)


HOT, *OTHERS = NURTURE["sequences"]
EMAIL, CALL = HOT["steps"][0]["touches"]
AT_ONCE_EMAIL = {
    **HOT,
    "steps": [
        {**HOT["steps"][0], "touches": [EMAIL]},
        *HOT["steps"][1:],
        {"id": "call", "after": "3d", "counted_from": "start", "touches": [CALL]},
    ],
}
"""The hot sequence with nothing but an email in its first step."""


def asked() -> World:
    """The first email is with the sender."""
    world = World(policy(sequences=[AT_ONCE_EMAIL, *OTHERS])).hear(assigned())
    world.fire()
    assert len(world.effects) == 1
    assert world.effects[0].payload["channel"] == "email"
    return world


def test_a_touch_that_fails_for_now_is_tried_again_with_longer_and_longer_waits() -> None:
    world, waits = asked(), []
    for _ in range(4):
        world.answer("failed", "retry:mailbox_busy")
        planned = world.told[-1].data
        waits.append(planned.due_at - planned.occurred_at)
        world.fire()
    world.answer("failed", "retry:mailbox_busy")
    assert waits == [timedelta(minutes=5), timedelta(minutes=30), 2 * HOUR, 8 * HOUR]
    assert world.log()[-5:] == [
        "planned at-once/email retry_1:mailbox_busy",
        "planned at-once/email retry_2:mailbox_busy",
        "planned at-once/email retry_3:mailbox_busy",
        "planned at-once/email retry_4:mailbox_busy",
        "failed at-once/email mailbox_busy:no_more_attempts",
    ]


def test_each_attempt_is_an_effect_of_its_own() -> None:
    world = asked()
    first = world.effects[0].effect_id
    world.answer("failed", "retry:busy").fire()
    assert world.effects[0].effect_id != first
    assert world.effects[0].payload["attempt"] == 2


def test_a_touch_that_succeeds_at_last_is_sent() -> None:
    world = asked().answer("failed", "retry:busy")
    world.fire().answer("done")
    assert world.log()[-1] == "sent at-once/email"


def test_a_refused_touch_has_failed_and_the_sequence_goes_on() -> None:
    world = asked().answer("failed", "refused:content_rejected")
    assert world.log()[-1] == "failed at-once/email content_rejected"
    assert len(world.waiting) == 4


def test_an_address_that_bounces_ends_the_sequence() -> None:
    world = asked().answer("failed", "bounced:no_such_user")
    assert world.log("failed") == ["failed at-once/email no_such_user"]
    assert len(world.log("suppressed")) == 4
    assert {line.split()[-1] for line in world.log("suppressed")} == {"bounce"}
    assert world.timers == {}


def test_an_unknown_result_is_never_tried_again() -> None:
    world = asked().answer("unknown", "the worker died before the result was known")
    assert world.log()[-1] == "unknown at-once/email result_unknown"
    world.run_until(MONDAY + timedelta(days=30))
    assert [line for line in world.log() if "at-once/email" in line][1:] == ["unknown at-once/email result_unknown"]


def test_an_unknown_result_counts_as_sent_for_the_lead_s_limits() -> None:
    world = asked().answer("unknown")
    assert world.state is not None
    assert [each.channel for each in world.state.sent] == ["email"]


def test_a_fault_of_the_sender_itself_is_not_tried_again_and_quotes_nothing() -> None:
    world = asked().answer("failed", "KeyError('ada@acme.example')")
    assert world.log()[-1] == "failed at-once/email sender_error"


@pytest.mark.parametrize("detail", ["refused:550 <ada@acme.example> unknown", "retry:to:ada@acme.example", "bounced:"])
def test_no_reason_quotes_an_address(detail: str) -> None:
    world = asked().answer("failed", detail)
    assert all("@" not in (each.data.reason or "") and "ada" not in (each.data.reason or "") for each in world.told)


def test_what_came_too_late_for_its_window_waits_for_the_next_without_using_an_attempt() -> None:
    world = World().hear(assigned()).run_until(MONDAY)
    world.fire().answer("failed", "late:send_window_closed", after=f"{10 * 3600}s")
    assert world.log()[-1] == "planned connect/linkedin send_window_closed"
    assert f"{world.told[-1].data.due_at:%a %H:%M}" == "Wed 09:00"
    world.fire()
    assert world.effects[0].payload["attempt"] == 1


@pytest.mark.parametrize(
    ("result", "detail", "used"),
    [("done", "", 1), ("unknown", "", 1), ("failed", "retry:busy", 0), ("failed", "refused:no", 0), ("failed", "?", 1)],
)
def test_what_surely_did_not_go_out_does_not_count_against_the_mailbox(
    result: Literal["done", "failed", "unknown"], detail: str, used: int
) -> None:
    world = asked().answer(result, detail)
    assert world.used == {SenderDay("email:lucia@example.com", "2026-03-02"): used}


def test_a_stopped_sequence_tries_nothing_again() -> None:
    world = asked().hear(signal("email_reply", MONDAY + HOUR)).answer("failed", "retry:busy")
    assert world.log()[-1] == "failed at-once/email busy:reply"
    assert world.timers == {}


def test_a_lead_given_back_waits_with_its_retry_too() -> None:
    world = asked().hear(recycled(MONDAY + HOUR)).answer("failed", "retry:busy")
    assert world.timers == {}
    world.hear(reassigned(MONDAY + 3 * HOUR))
    assert len(world.waiting) == 5


def test_a_result_of_a_sequence_that_was_left_is_told_all_the_same() -> None:
    world = asked().hear(parked(MONDAY + HOUR)).answer("done")
    told = world.told[-1]
    assert (told.status, told.data.sequence, told.data.person.to) == ("sent", "hot", "ada@acme.example")
    assert world.state is not None
    assert [each.channel for each in world.state.sent] == ["email"]


def test_a_failure_of_a_sequence_that_was_left_is_final() -> None:
    world = asked().hear(parked(MONDAY + HOUR)).answer("failed", "retry:busy")
    assert world.log()[-1] == "failed at-once/email busy"


def test_the_policy_says_how_often_and_when_a_send_is_tried_again() -> None:
    sender = {**NURTURE["sender"], "retry_after": ["1m"]}
    world = World(policy(sequences=[AT_ONCE_EMAIL, *OTHERS], sender=sender)).hear(assigned()).fire()
    world.answer("failed", "retry:busy")
    assert world.told[-1].data.due_at == MONDAY + timedelta(minutes=1)
    world.fire().answer("failed", "retry:busy")
    assert world.log()[-1] == "failed at-once/email busy:no_more_attempts"


def test_a_plan_with_a_retry_lists_all_that_is_planned_and_says_what_has_moved() -> None:
    event = asked().answer("failed", "retry:busy").events[-1]
    assert isinstance(event, SequencePlanned)
    assert event.data.reason == "moved"
    assert [(touch.step, touch.reason) for touch in event.data.touches] == [
        ("at-once", "retry_1:busy"),
        ("connect", None),
        ("again", None),
        ("again", None),
        ("call", None),
    ]
