"""One lead's life as events: from a web form to a won deal, with an event of every kind on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from schemas.base import Event, Record, derived_id, new_traceparent
from schemas.events import (
    Assignment,
    Attribution,
    Captured,
    Command,
    CommandIssued,
    CompanyAnswers,
    Consent,
    Contact,
    DeadLetter,
    Deadlines,
    Enriched,
    Erased,
    EventDead,
    Fact,
    IdentityMatch,
    InputRejected,
    LeadAccepted,
    LeadAssigned,
    LeadCaptured,
    LeadEnriched,
    LeadErased,
    LeadEscalated,
    LeadParked,
    LeadReassigned,
    LeadRecycled,
    LeadScored,
    Origin,
    Outcome,
    OutcomeRecorded,
    Parked,
    Person,
    PolicyPublished,
    Profile,
    PublishedPolicy,
    Reason,
    Rejection,
    RoundRobinTurn,
    ScheduledTouch,
    Scored,
    SequenceChange,
    SequencePlanned,
    SequenceStopped,
    Signal,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    SlaResult,
    Touch,
    TouchRecorded,
)
from schemas.events.touched import TouchContent
from schemas.topics import (
    ASSIGNED,
    CAPTURED,
    COMMANDS,
    DEAD,
    ENRICHED,
    ERASED,
    OUTCOMES,
    POLICIES,
    REJECTED,
    SCORED,
    SIGNALS,
    TOUCHED,
    Topic,
)
from tests.support.events import make_event

E = TypeVar("E", bound=Event)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEAD = "019aa5c3e2d1f00dbabe5eed12345678"
SECRETS = ("Ada Lovelace", "ada@example.com", "+442079460958", "Please call me back")
"""Personal data in the story: none of it may be printed unasked."""


def at(seconds: float) -> datetime:
    """A moment of the story."""
    return START + timedelta(seconds=seconds)


def event(kind: type[E], seconds: float, data: Record, **fields: Any) -> E:
    """An event of the story; `lead`, `mode`, `service`, `type` and `policy` may be given."""
    lead, event_type = fields.get("lead", LEAD), fields.get("type", kind.TYPES[0])
    return make_event(
        kind,
        derived_id(lead, event_type, seconds),
        at(seconds),
        data,
        source=f"leadstream/{fields.get('service', 'test')}",
        type=event_type,
        subject=lead,
        traceparent=new_traceparent(lead),
        mode=fields.get("mode", "live"),
        policy=fields.get("policy"),
    )


ORIGIN = Origin(
    submission_id="019aa5c3e2d1aaaaaaaaaaaaaaaaaaaa",
    channel="web_form",
    source="pricing",
    submitted_at=at(-120),
    captured_at=at(0),
)
CONTACT = Contact(full_name=SECRETS[0], email=SECRETS[1], phone=SECRETS[2])
PROFILE = Profile.from_dict(
    {
        "title": "VP Operations",
        "seniority": "vp",
        "department": "operations",
        "email_kind": "business",
        "company": "Analytical Engines",
        "employees": 250,
        "industry": "software",
        "country": "GB",
    }
)
RANKED: dict[str, Any] = {
    "origin": ORIGIN,
    "person": CONTACT,
    "profile": PROFILE,
    "band": "hot",
    "tier": "A1",
    "total": 78,
    "qualification": "mql",
}


def captured(seconds: float = 0, **fields: Any) -> LeadCaptured:
    data = Captured(
        origin=ORIGIN,
        person=Person(name=SECRETS[0], email=SECRETS[1], phone=SECRETS[2], message=SECRETS[3]),
        company=CompanyAnswers(name="Analytical Engines Ltd"),
        attribution=Attribution(utm_source="newsletter", utm_campaign="spring"),
        consent=Consent(marketing=True),
        identity=IdentityMatch(new=True),
    )
    return event(LeadCaptured, seconds, data, service="capture", **fields)


def signalled(seconds: float = 1, **fields: Any) -> SignalRecorded:
    data = Signal(
        signal_id=f"s{seconds}", signal="pricing_visit", channel="web", occurred_at=at(seconds), detail="/pricing"
    )
    return event(SignalRecorded, seconds, data, service="capture", **fields)


def enriched(seconds: float = 0.004, **fields: Any) -> LeadEnriched:
    data = Enriched(
        origin=ORIGIN,
        person=CONTACT,
        profile=PROFILE,
        facts=(Fact(field="profile.country", source="phone_prefix", confidence=0.8),),
        submissions=1,
        channels=("web_form",),
    )
    return event(LeadEnriched, seconds, data, service="enrich", **fields)


def scored(seconds: float = 0.009, **fields: Any) -> LeadScored:
    data = Scored.from_dict(
        {
            **RANKED,
            "fit": 80,
            "intent": 70,
            "reasons": (
                Reason(part="fit", code="decision-maker", text="Can decide on a purchase", points=30),
                Reason(part="qualification", code="mql", text="Fits and shows interest", points=0),
            ),
            "model": "rules",
            "as_of": at(seconds),
            "trigger": "enriched",
        }
    )
    return event(LeadScored, seconds, data, service="score", **{"policy": "default-1", **fields})


def _assignment(rep: str, name: str, previous: str | None) -> Assignment:
    return Assignment.from_dict(
        {
            **RANKED,
            "rep": rep,
            "rep_name": name,
            "rep_email": f"{rep}@ours.example",
            "team": "sales",
            "territory": "uk",
            "rule": "hot-uk",
            "reason": "hot leads from the UK go to the UK team in turn",
            "turn": RoundRobinTurn(pool="everybody", ordinal=11, available=("kim", "lee")),
            "deadlines": Deadlines(owned_by=at(60), contacted_by=at(300), business_hours=True),
            "previous_rep": previous,
        }
    )


def assigned(seconds: float = 0.015, **fields: Any) -> LeadAssigned:
    return event(LeadAssigned, seconds, _assignment("kim", "Kim Reyes", None), service="route", **fields)


def reassigned(seconds: float = 400, **fields: Any) -> LeadReassigned:
    return event(LeadReassigned, seconds, _assignment("lee", "Lee Wong", "kim"), service="route", **fields)


def _sla(sla: str, seconds: float, deadline: float, **fields: Any) -> SlaResult:
    return SlaResult.from_dict(
        {
            "origin": ORIGIN,
            "sla": sla,
            "band": "hot",
            "team": "sales",
            "rep": "kim",
            "deadline": at(deadline),
            "at": at(seconds),
            "seconds": seconds,
            **fields,
        }
    )


def accepted(seconds: float = 12) -> LeadAccepted:
    return event(LeadAccepted, seconds, _sla("owned", seconds, 60), service="route")


def sla_met(seconds: float = 12.001) -> SlaMet:
    return event(SlaMet, seconds, _sla("owned", seconds, 60), service="route")


def sla_breached(seconds: float = 300) -> SlaBreached:
    return event(SlaBreached, seconds, _sla("contacted", seconds, 300), service="route")


def escalated(seconds: float = 301) -> LeadEscalated:
    data = _sla("contacted", seconds, 300, action="notify_manager", owner="kim", rep="max")
    return event(LeadEscalated, seconds, data, service="route")


def parked(seconds: float = 500) -> LeadParked:
    data = Parked.from_dict({**RANKED, "rule": "small-fry", "reason": "too small for a person"})
    return event(LeadParked, seconds, data, service="route")


def recycled(seconds: float = 600) -> LeadRecycled:
    data = Parked.from_dict({**RANKED, "rule": "returned", "reason": "the owner gave it back: no budget"})
    return event(LeadRecycled, seconds, data, service="route")


def touched(status: str = "planned", seconds: float = 0.02, **fields: Any) -> TouchRecorded:
    data = Touch.from_dict(
        {
            "touch_id": "t1",
            "origin": ORIGIN,
            "channel": "email",
            "human": False,
            "rep": "kim",
            "sequence": "welcome",
            "step": "hello",
            "due_at": at(60),
            "occurred_at": at(seconds),
            "reason": "first message of the sequence",
            "person": TouchContent(to=SECRETS[1], subject="Hello Ada Lovelace", body="Hi Ada Lovelace"),
            **fields,
        }
    )
    return event(TouchRecorded, seconds, data, type=f"leadstream.touch.{status}.v1", service="nurture")


def planned(seconds: float = 0.025) -> SequencePlanned:
    return event(SequencePlanned, seconds, _change(seconds, "entered", _HELLO, _CALL), service="nurture")


def stopped(seconds: float = 62.5) -> SequenceStopped:
    call = _CALL.replace(reason=None)
    return event(SequenceStopped, seconds, _change(seconds, "reply", call), service="nurture")


_HELLO = ScheduledTouch(touch_id="t1", step="hello", channel="email", due_at=at(60))
_CALL = ScheduledTouch(touch_id="t2", step="call", channel="call_task", due_at=at(86_400), reason="daily_limit")


def _change(seconds: float, reason: str, *touches: ScheduledTouch) -> SequenceChange:
    return SequenceChange.from_dict(
        {
            "origin": ORIGIN,
            "sequence": "welcome",
            "rep": "kim",
            "occurred_at": at(seconds),
            "reason": reason,
            "touches": touches,
        }
    )


def outcome(kind: str = "won", seconds: float = 90_000, **fields: Any) -> OutcomeRecorded:
    data = Outcome.from_dict(
        {
            "outcome_id": f"o-{kind}",
            "outcome": kind,
            "occurred_at": at(seconds),
            "rep": "kim",
            "value": Decimal(12_000) if kind == "won" else None,
            "currency": "EUR" if kind == "won" else None,
            **fields,
        }
    )
    return event(OutcomeRecorded, seconds, data, service="capture")


def rejected(seconds: float = 3, **fields: Any) -> InputRejected:
    data = Rejection(
        channel="api",
        source="partner",
        reason="invalid_fields",
        detail="some fields are wrong. /shoe_size: unknown field",
        received_at=at(seconds),
        headers={"user-agent": SECRETS[0]},
        body=b'{"email": "ada@example.com"}',
    )
    return event(InputRejected, seconds, data, service="capture", **fields)


def dead(step: str = "decide", seconds: float = 4, **fields: Any) -> EventDead:
    data = DeadLetter(
        service="score",
        topic="leads.enriched",
        partition=3,
        offset=42,
        step=step,
        reason="keyerror" if step == "decide" else "malformed",
        detail="KeyError('ada@example.com')" if step == "decide" else "data.origin: missing",
        key=SECRETS[1].encode(),
        value=b'{"email": "ada@example.com"}',
        headers=(("x", b"Ada Lovelace"),),
    )
    return event(EventDead, seconds, data, service="score", **fields)


def erased(seconds: float = 100_000, **fields: Any) -> LeadErased:
    lead = fields.get("lead", LEAD)
    return event(LeadErased, seconds, Erased(lead_id=lead, requested_at=at(seconds)), service="capture", **fields)


def published(version: str = "default-1", policy: dict[str, Any] | None = None, seconds: float = 0) -> PolicyPublished:
    data = PublishedPolicy(version=version, effective_at=at(seconds), published_by="ops", policy=policy or {})
    return event(PolicyPublished, seconds, data, lead=f"policy-{version}", service="cli")


def commanded(seconds: float = 0) -> CommandIssued:
    data = Command(service="score", command="pause", issued_by="ops")
    return event(CommandIssued, seconds, data, lead="command-1", service="cli")


STORY: tuple[tuple[Topic, Event], ...] = (
    (CAPTURED, captured()),
    (ENRICHED, enriched()),
    (SCORED, scored()),
    (ASSIGNED, assigned()),
    (TOUCHED, touched()),
    (TOUCHED, planned()),
    (SIGNALS, signalled()),
    (DEAD, dead()),
    (DEAD, dead("decode", 5)),
    (ASSIGNED, accepted()),
    (ASSIGNED, sla_met()),
    (TOUCHED, touched("sent", 60)),
    (TOUCHED, touched("failed", 61)),
    (TOUCHED, touched("suppressed", 62)),
    (TOUCHED, stopped()),
    (TOUCHED, touched("unknown", 63)),
    (TOUCHED, touched("sent", 64, human=True, channel="call", sequence=None, step=None)),
    (ASSIGNED, sla_breached()),
    (ASSIGNED, escalated()),
    (ASSIGNED, reassigned()),
    (ASSIGNED, parked()),
    (ASSIGNED, recycled()),
    (OUTCOMES, outcome()),
    (OUTCOMES, outcome("lost", 91_000, reason="bought elsewhere")),
)
"""What `leadstream trace` tells, in order."""

ELSEWHERE: tuple[tuple[Topic, Event], ...] = (
    (REJECTED, rejected(lead="submission-1")),
    (ERASED, erased()),
    (POLICIES, published()),
    (COMMANDS, commanded()),
)
"""Events of the other kinds."""
