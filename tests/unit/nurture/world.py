"""One lead and a small policy to nurture it under, and a runtime in miniature that fires timers and effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import orjson

from policy import Consent as ConsentPolicy
from policy import Nurture, Policy
from policy.loading import load_policy
from runtime.stage import CancelTimer, Context, Decision, Effect, EffectDone, Input, SetTimer, TimerDue
from schemas.base import Cause, Event, Mode, Record, cause_of, derived_id, new_traceparent
from schemas.events import (
    Assignment,
    Consent,
    Contact,
    Deadlines,
    LeadAssigned,
    LeadParked,
    LeadReassigned,
    LeadRecycled,
    LeadScored,
    Origin,
    Outcome,
    OutcomeKind,
    OutcomeRecorded,
    Parked,
    Profile,
    Scored,
    SequenceChange,
    SequencePlanned,
    SequenceStopped,
    Signal,
    SignalRecorded,
    Touch,
    TouchRecorded,
)
from schemas.events.signals import SignalType
from schemas.events.touched import TouchStatus
from services.nurture.domain.limits import SenderDays, places
from services.nurture.domain.state import NurtureState, PlannedTouch
from services.nurture.stage import TIMER, NurtureStage
from services.nurture.store import Batch
from tests.support.events import make_event

E = TypeVar("E", bound=Event)
LEAD = "lead-1"
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""10:00 in London: inside the send window."""

NURTURE: dict[str, Any] = {
    "sender": {
        "company": "Example Ltd",
        "address": "1 Example Street, London",
        "email": "hello@example.com",
        "give_up_after": "7d",
    },
    "default_timezone": "Europe/London",
    "limits": {
        "per_mailbox_per_day": 2,
        "linkedin_per_rep_per_day": 2,
        "sms_per_day": 2,
        "per_lead_per_week": 5,
        "between_touches": "20h",
        "quiet_hours": "19:30-08:00",
    },
    "templates": [
        {"id": "hello", "channel": "email", "subject": "Hi {first_name|there}", "body": "Dear {first_name|you}"},
        {"id": "again", "channel": "email", "subject": "Again", "body": "{owner_name} here: {unsubscribe_link}"},
        {"id": "connect", "channel": "linkedin", "body": "Hi {first_name|there}"},
        {"id": "call", "channel": "call_task", "body": "Call {full_name|them} of {company|somewhere}"},
        {"id": "text", "channel": "sms", "body": "Hi, {owner_first_name|we} will call"},
    ],
    "sequences": [
        {
            "id": "hot",
            "name": "Hot enquiry",
            "entry": {"band": "hot"},
            "send_window": {"mon-fri": "09:00-17:00"},
            "steps": [
                {
                    "id": "at-once",
                    "after": "0m",
                    "touches": [
                        {"channel": "email", "template": "hello", "ignore_send_window": True},
                        {"channel": "call_task", "template": "call"},
                    ],
                },
                {"id": "connect", "after": "1d", "touches": [{"channel": "linkedin", "template": "connect"}]},
                {
                    "id": "again",
                    "after": "3d",
                    "counted_from": "start",
                    "touches": [{"channel": "email", "template": "again"}, {"channel": "sms", "template": "text"}],
                },
            ],
            "stop_on": ["reply", "meeting", "outcome", "unsubscribe", "bounce", "human_touch", "disqualified"],
            "reenter_after": "30d",
        },
        {
            "id": "slow",
            "name": "Slow",
            "entry": {"band": ["warm", "cool"]},
            "send_window": {"mon-fri": "09:00-17:00"},
            "steps": [{"id": "later", "after": "2d", "touches": [{"channel": "email", "template": "again"}]}],
        },
        {
            "id": "keep",
            "name": "Keep in touch",
            "entry": {"qualification": "nurture"},
            "owned": False,
            "send_window": {"tue-thu": "10:00-16:00"},
            "steps": [{"id": "story", "after": "3d", "touches": [{"channel": "email", "template": "hello"}]}],
        },
    ],
}
ANYBODY = {"otherwise": "legitimate_interest", "requested_for": "180d"}


@cache
def _starter() -> Policy:
    return load_policy(Path("policy/starters/sales-team.yaml"))


def policy(consent: Mapping[str, Any] = ANYBODY, **nurture: Any) -> Policy:
    """The sales team's policy with the small nurture section above; `nurture` replaces parts of that."""
    section = Nurture.model_validate({**NURTURE, **nurture})
    return _starter().model_copy(update={"nurture": section, "consent": ConsentPolicy.model_validate(consent)})


def limits(**changed: Any) -> dict[str, Any]:
    return {**NURTURE["limits"], **changed}


def person(**changed: Any) -> Contact:
    known = {
        "full_name": "Ada Lovelace",
        "given_name": "Ada",
        "email": "ada@acme.example",
        "phone": "+442079460000",
        "linkedin_url": "https://linkedin.example/ada",
    }
    return Contact(**{**known, **changed})


