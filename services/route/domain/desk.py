"""What one decision has before it, and what it leaves: events and timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import structs

from schemas.base import Event, Record
from schemas.events import (
    Assignment,
    LeadEscalated,
    LeadParked,
    LeadRecycled,
    Parked,
    Scored,
    SlaBreached,
    SlaKind,
    SlaMet,
    SlaResult,
)
from services.route.domain.choice import Parking, Placement
from services.route.domain.plan import Plan, RepPlan
from services.route.domain.state import Clock, Lead, RouteState
from services.route.domain.turns import Turns

SLA_TIMER = "sla"
UNTOUCHED_TIMER = "untouched"
LONGEST_REASON = 1_000


class Wake(NamedTuple):
    """A timer to be set."""

    due: datetime
    data: Mapping[str, str | int]


class Told(NamedTuple):
    """Who is told of a breach, and what they are asked to do."""

    rep: str
    action: Literal["remind_owner", "notify_manager"]


@dataclass(slots=True)
class Desk:
    """One decision's inputs, and its events and timers so far."""

    plan: Plan
    turns: Turns
    now: datetime
    """Business time, UTC."""
    stamp: datetime
    """When an assignment made now takes effect: the clock's time for live leads, else business time."""
    live: bool
    make: Callable[[type[Event], Record, int], Event]
    """Builds an event; the number tells apart several of one type."""
    events: list[Event] = field(default_factory=list)
    timers: dict[str, Wake | None] = field(default_factory=dict)
    """By name; None: to be cancelled."""

    def emit(self, kind: type[Event], data: Record) -> None:
        """Adds an event."""
        ordinal = sum(type(event) is kind for event in self.events)
        self.events.append(self.make(kind, data, ordinal))

    def wake(self, name: str, due: datetime, **data: str | int) -> None:
        """Sets a timer; only live leads have any."""
        if self.live:
            self.timers[name] = Wake(due, data)

    def forget(self, *names: str) -> None:
        """Cancels timers."""
        if self.live:
            self.timers.update(dict.fromkeys(names))

    def owner(self, state: RouteState) -> RepPlan | None:
        """The lead's owner, if the policy still knows them."""
        return self.plan.reps.get(state.owner.rep) if state.owner else None

    def tell_parked(self, kind: type[LeadParked | LeadRecycled], lead: Lead, why: Parking) -> None:
        """Says that nobody has the lead."""
        said = Parked(**structs.asdict(lead), rule=why.rule, reason=why.reason[:LONGEST_REASON])
        self.emit(kind, said)

    def tell_clock(
        self, kind: type[Event], clock: Clock, sla: SlaKind, at: datetime, rep: RepPlan | None, told: Told | None = None
    ) -> None:
        """Says what became of a clock, who has taken the lead on, or who is told of a breach."""
        rep_id = rep.id if rep else None
        result = SlaResult(
            origin=clock.origin,
            sla=sla,
            band=clock.band,
            team=rep.team if rep else None,
            rep=told.rep if told else rep_id,
            deadline=clock.owned_by if sla == "owned" else clock.contacted_by,
            at=at,
            seconds=max(0.0, (at - clock.started).total_seconds()),
            started_at=clock.started,
            action=told.action if told else None,
            owner=rep_id if told else None,
        )
        self.emit(kind, result)

    def tell_contacted(self, clock: Clock, rep: RepPlan | None) -> None:
        """Says whether the contact clock was kept."""
        if clock.verdict == "met" and clock.contacted_at is not None:
            self.tell_clock(SlaMet, clock, "contacted", clock.contacted_at, rep)
        else:
            self.tell_clock(SlaBreached, clock, "contacted", clock.contacted_by, rep)

    def escalate(self, clock: Clock, sla: SlaKind, rep: RepPlan, *, to_manager: bool) -> None:
        """Tells the manager that a deadline has passed; the owner, where asked for or where no manager is there."""
        manager = self.plan.reps.get(self.plan.managers.get(rep.team) or "")
        if to_manager and manager is not None and manager.active and manager.id != rep.id:
            told = Told(manager.id, "notify_manager")
        else:
            told = Told(rep.id, "remind_owner")
        self.tell_clock(LeadEscalated, clock, sla, self.now, rep, told)


def assignment(state: RouteState, placed: Placement, **fields: object) -> Assignment:
    """What an assignment event says. `fields` are `deadlines`, `previous_rep` and `origin`."""
    lead, rep = state.lead, placed.rep
    assert lead is not None, "only a scored lead is placed"
    said: dict[str, Any] = {
        **structs.asdict(lead),
        "rep": rep.id,
        "rep_name": rep.name,
        "rep_email": rep.email,
        "team": rep.team,
        "territory": placed.territory,
        "rule": placed.rule,
        "reason": placed.reason[:LONGEST_REASON],
        "turn": placed.turn,
        "previous_rep": None,
        **fields,
    }
    return Assignment(**said)


def why_disqualified(scored: Scored) -> str:
    """The reasons that the score gives; empty for a lead that is not disqualified."""
    if scored.qualification != "disqualified":
        return ""
    return "; ".join(reason.text for reason in scored.reasons if reason.part == "qualification")
