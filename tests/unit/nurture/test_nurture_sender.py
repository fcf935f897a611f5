"""From an effect to a sender and back: results in the runtime's words, and nothing after the window has closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from infra.clock import ManualClock
from services.nurture.sender import SendResult, TouchPerformer
from tests.unit.nurture.world import MONDAY

PAYLOAD = {"touch_id": "t1", "send_before": (MONDAY + timedelta(hours=7)).isoformat()}


class Recorder:
    """A sender that notes what it is given and answers as told."""

    idempotent = False

    def __init__(self, result: SendResult, *, reaches_people: bool = True) -> None:
        self.result = result
        self.reaches_people = reaches_people
        self.sent: list[Mapping[str, Any]] = []

    async def send(self, payload: Mapping[str, Any]) -> SendResult:
        self.sent.append(payload)
        return self.result


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (SendResult("sent", "accepted"), ("done", "accepted")),
        (SendResult("retry", "mailbox_busy"), ("failed", "retry:mailbox_busy")),
        (SendResult("refused", "content"), ("failed", "refused:content")),
        (SendResult("bounced", "no_such_user"), ("failed", "bounced:no_such_user")),
    ],
)
async def test_a_result_is_told_in_words_that_the_decision_understands(
    result: SendResult, told: tuple[str, str]
) -> None:
    sender = Recorder(result)
    assert await TouchPerformer(sender, ManualClock(MONDAY)).perform("send", PAYLOAD) == told
    assert sender.sent == [PAYLOAD]


async def test_nobody_is_disturbed_after_the_window_has_closed() -> None:
    sender = Recorder(SendResult("sent"))
    late = TouchPerformer(sender, ManualClock(MONDAY + timedelta(hours=7)))
    assert await late.perform("send", PAYLOAD) == ("failed", "late:send_window_closed")
    assert sender.sent == []


async def test_what_disturbs_nobody_is_never_too_late() -> None:
    sender = Recorder(SendResult("sent"), reaches_people=False)
    late = TouchPerformer(sender, ManualClock(MONDAY + timedelta(days=7)))
    assert await late.perform("send", PAYLOAD) == ("done", "")


async def test_an_effect_of_another_kind_is_refused_loudly() -> None:
    with pytest.raises(ValueError, match="no effect `fax`"):
        await TouchPerformer(Recorder(SendResult("sent")), ManualClock(MONDAY)).perform("fax", PAYLOAD)


def test_a_message_may_be_repeated_only_when_its_sender_says_so() -> None:
    assert TouchPerformer(Recorder(SendResult("sent")), ManualClock(MONDAY)).repeatable is False
