"""From what the direct API or a form was sent to an item: fields, keys, times and mode put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from policy import Identity
from schemas.base import Mode, Record, derived_id
from schemas.events import (
    Captured,
    IdentityMatch,
    Origin,
    Outcome,
    Signal,
    Touch,
)
from schemas.events.touched import TouchContent
from services.capture.domain.errors import FieldProblem, InvalidInput, invalid_fields
from services.capture.domain.identity import FoundKeys, Identifiers, find_keys
from services.capture.domain.inputs import LeadIn, LeadNamed, OutcomeIn, SignalIn, TouchIn, read
from services.capture.domain.items import Item, Kind, Received, Repeat

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours a sender's clock may be."""

LONGEST_SCOPE = 400
"""Characters of a repeat's scope: with the id it is a key of a table, whose index takes 2,700 bytes."""

_NOT_READABLE = {
    "email": "not an email address",
    "phone": "not a phone number; write it with its country code, as in +49 30 901820",
}


@dataclass(frozen=True, slots=True)
class InputContext:
    """What reading an input needs besides the input."""

    rules: Identity
    received: Received
    new_lead: str
    idempotency_key: str | None = None


def lead_item(document: Any, context: InputContext) -> Item:
    """Reads one submission as the direct API takes it.

    Raises:
        InvalidInput: a field is unknown or wrong, or nothing tells whom it is from.
    """
    lead, received = read(LeadIn, document), context.received
    who = lead.who
    company = lead.company
    identifiers = Identifiers(who.email, who.phone, tuple(lead.external_ids.items()), lead.lead_id, company.country)
    prefix = "/person" if lead.one_person is not None else ""
    found = _keys(identifiers, context.rules, prefix)
    submitted = _when(lead.submitted_at, lead.mode, received.at, "submitted_at")
    channel = lead.channel or received.channel
    origin = Origin(
        submission_id=received.submission_id,
        channel=channel,
        source=lead.source or received.source,
        utm_source=lead.attribution.utm_source,
        submitted_at=submitted,
        captured_at=received.at,
    )
    data = Captured(
        origin=origin,
        person=who.person(),
        company=company.answers(),
        attribution=lead.attribution.attribution(),
        consent=lead.consent.consent(),
        identity=IdentityMatch(new=True),
    )
    return Item(
        kind="lead",
        received=received,
        keys=found.keys,
        repeat=_repeat("lead", f"{channel}/{origin.source or ''}", lead.id, context),
        new_lead=context.new_lead,
        mode=lead.mode,
        time=_stamp(lead.mode, received.at, submitted),
        data=data,
    )


def signal_item(document: Any, context: InputContext) -> Item:
    """Reads one signal.

    Raises:
        InvalidInput: a field is unknown or wrong.
    """
    signal = read(SignalIn, document)
    at = _when(signal.occurred_at, signal.mode, context.received.at, "occurred_at")
    data = Signal(
        signal_id=signal.id or context.received.submission_id,
        signal=signal.signal,
        channel=signal.channel,
        occurred_at=at,
        detail=signal.detail,
    )
    return _fact("signal", signal, context, at, data)


def outcome_item(document: Any, context: InputContext) -> Item:
    """Reads one outcome.

    Raises:
        InvalidInput: a field is unknown or wrong.
    """
    outcome = read(OutcomeIn, document)
    if outcome.outcome in ("lost", "returned") and not (outcome.reason or "").strip():
        raise invalid_fields([FieldProblem("/reason", f"required when `outcome` is `{outcome.outcome}`")])
    at = _when(outcome.occurred_at, outcome.mode, context.received.at, "occurred_at")
    data = Outcome(
        outcome_id=outcome.id or context.received.submission_id,
        outcome=outcome.outcome,
        occurred_at=at,
        channel=outcome.channel,
        rep=outcome.rep,
        reason=outcome.reason,
        value=outcome.value,
        currency=outcome.currency,
    )
    return _fact("outcome", outcome, context, at, data)


def touch_item(document: Any, context: InputContext) -> Item:
    """Reads one contact attempt of a rep's own: a human one, made already.

    Raises:
        InvalidInput: a field is unknown or wrong.
    """
    touch = read(TouchIn, document)
    at = _when(touch.occurred_at, touch.mode, context.received.at, "occurred_at")
    data = Touch(
        touch_id=touch.id or context.received.submission_id,
        channel=touch.channel,
        human=True,
        rep=touch.rep,
        due_at=at,
        occurred_at=at,
        person=TouchContent(subject=touch.subject, body=touch.body),
    )
    return _fact("touch", touch, context, at, data)


def _fact(kind: Kind, fact: LeadNamed, context: InputContext, at: datetime, data: Record) -> Item:
    received = context.received
    identifiers = Identifiers(fact.email, fact.phone, tuple(fact.external_ids.items()), fact.lead_id)
    found = _keys(identifiers, context.rules, "")
    return Item(
        kind=kind,
        received=received,
        keys=found.keys,
        repeat=_repeat(kind, fact.source or received.source or "", fact.id, context),
        new_lead=None,
        mode=fact.mode,
        time=_stamp(fact.mode, received.at, at),
        data=data,
    )


def _keys(who: Identifiers, rules: Identity, prefix: str) -> FoundKeys:
    """One readable identifier is enough: a typing error in the phone number does not lose a lead with an address."""
    found = find_keys(who, rules)
    if found.contactable:
        return found
    problems = [FieldProblem(f"{prefix}/{name}", _NOT_READABLE[name]) for name in found.unreadable]
    if problems:
        raise invalid_fields(problems)
    raise InvalidInput(
        "no_identity",
        "nothing says who this is; give at least one of email, phone, external_ids or lead_id",
        status=422,
        problems=[FieldProblem(f"{prefix}/email", "give an email address, a phone number or another identifier")],
    )


def _when(stated: datetime | None, mode: Mode, now: datetime, field: str) -> datetime:
    if stated is None:
        if mode != "live":
            raise invalid_fields([FieldProblem(f"/{field}", f"required when `mode` is `{mode}`")])
        return now
    if stated > now + CLOCK_SKEW:
        raise invalid_fields([FieldProblem(f"/{field}", "lies in the future")])
    return stated


def _stamp(mode: Mode, now: datetime, business: datetime) -> datetime:
    """Live events carry the moment we took them, so that latencies are true; others the moment they tell of."""
    return now if mode == "live" else business


def _repeat(kind: Kind, scope: str, given: str | None, context: InputContext) -> Repeat | None:
    """A channel's own id says best what is the same; an `Idempotency-Key` serves those that have none."""
    if len(scope) > LONGEST_SCOPE:
        scope = derived_id(scope)
    if given is not None:
        return Repeat(kind, scope, given)
    if context.idempotency_key is not None:
        return Repeat(kind, scope, f"idempotency-key:{context.idempotency_key}")
    return None


READERS: Mapping[Kind, Callable[[Any, InputContext], Item]] = {
    "lead": lead_item,
    "signal": signal_item,
    "outcome": outcome_item,
    "touch": touch_item,
}
