"""Describes an event in a sentence, with its reasons. Nothing personal unless it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch

from log.sentence import Sentence, Tone, printable
from log.times import describe_duration, format_time
from schemas.base import Event, Mode
from schemas.events import (
    CommandIssued,
    Deadlines,
    EventDead,
    Fact,
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
    OutcomeRecorded,
    PolicyPublished,
    Profile,
    SequencePlanned,
    SequenceStopped,
    SignalRecorded,
    SlaBreached,
    SlaMet,
    SlaResult,
    TouchRecorded,
)

#: A submission that took this many seconds to reach us is described as sent earlier.
LATE_SECONDS = 60.0


def describe(event: Event) -> Sentence:
    """Puts the event into words, safe to print on a terminal."""
    sentence = _describe(event)
    prefix = _of_mode(event.mode)
    return Sentence(
        prefix + printable(sentence.what),
        tuple(map(printable, sentence.more)),
        sentence.tone,
        tuple(map(printable, sentence.personal)),
    )


def _of_mode(mode: Mode) -> str:
    return "" if mode == "live" else f"[{mode}] "


@singledispatch
def _describe(event: Event) -> Sentence:
    return Sentence(event.type)


# -- who it is ---------------------------------------------------------------------------------------------------------


@_describe.register
def _captured(event: LeadCaptured) -> Sentence:
    data, origin = event.data, event.data.origin
    where = origin.channel + (f" ({origin.source})" if origin.source else "")
    if data.identity.new:
        which = "a new lead"
    else:
        which = "the same lead" + _by(" and ".join(data.identity.matched_on).replace("_", " "), "matched on")
    more = []
    if (waited := (origin.captured_at - origin.submitted_at).total_seconds()) > LATE_SECONDS:
        more.append(f"sent {describe_duration(waited)} before, at {format_time(origin.submitted_at)}")
    if data.identity.conflicts:
        more.append(f"an identifier belongs to {', '.join(data.identity.conflicts)}: candidates for a merge")
    attribution = data.attribution
    found = [attribution.utm_source, attribution.utm_medium, attribution.utm_campaign]
    if any(found):
        more.append("came by " + " / ".join(each for each in found if each))
    if data.consent.marketing is not None:
        more.append("agreed to be contacted" if data.consent.marketing else "did not agree to be contacted")
    person = data.person
    who = [each for each in (person.name, person.email, person.phone, data.company.name) if each]
    message = [f"wrote: {person.message}"] if person.message else []
    return Sentence(f"captured from {where}: {which}", tuple(more), personal=(", ".join(who), *message))


def _by(words: str, how: str) -> str:
    return f", {how} {words}" if words else ""


@_describe.register
def _enriched(event: LeadEnriched) -> Sentence:
    data = event.data
    facts = [
        f"from {source.replace('_', ' ')}: {', '.join(fields)}" for source, fields in _by_source(data.facts).items()
    ]
    if data.submissions > 1:
        facts.insert(0, f"after {data.submissions} submissions by {', '.join(data.channels)}")
    person = data.person
    who = ", ".join(each for each in (person.full_name, person.email, person.phone) if each)
    return Sentence(f"enriched: {_profile(data.profile)}", tuple(facts), personal=(who,))


def _by_source(facts: Iterable[Fact]) -> dict[str, list[str]]:
    """Gives what is known from each source, with how sure it is."""
    found: dict[str, list[str]] = {}
    for fact in facts:
        name = fact.field.rpartition(".")[2].replace("_", " ")
        found.setdefault(fact.source, []).append(f"{name} {fact.confidence:.0%}")
    return found


def _profile(profile: Profile) -> str:
    place = " ".join(each for each in (profile.country, profile.region) if each)
    employees = f"{profile.employees} employees" if profile.employees is not None else None
    role = _with(profile.title, (profile.seniority, profile.department))
    company = _with(profile.company or profile.domain, (employees, profile.industry, place))
    parts = [role, f"at {company}" if company else "", f"{profile.email_kind} address" if profile.email_kind else ""]
    who = " ".join(each for each in parts[:2] if each)
    return ", ".join(each for each in (who, parts[2]) if each) or "nothing could be told"


def _with(name: str | None, details: Iterable[str | None]) -> str:
    """Joins the two as `name (details)`, or gives whichever of the two there is."""
    found = ", ".join(each for each in details if each)
    return f"{name} ({found})" if name and found else name or found


@_describe.register
def _scored(event: LeadScored) -> Sentence:
    data = event.data
    reasons = tuple(
        (f"{reason.points:+g} " if reason.points else "") + f"{reason.part}: {reason.text}" for reason in data.reasons
    )
    return Sentence(
        f"scored {data.total} {data.band} {data.tier}, {data.qualification} "
        f"(fit {data.fit}, intent {data.intent}; after {data.trigger}; by {data.model})",
        reasons,
        "good" if data.band == "hot" else "plain",
    )


# -- whose it is -------------------------------------------------------------------------------------------------------


@_describe.register(LeadAssigned)
@_describe.register(LeadReassigned)
def _assigned(event: LeadAssigned | LeadReassigned) -> Sentence:
    data = event.data
    where = f"team {data.team}" + (f", territory {data.territory}" if data.territory else "")
    before = f" from {data.previous_rep}" if data.previous_rep else ""
    verb = "assigned" if isinstance(event, LeadAssigned) else "reassigned"
    more = [f"rule {data.rule}", _deadlines(data.deadlines, data.origin.captured_at)]
    if (turn := data.turn) and turn.pool not in data.reason:
        able = ", ".join(turn.available) or "nobody"
        more.append(f"turn {turn.ordinal + 1} of pool {turn.pool}; could take it: {able}")
    return Sentence(f"{verb}{before} to {data.rep_name} ({where}) because {data.reason}", tuple(more), "good")


def _deadlines(deadlines: Deadlines, captured_at: datetime) -> str:
    start = deadlines.started_at or captured_at
    owned, contacted = (describe_duration(moment - start) for moment in (deadlines.owned_by, deadlines.contacted_by))
    hours = "in business hours" if deadlines.business_hours else "around the clock"
    return f"to be owned in {owned} (by {format_time(deadlines.owned_by)}), contacted in {contacted} ({hours})"


@_describe.register
def _parked(event: LeadParked) -> Sentence:
    return Sentence(f"parked, nobody owns it, because {event.data.reason}", (f"rule {event.data.rule}",), "quiet")


@_describe.register
def _recycled(event: LeadRecycled) -> Sentence:
    return Sentence(f"given back: {event.data.reason}", (f"rule {event.data.rule}",), "quiet")


@_describe.register
def _accepted(event: LeadAccepted) -> Sentence:
    return Sentence(
        f"accepted by {event.data.rep or 'its owner'} after {describe_duration(event.data.seconds)}", tone="good"
    )


@_describe.register
def _met(event: SlaMet) -> Sentence:
    data = event.data
    left = (data.deadline - data.at).total_seconds()
    return Sentence(
        f"SLA met: {data.sla} in {describe_duration(data.seconds)}",
        (f"{describe_duration(left)} before the deadline",),
        "good",
    )


@_describe.register
def _breached(event: SlaBreached) -> Sentence:
    data = event.data
    whose = f" ({data.rep})" if data.rep else ""
    return Sentence(
        f"SLA breached: not {data.sla} in {describe_duration(data.seconds)}{whose}",
        (f"the deadline was {format_time(data.deadline)}",),
        "bad",
    )


@_describe.register
def _escalated(event: LeadEscalated) -> Sentence:
    data = event.data
    action = {"remind_owner": "the owner is reminded", "notify_manager": "the manager is told"}.get(data.action or "")
    whom = f": {data.rep}" if data.rep else ""
    return Sentence(f"escalated, {action or 'somebody is told'}{whom}", (_why_escalated(data),), "bad")


def _why_escalated(data: SlaResult) -> str:
    whose = f" by {data.owner}" if data.owner else ""
    return f"not {data.sla}{whose} by {format_time(data.deadline)}"


# -- what was done -----------------------------------------------------------------------------------------------------


@_describe.register
def _signal(event: SignalRecorded) -> Sentence:
    data = event.data
    detail = f" ({data.detail})" if data.detail else ""
    return Sentence(f"{data.signal.replace('_', ' ')}{detail}, by {data.channel}", _earlier(event, data.occurred_at))


@_describe.register
def _touch(event: TouchRecorded) -> Sentence:
    data = event.data
    who = data.rep or "a rep"
    what = f"{data.channel.replace('_', ' ')} touch {event.status}" + (f" by {who}" if data.human else "")
    if data.sequence:
        what += f" ({data.sequence}" + (f", step {data.step})" if data.step else ")")
    if event.status == "planned":
        what += f" for {format_time(data.due_at)}"
    content = data.person
    said = [f"to {content.to}" if content.to else "", f"subject: {content.subject}" if content.subject else ""]
    said.append(content.body or "")
    tones: dict[str, Tone] = {"sent": "good", "failed": "bad", "unknown": "bad", "suppressed": "quiet"}
    return Sentence(
        what,
        (data.reason,) if data.reason else (),
        tones.get(event.status, "plain"),
        tuple(each for each in said if each),
    )


@_describe.register(SequencePlanned)
@_describe.register(SequenceStopped)
def _sequence(event: SequencePlanned | SequenceStopped) -> Sentence:
    data, stopped = event.data, isinstance(event, SequenceStopped)
    touches = tuple(
        f"{format_time(touch.due_at)} {touch.channel.replace('_', ' ')} (step {touch.step})"
        + (f": {touch.reason}" if touch.reason else ", suppressed" if stopped else "")
        for touch in data.touches
    )
    what = f"sequence {data.sequence} {'stopped' if stopped else 'planned'}: {data.reason}"
    return Sentence(what, touches, "quiet" if stopped else "plain")


@_describe.register
def _outcome(event: OutcomeRecorded) -> Sentence:
    data = event.data
    what = f"outcome: {data.outcome.replace('_', ' ')}"
    if data.value is not None:
        what += f", {data.value:,f} {data.currency or ''}".rstrip()
    if data.rep:
        what += f", by {data.rep}"
    tones: dict[str, Tone] = {"won": "good", "paid": "good", "lost": "bad", "returned": "bad"}
    reasons = (f"because {data.reason}",) if data.reason else ()
    return Sentence(what, (*reasons, *_earlier(event, data.occurred_at)), tones.get(data.outcome, "plain"))


def _earlier(event: Event, occurred_at: datetime) -> tuple[str, ...]:
    late = (event.time - occurred_at).total_seconds()
    return (
        (f"happened at {format_time(occurred_at)}, heard of {describe_duration(late)} later",)
        if late > LATE_SECONDS
        else ()
    )


# -- what runs the stream ----------------------------------------------------------------------------------------------


@_describe.register
def _rejected(event: InputRejected) -> Sentence:
    data = event.data
    source = f" ({data.source})" if data.source else ""
    more = (data.detail, f"{len(data.body)} bytes are kept")
    return Sentence(f"rejected from {data.channel}{source}: {data.reason}", more, "bad")


@_describe.register
def _dead(event: EventDead) -> Sentence:
    data = event.data
    place = f"{data.topic}/{data.partition} at {data.offset}"
    # What our own code said of it may quote the record; what decoding says never does.
    safe = data.step == "decode"
    return Sentence(
        f"set aside by {data.service}: {data.reason} at {data.step}, {place}",
        (data.detail,) if safe else (),
        "bad",
        () if safe else (data.detail,),
    )


@_describe.register
def _erased(event: LeadErased) -> Sentence:
    return Sentence(f"erased ({event.data.reason}), asked for at {format_time(event.data.requested_at)}", tone="quiet")


@_describe.register
def _policy(event: PolicyPublished) -> Sentence:
    data = event.data
    return Sentence(
        f"policy {data.version} published by {data.published_by}, in force from {format_time(data.effective_at)}"
    )


@_describe.register
def _command(event: CommandIssued) -> Sentence:
    data = event.data
    arguments = "".join(f" {name}={value}" for name, value in data.arguments.items())
    return Sentence(f"{data.command.replace('_', ' ')} {data.service}{arguments}, ordered by {data.issued_by}")
