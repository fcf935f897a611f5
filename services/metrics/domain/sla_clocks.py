"""SLA clocks of one lead: opened by an assignment, settled by a result, corrected when the result was wrong."""

from __future__ import annotations

from datetime import datetime

from schemas.events import Assignment, SlaBreached, SlaKind, SlaMet, SlaResult
from services.metrics.domain.ledger import SlaClock

REMEMBERED_CLOCKS = 8
"""Clocks a lead's state keeps: four submissions' worth. Older ones stay as rows and change no more."""

Clocks = tuple[SlaClock, ...]


def opened(clocks: Clocks, assignment: Assignment) -> Clocks:
    """Adds the deadlines of `assignment`.

    New and cancelled ones run, running ones follow the owner, settled ones stay. A running one of the same
    submission that started at another moment is over: the lead has new deadlines. Those that are not measured open
    nothing: one enquiry has one SLA, whoever answers it in the end.
    """
    origin, deadlines = assignment.origin, assignment.deadlines
    if not deadlines.measured:
        return clocks
    started_at = deadlines.started_at or origin.captured_at
    limits: tuple[tuple[SlaKind, datetime], ...] = (
        ("owned", deadlines.owned_by),
        ("contacted", deadlines.contacted_by),
    )
    for sla, deadline in limits:
        known = _find(clocks, origin.submission_id, sla, started_at)
        if known is not None and known.status not in ("open", "cancelled"):
            continue
        running = SlaClock(
            sla=sla,
            submission_id=origin.submission_id,
            channel=origin.channel,
            captured_at=origin.captured_at,
            started_at=started_at,
            deadline=deadline,
            band=assignment.band,
            team=assignment.team,
            rep=assignment.rep,
        )
        clocks = _put(_without_another_running(clocks, running), running)
    return clocks


def settled(clocks: Clocks, event: SlaMet | SlaBreached) -> Clocks:
    """Adds the result of `event`. A deadline kept stays kept, and one reported broken may turn out kept."""
    result: SlaResult = event.data
    origin = result.origin
    started_at = result.started_at or origin.captured_at
    known = _find(clocks, origin.submission_id, result.sla, started_at)
    if known is not None and known.status == "met":
        return clocks
    clock = SlaClock(
        sla=result.sla,
        submission_id=origin.submission_id,
        channel=origin.channel,
        captured_at=origin.captured_at,
        started_at=started_at,
        deadline=result.deadline,
        status="met" if isinstance(event, SlaMet) else "breached",
        band=result.band,
        team=result.team,
        rep=result.rep,
        seconds=result.seconds,
    )
    return _put(clocks, clock)


def cancelled(clocks: Clocks) -> Clocks:
    """Cancels the running ones: nobody owns the lead, so nobody is late."""
    return tuple([_cancelled(clock) if clock.status == "open" else clock for clock in clocks])


def _cancelled(clock: SlaClock) -> SlaClock:
    return clock.replace(status="cancelled")


def _without_another_running(clocks: Clocks, running: SlaClock) -> Clocks:
    """Cancels a running clock of the same kind and submission that started at another moment."""
    return tuple(
        [
            _cancelled(clock)
            if clock.status == "open"
            and clock.sla == running.sla
            and clock.submission_id == running.submission_id
            and clock.started_at != running.started_at
            else clock
            for clock in clocks
        ]
    )


def _find(clocks: Clocks, submission_id: str, sla: SlaKind, started_at: datetime) -> SlaClock | None:
    for clock in clocks:
        if clock.submission_id == submission_id and clock.sla == sla and clock.started_at == started_at:
            return clock
    return None


def _put(clocks: Clocks, clock: SlaClock) -> Clocks:
    known = _find(clocks, clock.submission_id, clock.sla, clock.started_at)
    others = clocks if known is None else tuple([other for other in clocks if other is not known])
    return (*others[1 - REMEMBERED_CLOCKS :], clock)
