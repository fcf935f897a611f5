"""Events about one lead, with everything that the ledger doesn't look at filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from schemas.base import Event, Record, derived_id
from schemas.events import (
    Assignment,
    Captured,
    Contact,
    DeadLetter,
    Deadlines,
    Enriched,
    EventDead,
    IdentityMatch,
    InputRejected,
    LeadAssigned,
    LeadCaptured,
    LeadEnriched,
    LeadParked,
    LeadReassigned,
    LeadScored,
    Origin,
    Outcome,
    OutcomeRecorded,
    Parked,
    Person,
    Profile,
    Rejection,
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
from tests.support.events import make_event

E = TypeVar("E", bound=Event)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEAD = "lead-1"


def at(seconds: float) -> datetime:
    """A moment of the story."""
    return START + timedelta(seconds=seconds)


def origin(submission: str = "s1", seconds: float = 0, channel: str = "web_form") -> Origin:
    when = at(seconds)
    return Origin(submission_id=submission, channel=channel, source="pricing", submitted_at=when, captured_at=when)


def envelope(event: type[E], seconds: float, data: Record, **fields: Any) -> E:
    """An event of its own id; `lead`, `mode`, `id` and `type` may be given."""
    kind = fields.get("type", event.TYPES[0])
    identity = fields.get("id", f"{kind}-{seconds}-{derived_id(data.to_json().decode())}")
    lead, mode = fields.get("lead", LEAD), fields.get("mode", "live")
    return make_event(event, identity, at(seconds), data, type=kind, subject=lead, mode=mode)


def captured(seconds: float = 0, submission: str = "s1", channel: str = "web_form", **fields: Any) -> LeadCaptured:
    data = Captured(
        origin=origin(submission, seconds, channel),
        person=Person(email="ada@example.com"),
        identity=IdentityMatch(new=True),
    )
    return envelope(LeadCaptured, seconds, data, **fields)


def enriched(seconds: float = 0.1, came: Origin | None = None, **fields: Any) -> LeadEnriched:
    data = Enriched(origin=came or origin(), person=Contact(), profile=Profile(), submissions=1)
    return envelope(LeadEnriched, seconds, data, **fields)


def scored(
    seconds: float = 0.2, band: str = "hot", qualification: str = "mql", came: Origin | None = None, **fields: Any
) -> LeadScored:
    data = Scored.from_dict(
        {
            "origin": came or origin(),
            "person": Contact(),
            "profile": Profile(),
            "fit": 80,
            "intent": 70,
            "total": 76,
            "tier": "A2",
            "band": band,
            "qualification": qualification,
            "reasons": (),
            "model": "rules",
            "as_of": at(seconds),
            "trigger": "enriched",
        }
    )
    return envelope(LeadScored, seconds, data, **fields)


def _assignment(
    rep: str, team: str, came: Origin | None, band: str, started_at: datetime | None = None, *, measured: bool = True
) -> Assignment:
    start = came or origin()
    counted_from = started_at or start.captured_at
    return Assignment.from_dict(
        {
            "origin": start,
            "person": Contact(),
            "profile": Profile(),
            "band": band,
            "tier": "A2",
            "total": 76,
            "qualification": "mql",
            "rep": rep,
            "rep_name": "A Rep",
            "rep_email": "rep@example.com",
            "team": team,
            "rule": "default",
            "reason": "first in line",
            "deadlines": Deadlines(
                started_at=started_at,
                owned_by=counted_from + timedelta(minutes=1),
                contacted_by=counted_from + timedelta(minutes=5),
                measured=measured,
                business_hours=False,
            ),
        }
    )


def assigned(
    seconds: float = 0.3,
    rep: str = "kim",
    team: str = "emea",
    came: Origin | None = None,
    band: str = "hot",
    **fields: Any,
) -> LeadAssigned:
    return envelope(LeadAssigned, seconds, _assignment(rep, team, came, band), **fields)


def reassigned(
    seconds: float = 60, rep: str = "lee", team: str = "emea", came: Origin | None = None, **fields: Any
) -> LeadReassigned:
    started_at, measured = fields.pop("started_at", None), fields.pop("measured", True)
    data = _assignment(rep, team, came, "hot", started_at, measured=measured)
    return envelope(LeadReassigned, seconds, data, **fields)


def parked(seconds: float = 90, came: Origin | None = None, **fields: Any) -> LeadParked:
    data = Parked(
        origin=came or origin(),
        person=Contact(),
        profile=Profile(),
        band="cold",
        tier="D4",
        total=5,
        qualification="nurture",
        rule="cold",
        reason="not ready",
    )
    return envelope(LeadParked, seconds, data, **fields)


def _result(
    sla: str,
    seconds: float,
    came: Origin | None,
    rep: str | None,
    team: str | None,
    band: str,
    started_at: datetime | None,
) -> SlaResult:
    start = came or origin()
    counted_from = started_at or start.captured_at
    return SlaResult.from_dict(
        {
            "origin": start,
            "sla": sla,
            "band": band,
            "team": team,
            "rep": rep,
            "deadline": counted_from + timedelta(minutes=1 if sla == "owned" else 5),
            "at": at(seconds),
            "seconds": (at(seconds) - counted_from).total_seconds(),
            "started_at": started_at,
        }
    )


def _settled(kind: type[E], sla: str, seconds: float, came: Origin | None, **fields: Any) -> E:
    rep, team, band = fields.pop("rep", "kim"), fields.pop("team", "emea"), fields.pop("band", "hot")
    data = _result(sla, seconds, came, rep, team, band, fields.pop("started_at", None))
    return envelope(kind, seconds, data, **fields)


def met(sla: str = "owned", seconds: float = 30, came: Origin | None = None, **fields: Any) -> SlaMet:
    """A deadline kept; `rep`, `team`, `band` and `started_at` may be given."""
    return _settled(SlaMet, sla, seconds, came, **fields)


def breached(sla: str = "contacted", seconds: float = 300, came: Origin | None = None, **fields: Any) -> SlaBreached:
    """A deadline broken, as `met`."""
    return _settled(SlaBreached, sla, seconds, came, **fields)


def touch(
    seconds: float = 10,
    identity: str = "t1",
    status: str = "sent",
    *,
    human: bool = False,
    came: Origin | None = None,
    **fields: Any,
) -> TouchRecorded:
    data = Touch(
        touch_id=identity,
        origin=came or origin(),
        channel="call" if human else "email",
        human=human,
        due_at=at(seconds),
        occurred_at=at(seconds),
    )
    return envelope(TouchRecorded, seconds, data, type=f"leadstream.touch.{status}.v1", **fields)


def sequence(
    event: type[SequencePlanned | SequenceStopped], seconds: float, *touches: str, reason: str = "entered"
) -> SequencePlanned | SequenceStopped:
    """A sequence with these touches was planned, or stopped."""
    data = SequenceChange(
        origin=origin(),
        sequence="hot",
        occurred_at=at(seconds),
        reason=reason,
        touches=tuple(
            ScheduledTouch(touch_id=each, step="one", channel="email", due_at=at(seconds)) for each in touches
        ),
    )
    return envelope(event, seconds, data)


def signal(seconds: float = 5, identity: str = "g1", **fields: Any) -> SignalRecorded:
    data = Signal(signal_id=identity, signal="pricing_visit", channel="web", occurred_at=at(seconds))
    return envelope(SignalRecorded, seconds, data, **fields)


def outcome(
    kind: str = "meeting", seconds: float = 1000, value: str | None = None, currency: str = "EUR", **fields: Any
) -> OutcomeRecorded:
    data = Outcome.from_dict(
        {
            "outcome_id": f"o-{kind}-{seconds}",
            "outcome": kind,
            "occurred_at": at(seconds),
            "reason": "budget" if kind in ("lost", "returned") else None,
            "value": value,
            "currency": currency if value else None,
        }
    )
    return envelope(OutcomeRecorded, seconds, data, **fields)


def rejected(seconds: float = 1, channel: str = "csv_import", reason: str = "no_contact") -> InputRejected:
    data = Rejection(channel=channel, reason=reason, detail="no email, no phone", received_at=at(seconds), body=b"{}")
    return envelope(InputRejected, seconds, data, lead=f"sub-{seconds:g}".replace(".", "-"))


def dead(seconds: float = 1, service: str = "score", reason: str = "malformed") -> EventDead:
    data = DeadLetter(
        service=service, topic="leads.enriched", partition=0, offset=7, step="decode", reason=reason, detail="json"
    )
    return envelope(EventDead, seconds, data)