def origin(at: datetime = MONDAY, submission: str = "s1", channel: str = "web_form") -> Origin:
    return Origin(submission_id=submission, channel=channel, source="pricing", submitted_at=at, captured_at=at)


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "origin": origin(),
        "person": person(),
        "profile": Profile(company="Acme", country="GB", timezone="Europe/London", email_kind="business"),
        "consent": Consent(),
        "band": "hot",
        "tier": "A1",
        "total": 90,
        "qualification": "mql",
        "rule": "hot-uk",
        "reason": "Hot lead in the UK",
        **changed,
    }


def envelope(event: type[E], at: datetime, data: Record, mode: Mode = "live", kind: str | None = None) -> E:
    kind = kind or event.TYPES[0]
    return make_event(event, derived_id(kind, at, data.to_json().decode(), mode), at, data, mode=mode, type=kind)


def assigned(
    at: datetime = MONDAY, event: type[Any] = LeadAssigned, mode: Mode = "live", rep: str = "lucia", **changed: Any
) -> LeadAssigned:
    data = Assignment(
        **facts(**changed),
        rep=rep,
        rep_name=f"{rep.title()} Romero",
        rep_email=f"{rep}@example.com",
        team="sdr-emea",
        deadlines=Deadlines(owned_by=at, contacted_by=at, business_hours=False),
    )
    made: LeadAssigned = envelope(event, at, data, mode)
    return made


def reassigned(at: datetime, **changed: Any) -> LeadAssigned:
    return assigned(at, LeadReassigned, **changed)


def parked(at: datetime = MONDAY, **changed: Any) -> LeadParked:
    return envelope(LeadParked, at, Parked(**facts(**{"band": "cold", "qualification": "nurture", **changed})))


def recycled(at: datetime, **changed: Any) -> LeadRecycled:
    return envelope(LeadRecycled, at, Parked(**facts(**changed)))


def scored(at: datetime = MONDAY, **changed: Any) -> LeadScored:
    known = {key: value for key, value in facts(**changed).items() if key not in ("rule", "reason")}
    data = Scored(**known, fit=90, intent=90, reasons=(), model="rules", as_of=at, trigger="enriched")
    return envelope(LeadScored, at, data)


def signal(kind: SignalType, at: datetime, mode: Mode = "live") -> SignalRecorded:
    data = Signal(signal_id=f"{kind}-{at}", signal=kind, channel="email", occurred_at=at)
    return envelope(SignalRecorded, at, data, mode)


def outcome(kind: OutcomeKind, at: datetime) -> OutcomeRecorded:
    reason = "changed their mind" if kind in ("lost", "returned") else None
    data = Outcome(outcome_id=f"{kind}-{at}", outcome=kind, occurred_at=at, reason=reason)
    return envelope(OutcomeRecorded, at, data)


def touch(at: datetime, status: TouchStatus = "sent", *, human: bool = True, mode: Mode = "live") -> TouchRecorded:
    """A rep's own touch, or one that this service has sent."""
    data = Touch(touch_id=f"{status}-{human}-{at}", channel="call", human=human, due_at=at, occurred_at=at)
    return envelope(TouchRecorded, at, data, mode, f"leadstream.touch.{status}.v1")


def _stored(data: Mapping[str, Any]) -> dict[str, Any]:
    back: dict[str, Any] = orjson.loads(orjson.dumps(dict(data)))
    return back


class Told(NamedTuple):
    """What an event said of one touch."""

    id: str
    """The event's."""
    mode: Mode
    status: TouchStatus
    data: Touch


def told_of(event: Event, before: Mapping[str, datetime]) -> list[Told]:
    """What the event says of touches that were not planned so before; `before` holds when they were to be sent."""
    match event:
        case TouchRecorded(data=touch):
            return [Told(event.id, event.mode, event.status, touch)]
        case SequencePlanned(data=change):
            told = []
            for each in change.touches:
                known = before.get(each.touch_id)
                # A touch that is new, or moved, is told apart from one that stands as it did.
                assert (each.reason is not None) == (known is not None and known != each.due_at)
                if known != each.due_at:
                    touch = _touch_of(change, each.touch_id).replace(reason=each.reason or change.reason)
                    told.append(Told(event.id, event.mode, "planned", touch))
            return told
        case SequenceStopped(data=change):
            return [
                Told(event.id, event.mode, "suppressed", _touch_of(change, each.touch_id)) for each in change.touches
            ]
        case _:
            return []


