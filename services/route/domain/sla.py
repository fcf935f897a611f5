"""Service levels: when a lead must be owned and contacted, and whether it was.

What happened counts, not when it was heard of: a contact before the deadline keeps it, also when word of it comes
after the clock ran out. `SlaBreached` is then followed by `SlaMet` of the same submission; met beats breached.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from policy import BandSla, Escalation
from schemas.events import Deadlines
from services.route.domain.business_time import Calendar, NoWorkingTime
from services.route.domain.compiled_routing import CompiledRep, CompiledRouting
from services.route.domain.state import ScoredSnapshot, SlaClock


def start_clock(routing: CompiledRouting, lead: ScoredSnapshot, started: datetime, rep: CompiledRep) -> SlaClock:
    """Returns the clock of the lead's latest enquiry, whose first owner is `rep`.

    Until there is an owner, business hours are the company's; then, the owner's.
    """
    sla = routing.sla(lead.band)
    origin = lead.origin
    first_enquiry = started == origin.captured_at
    owned_by, contacted_by = _limits(routing, sla, started, rep)
    return SlaClock(
        origin=origin,
        band=lead.band,
        started=started,
        # A call is answered before it becomes a lead: what led to the submission is the contact.
        counts_from=min(started, origin.submitted_at) if first_enquiry else started,
        owned_by=owned_by,
        contacted_by=contacted_by,
        waits=sla.outside == "wait_for_hours",
        contacted_at=None,
        status="open",
    )


def _limits(routing: CompiledRouting, sla: BandSla, started: datetime, rep: CompiledRep) -> tuple[datetime, datetime]:
    if sla.outside == "wait_for_hours":
        return (
            _when_worked(started, sla.owned_within, routing.company_calendar),
            _when_worked(started, sla.contacted_within, rep.calendar, routing.company_calendar),
        )
    owned = sla.owned_within if routing.company_calendar.is_open(started) else sla.outside_owned_within
    contacted = sla.contacted_within if rep.calendar.is_open(started) else sla.outside_contacted_within
    assert owned is not None, "a clock that runs outside business hours has a limit; the policy checks it"
    assert contacted is not None, "as above"
    return started + owned, started + contacted


def _when_worked(start: datetime, worked: timedelta, *calendars: Calendar) -> datetime:
    """After so much working time by the first calendar that has it; by none, the clock runs."""
    for calendar in calendars:
        try:
            return calendar.add(start, worked)
        except NoWorkingTime:
            continue
    return start + worked


def deadlines_of(clock: SlaClock) -> Deadlines:
    """Returns the clock as an assignment tells it."""
    return Deadlines(
        started_at=clock.started,
        owned_by=clock.owned_by,
        contacted_by=clock.contacted_by,
        business_hours=clock.waits,
    )


def second_chance(routing: CompiledRouting, clock: SlaClock, at: datetime, rep: CompiledRep) -> Deadlines:
    """Limits for who takes over once the SLA is settled, counted from the takeover. Its result stays as it is."""
    owned_by, contacted_by = _limits(routing, routing.sla(clock.band), at, rep)
    return Deadlines(
        started_at=at, owned_by=owned_by, contacted_by=contacted_by, measured=False, business_hours=clock.waits
    )


def with_contact(clock: SlaClock, at: datetime) -> SlaClock:
    """Returns the clock knowing of a contact; the earliest that counts decides."""
    if at < clock.counts_from or (clock.contacted_at is not None and clock.contacted_at <= at):
        return clock
    status = "met" if at <= clock.contacted_by else "breached"
    return clock.replace(contacted_at=at, status=status)


def escalations(routing: CompiledRouting, clock: SlaClock, on: str) -> tuple[Escalation, ...]:
    """Returns what the band's service level asks for after a breach, soonest first."""
    return tuple(sorted((e for e in routing.sla(clock.band).escalations if e.on == on), key=lambda e: e.after))


def escalates_at(
    routing: CompiledRouting, clock: SlaClock, deadline: datetime, escalation: Escalation, rep: CompiledRep
) -> datetime:
    """Returns when the escalation is due, counted as its deadline was."""
    if not clock.waits:
        return deadline + escalation.after
    return _when_worked(deadline, escalation.after, rep.calendar, routing.company_calendar)
