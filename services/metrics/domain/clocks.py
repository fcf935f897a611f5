"""SLA clocks of one lead: opened by an assignment, settled by a result, corrected when the result was wrong."""

from __future__ import annotations

from schemas.events import Assignment, SlaBreached, SlaKind, SlaMet, SlaResult
from services.metrics.domain.ledger import Clock, ClockKey

KEPT = 8
"""Clocks a lead's state keeps: four submissions' worth. Older ones stay as rows and change no more."""

Clocks = tuple[Clock, ...]
KINDS: tuple[SlaKind, ...] = ("owned", "contacted")


def opened(clocks: Clocks, assignment: Assignment) -> Clocks:
    """With the deadlines of `assignment`.

    New and cancelled ones run, running ones follow the owner, settled ones stay. A running one of the same
    submission that started at another moment is over: the lead has new deadlines. Those that are not measured open
    nothing: one enquiry has one SLA, whoever answers it in the end.
    """
    if not assignment.deadlines.measured:
        return clocks
    for sla in KINDS:
        running = _running(assignment, sla)
        known = _find(clocks, running.key)
        if known is None or known.status in ("open", "cancelled"):
            clocks = _put(_replaced(clocks, running), running)
    return clocks


def settled(clocks: Clocks, event: SlaMet | SlaBreached) -> Clocks:
    """With the result of `event`. A deadline kept stays kept, and one reported broken may turn out kept."""
    result: SlaResult = event.data
    clock = Clock(
        sla=result.sla,
        submission_id=result.origin.submission_id,
        channel=result.origin.channel,
        captured_at=result.origin.captured_at,
        started_at=result.started_at or result.origin.captured_at,
        deadline=result.deadline,
        status="met" if isinstance(event, SlaMet) else "breached",
        band=result.band,
        team=result.team,
        rep=result.rep,
        seconds=result.seconds,
    )
    known = _find(clocks, clock.key)
    return clocks if known is not None and known.status == "met" else _put(clocks, clock)


def cancelled(clocks: Clocks) -> Clocks:
    """With the running ones cancelled: nobody owns the lead, so nobody is late."""
    return tuple(clock.replace(status="cancelled") if clock.status == "open" else clock for clock in clocks)


def _running(assignment: Assignment, sla: SlaKind) -> Clock:
    deadlines = assignment.deadlines
    return Clock(
        sla=sla,
        submission_id=assignment.origin.submission_id,
        channel=assignment.origin.channel,
        captured_at=assignment.origin.captured_at,
        started_at=deadlines.started_at or assignment.origin.captured_at,
        deadline=deadlines.owned_by if sla == "owned" else deadlines.contacted_by,
        band=assignment.band,
        team=assignment.team,
        rep=assignment.rep,
    )


def _replaced(clocks: Clocks, running: Clock) -> Clocks:
    """Without another running clock of the same kind and submission: it is cancelled."""
    same = (running.submission_id, running.sla)
    return tuple(
        clock.replace(status="cancelled")
        if clock.status == "open" and (clock.submission_id, clock.sla) == same and clock.key != running.key
        else clock
        for clock in clocks
    )


def _find(clocks: Clocks, key: ClockKey) -> Clock | None:
    return next((clock for clock in clocks if clock.key == key), None)


def _put(clocks: Clocks, clock: Clock) -> Clocks:
    others = tuple(other for other in clocks if other.key != clock.key)
    return (*others[1 - KEPT :], clock)
