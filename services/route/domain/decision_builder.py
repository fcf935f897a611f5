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
from services.route.domain.compiled_routing import CompiledRep, CompiledRouting
from services.route.domain.selection import Parking, Placement
from services.route.domain.state import RouteState, ScoredSnapshot, SlaClock
from services.route.domain.turns import Turns

SLA_TIMER = "sla"
UNTOUCHED_TIMER = "untouched"
LONGEST_REASON = 1_000
"""Characters."""


class NewTimer(NamedTuple):
    """A timer to be set. `due` has a time zone; `data` comes back with the timer."""

    due: datetime
    data: Mapping[str, str | int]


class Notice(NamedTuple):
    """Who is told of a breach, and what they are asked to do."""

    rep: str
    action: Literal["remind_owner", "notify_manager"]


@dataclass(slots=True)
class DecisionBuilder:
    """One decision's inputs, and its events and timers so far."""

    routing: CompiledRouting
    turns: Turns
    now: datetime
    """Business time, UTC."""
    assigned_at: datetime
    """When an assignment made now takes effect: the clock's time for live leads, else business time."""
    live: bool
    create_event: Callable[[type[Event], Record, int], Event]
    """Builds an event; the number tells apart several of one type."""
    events: list[Event] = field(default_factory=list)
    timers: dict[str, NewTimer | None] = field(default_factory=dict)
    """By name; None: to be cancelled."""

    def emit(self, kind: type[Event], data: Record) -> None:
        """Adds an event."""
        ordinal = sum(type(event) is kind for event in self.events)
        self.events.append(self.create_event(kind, data, ordinal))

    def set_timer(self, name: str, due: datetime, **data: str | int) -> None:
        """Sets a timer; only live leads have any."""
        if self.live:
            self.timers[name] = NewTimer(due, data)

    def cancel_timers(self, *names: str) -> None:
        """Cancels timers."""
        if self.live:
            self.timers.update(dict.fromkeys(names))

    def owner(self, state: RouteState) -> CompiledRep | None:
        """Returns the lead's owner, if the policy still knows them."""
        return self.routing.reps.get(state.owner.rep) if state.owner else None

    def emit_parked(self, kind: type[LeadParked | LeadRecycled], lead: ScoredSnapshot, why: Parking) -> None:
        """Emits that nobody has the lead."""
        data = Parked(**structs.asdict(lead), rule=why.rule, reason=why.reason[:LONGEST_REASON])
        self.emit(kind, data)

    def emit_sla(
        self,
        kind: type[Event],
        clock: SlaClock,
        sla: SlaKind,
        at: datetime,
        rep: CompiledRep | None,
        notice: Notice | None = None,
    ) -> None:
        """Emits what became of a clock, who has taken the lead on, or who is told of a breach."""
        rep_id = rep.id if rep else None
        result = SlaResult(
            origin=clock.origin,
            sla=sla,
            band=clock.band,
            team=rep.team if rep else None,
            rep=notice.rep if notice else rep_id,
            deadline=clock.owned_by if sla == "owned" else clock.contacted_by,
            at=at,
            seconds=max(0.0, (at - clock.started).total_seconds()),
            started_at=clock.started,
            action=notice.action if notice else None,
            owner=rep_id if notice else None,
        )
        self.emit(kind, result)

    def emit_contacted(self, clock: SlaClock, rep: CompiledRep | None) -> None:
        """Emits whether the contact clock was kept."""
        if clock.status == "met" and clock.contacted_at is not None:
            self.emit_sla(SlaMet, clock, "contacted", clock.contacted_at, rep)
        else:
            self.emit_sla(SlaBreached, clock, "contacted", clock.contacted_by, rep)

    def escalate(self, clock: SlaClock, sla: SlaKind, rep: CompiledRep, *, to_manager: bool) -> None:
        """Emits that the manager is told of a passed deadline; the owner, where asked for or without a manager."""
        manager = self.routing.reps.get(self.routing.managers.get(rep.team) or "")
        if to_manager and manager is not None and manager.active and manager.id != rep.id:
            notice = Notice(manager.id, "notify_manager")
        else:
            notice = Notice(rep.id, "remind_owner")
        self.emit_sla(LeadEscalated, clock, sla, self.now, rep, notice)


def assignment(state: RouteState, placed: Placement, **fields: object) -> Assignment:
    """Builds the data of an assignment event. `fields` are `deadlines`, `previous_rep`, `origin` and `reason`."""
    lead, rep = state.lead, placed.rep
    assert lead is not None, "only a scored lead is placed"
    data: dict[str, Any] = {
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
    return Assignment(**data)


def why_disqualified(scored: Scored) -> str:
    """Returns the reasons that the score gives; empty for a lead that is not disqualified."""
    if scored.qualification != "disqualified":
        return ""
    return "; ".join(reason.text for reason in scored.reasons if reason.part == "qualification")
