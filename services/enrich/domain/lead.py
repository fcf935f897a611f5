"""What is known of a lead: the weightiest evidence of each kind, from all its submissions so far.

Every part is the greatest under a total order, so that the same submissions in any order give the same lead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, field

from schemas.base import Aware, Code, State
from schemas.events.captured import Attribution, Captured, Consent
from schemas.events.enriched import Contact, Enriched, Profile
from services.enrich.domain.evidence import Evidence, Finding, Held, fact

REMEMBERED_SUBMISSIONS = 50
"""How many of the latest submissions a repeat is recognised of; older ones come back only by a replay."""

MOST_CHANNELS = 20

_NO_ATTRIBUTION = Attribution()
_NOT_ASKED = Consent()


class SaidAttribution(NamedTuple):
    """Where a submission came from; of several, the greatest one counts: the latest."""

    submitted_at: datetime
    submission: str
    attribution: Attribution


class SaidConsent(NamedTuple):
    """An answer to whether the person may be contacted; of several, the greatest counts: the latest, then a refusal."""

    at: datetime
    refused: bool
    submission: str
    consent: Consent


class KnownLead(State, frozen=True, kw_only=True):
    """All that enrich keeps of one lead."""

    held: Annotated[dict[str, Held], Meta(description="By group of evidence.")] = field(default_factory=dict)
    attribution: SaidAttribution | None = None
    consent: SaidConsent | None = None
    channels: Annotated[
        dict[Code, Aware], Meta(description="When each channel was first used, by what submissions say.")
    ] = field(default_factory=dict)
    submissions: int = 0
    recent: Annotated[tuple[str, ...], Meta(description="Marks of the latest submissions, oldest first.")] = ()

    def has_seen(self, submission_id: str) -> bool:
        """Whether the submission is among the latest ones."""
        return bool(self.recent) and submission_mark(submission_id) in self.recent


def submission_mark(submission_id: str) -> str:
    """A short stand-in for a submission's id, which may be long."""
    return blake2b(submission_id.encode(), digest_size=8).hexdigest()


def fold_submission(known: KnownLead, captured: Captured, said: Iterable[Evidence]) -> KnownLead:
    """The lead with one more submission, which it has not seen before."""
    origin = captured.origin
    mark = submission_mark(origin.submission_id)
    return known.replace(
        held=_weighed(known.held, said, origin.submitted_at, mark),
        attribution=_latest_attribution(known, captured, mark),
        consent=_latest_consent(known, captured, mark),
        channels=_channels(known.channels, origin.channel, origin.submitted_at),
        submissions=known.submissions + 1,
        recent=(*known.recent, mark)[-REMEMBERED_SUBMISSIONS:],
    )


def enriched(known: KnownLead, captured: Captured) -> Enriched:
    """The lead as known now, going back to the submission that was folded in last."""
    contact: dict[str, Any] = {}
    profile: dict[str, Any] = {}
    facts = []
    for name, value, source, confidence in _believed(known.held):
        facts.append(fact(name, source, confidence))
        part, _, own_name = name.partition(".")
        (contact if part == "person" else profile)[own_name] = value
    return Enriched(
        origin=captured.origin,
        person=Contact(**contact),
        profile=Profile(**profile),
        attribution=known.attribution.attribution if known.attribution else _NO_ATTRIBUTION,
        consent=known.consent.consent if known.consent else _NOT_ASKED,
        facts=tuple(facts),
        submissions=known.submissions,
        channels=tuple(known.channels),
    )


def _weighed(held: Mapping[str, Held], said: Iterable[Evidence], submitted_at: datetime, mark: str) -> dict[str, Held]:
    weighed = dict(held)
    for group, weight, findings in said:
        claim = Held(weight, submitted_at, mark, findings)
        before = weighed.get(group)
        if before is None or claim > before:
            weighed[group] = claim
    return weighed


def _latest_attribution(known: KnownLead, captured: Captured, mark: str) -> SaidAttribution | None:
    before, attribution = known.attribution, captured.attribution
    if attribution == _NO_ATTRIBUTION:
        return before
    said = SaidAttribution(captured.origin.submitted_at, mark, attribution)
    return said if before is None or said[:2] > before[:2] else before


def _latest_consent(known: KnownLead, captured: Captured, mark: str) -> SaidConsent | None:
    before, consent = known.consent, captured.consent
    if consent.marketing is None:
        return before
    said = SaidConsent(consent.given_at or captured.origin.submitted_at, not consent.marketing, mark, consent)
    return said if before is None or said[:3] > before[:3] else before


def _channels(known: Mapping[Code, datetime], channel: Code, at: datetime) -> dict[Code, datetime]:
    """The channels in the order of their first use; the earliest `MOST_CHANNELS` are kept."""
    used = {**known, channel: min(at, known.get(channel, at))}
    if len(used) == 1:
        return used
    in_order = sorted(used.items(), key=lambda entry: (entry[1], entry[0]))
    return dict(in_order[:MOST_CHANNELS])


def _believed(held: Mapping[str, Held]) -> Iterator[Finding]:
    """The findings that count: of evidence that is bound to a country (`region:US`), only the lead's country's."""
    country = held["country"].findings[0].value if "country" in held else None
    best: dict[str, Held] = {}
    for name, claim in held.items():
        group, _, bound = name.partition(":")
        if (not bound or bound == country) and (group not in best or claim > best[group]):
            best[group] = claim
    for group in sorted(best):
        yield from best[group].findings
