"""How much goes out: per lead and week, between two touches, and per sender and day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from policy import Nurture, SendingLimits, TemplateChannel
from services.nurture.domain.state import WEEK, NurtureState, Ownership

UNCOUNTED = "call_task"
"""Tasks for a rep: nothing reaches the lead, so no limit counts them."""


class SenderDay(NamedTuple):
    """One sender's day: `email:<address>`, `linkedin:<rep>` or `sms`, and the ISO date where the sender is."""

    sender: str
    day: str


@dataclass(slots=True)
class SenderDays:
    """How much each sender has sent on a day: shared by all partitions, locked for this batch.

    The one thing that a decision changes: `take` hands out what is left, `changed` is then written back.
    """

    used: dict[SenderDay, int]
    changed: set[SenderDay] = field(default_factory=set)

    def knows(self, place: SenderDay) -> bool:
        """Whether this batch holds the lock on `place`."""
        return place in self.used

    def take(self, place: SenderDay, limit: int) -> bool:
        """Uses one of the day's messages; False when none is left."""
        if self.used[place] >= limit:
            return False
        self.used[place] += 1
        self.changed.add(place)
        return True

    def give_back(self, place: SenderDay) -> None:
        """Frees one of the day's messages again: it did not go out."""
        self.used[place] = max(self.used[place] - 1, 0)
        self.changed.add(place)


def sender_of(channel: TemplateChannel, owner: Ownership | None, nurture: Nurture) -> str | None:
    """Whose daily limit a touch counts against; None for a channel without one."""
    if channel == "email":
        return f"email:{sender_address(owner, nurture)}"
    if channel == "linkedin":
        return f"linkedin:{owner.rep if owner and owner.rep else 'company'}"
    return "sms" if channel == "sms" else None


def sender_address(owner: Ownership | None, nurture: Nurture) -> str:
    """The mailbox that the lead hears from: its owner's, or the company's."""
    return ((owner and owner.rep_email) or nurture.sender.email).lower()


def daily_limit(sender: str, limits: SendingLimits) -> int:
    """Messages a day from `sender`."""
    kind, _, name = sender.partition(":")
    if kind == "email":
        return limits.mailbox_limit(name)
    return limits.linkedin_per_rep_per_day if kind == "linkedin" else limits.sms_per_day


def free_from(state: NurtureState, channel: TemplateChannel, at: datetime, limits: SendingLimits) -> datetime:
    """The first time at or after `at` that the lead's own limits allow a touch on `channel`."""
    if channel == UNCOUNTED:
        return at
    counted = _counted(state)
    spaced = max((at, *(sent + limits.between_touches for other, sent in counted if other == channel)))
    return _after_a_full_week(counted, spaced, limits.per_lead_per_week)


def _counted(state: NurtureState) -> list[tuple[TemplateChannel, datetime]]:
    """Channel and time of what was sent, and of what the sender has been asked for: most of that will be."""
    counted = [(touch.channel, touch.at) for touch in state.sent]
    if state.enrolment is not None:
        counted += [(touch.channel, touch.due) for touch in state.enrolment.touches if touch.progress == "asked"]
    return [(channel, at) for channel, at in counted if channel != UNCOUNTED]


def _after_a_full_week(counted: Iterable[tuple[TemplateChannel, datetime]], at: datetime, most: int) -> datetime:
    sent = sorted(sent for _, sent in counted if at - WEEK < sent)
    return sent[-most] + WEEK if len(sent) >= most else at


def last_on(state: NurtureState, between: timedelta) -> dict[str, datetime]:
    """From when on each channel is free again, by the touches sent."""
    free: dict[str, datetime] = {}
    for touch in state.sent:
        free[touch.channel] = max(touch.at + between, free.get(touch.channel, touch.at))
    return free


def noted(place: SenderDay | None) -> dict[str, Any]:
    """`place` as JSON, for the payload of a send."""
    return {"counts_on": list(place)} if place is not None else {}


def place_in(payload: Mapping[str, Any]) -> SenderDay | None:
    """What a send counts against, as noted in its payload."""
    place = payload.get("counts_on")
    return SenderDay(*place) if place else None


def places_in(data: Mapping[str, Any]) -> Iterator[SenderDay]:
    """What the touches of a timer or a send count against; a timer for a single touch has it as a send has."""
    place = place_in(data)
    if place is not None:
        yield place
    for each in data.get("places", ()):
        yield SenderDay(*each)


def places(data: Iterable[Mapping[str, Any]]) -> tuple[SenderDay, ...]:
    """The senders' days that these timers and sends are about, each once, in the one order all batches lock in."""
    return tuple(sorted({place for each in data for place in places_in(each)}))
