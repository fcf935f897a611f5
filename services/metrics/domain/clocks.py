"""SLA clocks of one lead: opened by an assignment, settled by a result, corrected when the result was wrong."""

from __future__ import annotations

from schemas.events import Assignment, Origin, SlaBreached, SlaKind, SlaMet, SlaResult
from services.metrics.domain.ledger import Clock

KEPT = 8
"""Clocks a lead's state keeps: four submissions' worth. Older ones stay as rows and change no more."""

Clocks = tuple[Clock, ...]


def opened(clocks: Clocks, assignment: Assignment) -> Clocks:
    """With the deadlines of `assignment`: new and cancelled ones run, running ones follow the owner, settled stay."""
    owned: tuple[SlaKind, ...] = ("owned", "contacted")
    for sla in owned:
        known = _find(clocks, assignment.origin, sla)
        if known is None or known.status in ("open", "cancelled"):
            clocks = _put(clocks, _running(assignment, sla))
    return clocks


def settled(clocks: Clocks, event: SlaMet | SlaBreached) -> Clocks:
    """With the result of `event`. A deadline kept stays kept, and one reported broken may turn out kept."""
    result: SlaResult = event.data
    known = _find(clocks, result.origin, result.sla)
    if known is not None and known.status == "met":
        return clocks
    return _put(
        clocks,
        Clock(
            sla=result.sla,
            submission_id=result.origin.submission_id,
            channel=result.origin.channel,
            captured_at=result.origin.captured_at,
            deadline=result.deadline,
            status="met" if isinstance(event, SlaMet) else "breached",
            band=result.band,
            team=result.team,
            rep=result.rep,
            seconds=result.seconds,
        ),
    )


def cancelled(clocks: Clocks) -> Clocks:
    """With the running ones cancelled: nobody owns the lead, so nobody is late."""
    return tuple(
        clock.model_copy(update={"status": "cancelled"}) if clock.status == "open" else clock for clock in clocks
    )


def _running(assignment: Assignment, sla: SlaKind) -> Clock:
    deadlines = assignment.deadlines
    return Clock(
        sla=sla,
        submission_id=assignment.origin.submission_id,
        channel=assignment.origin.channel,
        captured_at=assignment.origin.captured_at,
        deadline=deadlines.owned_by if sla == "owned" else deadlines.contacted_by,
        band=assignment.band,
        team=assignment.team,
        rep=assignment.rep,
    )


def _find(clocks: Clocks, origin: Origin, sla: SlaKind) -> Clock | None:
    wanted = (origin.submission_id, sla)
    return next((clock for clock in clocks if clock.key == wanted), None)


def _put(clocks: Clocks, clock: Clock) -> Clocks:
    others = tuple(other for other in clocks if other.key != clock.key)
    return (*others[1 - KEPT :], clock)
