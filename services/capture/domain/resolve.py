"""Which lead each item belongs to, given what is known of the keys. Items are taken in order, as if one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from schemas.events.captured import IdentityMatch
from services.capture.domain.identity import Key
from services.capture.domain.items import Item, Match, Refusal, Repeat, Row

Outcome = Literal["accepted", "duplicate", "unknown_lead", "refused"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one item. `lead_id` is None for what could not be accepted."""

    outcome: Outcome
    submission_id: str
    lead_id: str | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """An input that was accepted before."""

    submission_id: str
    lead_id: str


@dataclass(slots=True)
class Resolution:
    """What a batch of items leads to: a result per item, and what is to be stored for it."""

    results: list[Result] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    identities: dict[Key, str] = field(default_factory=dict)
    """Keys that no lead had, with the lead that has them now."""
    repeats: dict[Repeat, Seen] = field(default_factory=dict)


def resolve(items: Sequence[Item | Refusal], known: Mapping[Key, str], seen: Mapping[Repeat, Seen]) -> Resolution:
    """Decides about a batch.

    Args:
        items: the input, in the order it came.
        known: of all the items' keys, those that belong to a lead already, and to which.
        seen: of all the items' repeats, those accepted before.
    """
    resolution = Resolution()
    leads = dict(known)
    for item in items:
        if isinstance(item, Refusal):
            resolution.rows += item.rows()
            resolution.results.append(Result("refused", item.received.submission_id))
        else:
            resolution.results.append(_accept(item, leads, seen, resolution))
    return resolution


def _accept(item: Item, leads: dict[Key, str], seen: Mapping[Repeat, Seen], resolution: Resolution) -> Result:
    submission = item.received.submission_id
    if item.repeat is not None:
        before = seen.get(item.repeat) or resolution.repeats.get(item.repeat)
        if before is not None:
            return Result("duplicate", before.submission_id, before.lead_id)
    match = match_of(item, leads)
    if match is None:
        resolution.rows += Refusal(item.received, "unknown_lead", "no lead has these identifiers").rows()
        return Result("unknown_lead", submission)
    if item.new_lead is not None:
        _claim(item, match, leads, resolution)
    if item.repeat is not None:
        resolution.repeats[item.repeat] = Seen(submission, match.lead_id)
    resolution.rows.append(item.row(match))
    return Result("accepted", submission, match.lead_id, match.identity.new)


def match_of(item: Item, leads: Mapping[Key, str]) -> Match | None:
    """The lead of the item's first known key; a new one when none is known; None when there must be one."""
    if any(key.kind == "lead_id" and key not in leads for key in item.keys):
        return None
    found = [(key.kind, leads[key]) for key in item.keys if key in leads]
    if not found:
        new = item.new_lead
        return None if new is None else Match(new, IdentityMatch(new=True))
    winner = found[0][1]
    matched = dict.fromkeys(kind for kind, lead in found if lead == winner)
    others = dict.fromkeys(lead for _, lead in found if lead != winner)
    identity = IdentityMatch(new=False, matched_on=tuple(matched), conflicts=tuple(others))
    return Match(winner, identity)


def _claim(item: Item, match: Match, leads: dict[Key, str], resolution: Resolution) -> None:
    """Gives the lead those of the item's keys that nobody has."""
    free = [key for key in item.keys if key not in leads]
    itself = Key("lead_id", match.lead_id)
    if match.identity.new:
        leads[itself] = match.lead_id
        if not free:  # the policy matches on none of its identifiers; its id must find it all the same
            free = [itself]
    for key in free:
        leads[key] = resolution.identities[key] = match.lead_id