def _touch_of(change: SequenceChange, touch_id: str) -> Touch:
    (touch,) = (each for each in change.touches if each.touch_id == touch_id)
    return Touch(
        touch_id=touch.touch_id,
        origin=change.origin,
        channel=touch.channel,
        human=False,
        rep=change.rep,
        sequence=change.sequence,
        step=touch.step,
        due_at=touch.due_at,
        occurred_at=change.occurred_at,
        reason=change.reason,
    )


Answer = tuple[Literal["done", "failed", "unknown"], str]


@dataclass
class World:
    """One lead's nurturing, with the runtime's part played in memory."""

    policy: Policy = field(default_factory=policy)
    state: NurtureState | None = None
    timers: dict[str, tuple[SetTimer, Cause]] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    dues: dict[str, datetime] = field(default_factory=dict)
    """When each touch was last planned for."""
    used: dict[Any, int] = field(default_factory=dict)
    """Messages by sender and day, as the table has them."""
    decisions: list[Decision[NurtureState]] = field(default_factory=list)

    def hear(self, *events: Event) -> World:
        for event in events:
            self._decide(event, cause_of(event), event.time)
        return self

    def run_until(self, moment: datetime, answer: Answer = ("done", "")) -> World:
        """Fires what is due up to `moment`, in order, and has each send answered at once with `answer`."""
        while due := [name for name, (timer, _) in self.timers.items() if timer.due <= moment]:
            self.fire(min(due, key=lambda name: self.timers[name][0].due))
            self.answer(*answer)
        return self

    @property
    def waiting(self) -> tuple[PlannedTouch, ...]:
        """The touches that are to come."""
        enrolment = self.state.enrolment if self.state else None
        return () if enrolment is None or enrolment.held else enrolment.pending

    def fire(self, name: str = TIMER) -> World:
        timer, cause = self.timers.pop(name)
        own = cause.replace(id=derived_id(cause.id, "timer", name, timer.due.isoformat()))
        self._decide(TimerDue(LEAD, name, timer.due, timer.data or {}, cause), own, timer.due)
        return self

    def answer(self, result: Literal["done", "failed", "unknown"], detail: str = "", after: str = "0s") -> World:
        waiting, self.effects = self.effects, []
        for effect in waiting:
            at = datetime.fromisoformat(effect.payload["due_at"]) + timedelta(seconds=int(after[:-1]))
            cause = Cause(id=effect.effect_id, lead_id=LEAD, traceparent=new_traceparent(effect.effect_id))
            done = EffectDone(LEAD, effect.effect_id, effect.kind, result, detail, at, effect.payload, cause)
            self._decide(done, cause, at)
        return self

    def _decide(self, item: Input, cause: Cause, now: datetime) -> None:
        known = places(
            each for each in (getattr(item, "data", None), getattr(item, "payload", None)) if isinstance(each, Mapping)
        )
        batch = Batch(SenderDays({place: self.used.get(place, 0) for place in known}), {})
        context = Context("nurture", cause, self.policy, now, now, batch)
        decision = NurtureStage().decide(item, self.state, context)
        self.decisions.append(decision)
        self.used.update({place: batch.days.used[place] for place in batch.days.changed})
        # Through JSON, as the database has it; of what can't be written as JSON, a test must hear.
        self.state = decision.state and NurtureState.from_json(decision.state.to_json())
        assert self.state == decision.state
        self._tell(decision.events)
        for timer in decision.timers:
            self.timers.pop(timer.name, None)
            if not isinstance(timer, CancelTimer):
                self.timers[timer.name] = (SetTimer(timer.name, timer.due, _stored(timer.data or {})), cause)
        self._check_timer()
        if cause.mode == "live":
            self.effects += [Effect(each.effect_id, each.kind, _stored(each.payload)) for each in decision.effects]

    def _tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self.events.append(event)
            self.told += told_of(event, self.dues)
            if isinstance(event, SequencePlanned):
                self.dues |= {touch.touch_id: touch.due_at for touch in event.data.touches}
                planned = self.state.enrolment.pending if self.state and self.state.enrolment else ()
                ids = {touch.touch_id: touch.due for touch in planned}
                assert event.mode == "shadow" or ids == {each.touch_id: each.due_at for each in event.data.touches}

    def _check_timer(self) -> None:
        """A lead has one timer, for the first of its touches; those of an older name are let run out."""
        standing = [timer.due for name, (timer, _) in self.timers.items() if name == TIMER]
        if standing or not self.timers:
            assert standing == [min(touch.due for touch in self.waiting)] if self.waiting else not standing

    def log(self, *statuses: str) -> list[str]:
        """What was told, as `status step/channel reason`; only these statuses when some are named."""
        return [
            f"{each.status} {each.data.step}/{each.data.channel} {each.data.reason or ''}".strip()
            for each in self.told
            if not statuses or each.status in statuses
        ]

    def final(self) -> dict[str, str]:
        """The last that was told of each touch, but for plans."""
        return {each.data.touch_id: each.status for each in self.told if each.status != "planned"}
